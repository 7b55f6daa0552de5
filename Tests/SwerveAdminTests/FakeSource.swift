import NIOCore
import SwerveCore
import Synchronization

@testable import SwerveAdmin

/// An instance that does what the test says, and notes what it was asked.
final class FakeSource: AdminSource {
    private let updates: AsyncStream<ServeStatus>
    private let update: AsyncStream<ServeStatus>.Continuation
    private let state = Mutex(State())

    private struct State {
        var status = ServeStatus(applications: [:])
        var asked: [String] = []
    }

    init() {
        (updates, update) = AsyncStream.makeStream(of: ServeStatus.self, bufferingPolicy: .bufferingNewest(1))
        update.yield(ServeStatus(applications: [:]))
    }

    var asked: [String] { state.withLock { $0.asked } }
    private func note(_ text: String) { state.withLock { $0.asked.append(text) } }

    /// The applications with these names run from now on.
    func run(_ names: String...) {
        let applications = names.map { name in
            let id = DeploymentID(application: name, deployment: "Model")
            let deployment = DeploymentStatus(
                id: id,
                state: .healthy,
                message: "",
                target: Target(replicas: 1),
                options: DeploymentOptions(),
                replicas: [ReplicaStatus(id: ReplicaID(deployment: id, number: 1), state: .running, processID: 1)]
            )
            return ApplicationStatus(
                name: name,
                routePrefix: "/\(name)",
                state: .running,
                message: "",
                deployments: ["Model": deployment]
            )
        }
        let status = ServeStatus(applications: Dictionary(uniqueKeysWithValues: applications.map { ($0.name, $0) }))
        state.withLock { $0.status = status }
        update.yield(status)
    }

    func end() { update.finish() }

    func facts() async -> InstanceFacts {
        InstanceFacts(
            at: AdminJSON.Moment(monotonic: MonotonicTime(nanoseconds: 1_000_000_000), wall: 1_700_000_000_000_000_000),
            startedAt: .zero,
            processID: 42,
            build: "b",
            controller: .init(placement: "embedded", processID: 42),
            http: .init(host: "127.0.0.1", port: 8000),
            proxies: [],
            nodes: [:],
            targetCapacity: nil,
            stateDirectory: nil,
            deployedAt: [:]
        )
    }
    func status() async -> ServeStatus { state.withLock { $0.status } }
    func statusUpdates() async -> AsyncStream<ServeStatus> { updates }
    func deployed() async -> [String: AdminDeployed] {
        state.withLock { $0.status.applications.mapValues { _ in AdminDeployed(ingress: "Model", config: nil) } }
    }
    func delete(_ application: String) async throws { note("delete \(application)") }
    func scale(_ deployment: DeploymentID, to replicas: Int) async throws { note("scale \(deployment) to \(replicas)") }
    func setTargetCapacity(_ percent: Int?) async throws { note("capacity \(percent ?? -1)") }
    func beginShutdown() async { note("shutdown") }
    func revisions(of application: String) async throws -> [DeployedRevision] {
        [DeployedRevision(revision: 2, deployedAt: .zero, isCurrent: true, deployments: ["Model"])]
    }
    func plan(rollbackOf application: String, to revision: Int?) async throws -> DeployPlan {
        DeployPlan(application: application, changes: [])
    }
    func rollBack(_ application: String, to revision: Int?) async throws -> DeployPlan {
        note("roll back \(application) to \(revision ?? -1)")
        return DeployPlan(application: application, changes: [])
    }
}

extension AdminTime {
    /// A time that stands still until the test lets it go on.
    static func standing(_ waits: AsyncStream<Void>, began: @escaping @Sendable () -> Void = {}) -> AdminTime {
        AdminTime(
            wall: { 1_700_000_000_000_000_000 },
            sleep: { _ in
                began()
                for await _ in waits { break }
            }
        )
    }
}
