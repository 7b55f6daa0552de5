import Swerve
import SwerveActors
import SwerveTesting
import Synchronization
import TestSupport
import Testing

/// Where replicas run. They behave the same in all placements.
let placements = DeploymentOptions.Placement.all

/// Tests of whole instances with real processes. They run one after another, because some count what this process
/// holds.
@Suite(.serialized, .ownInstance, .timeLimit(.minutes(5))) struct IntegrationTests {}

enum Instance {
    private static let names = Mutex(0)

    /// A name that no other test uses.
    static func newName() -> String {
        "app-\(names.withLock { $0 += 1; return $0 })"
    }
}

/// Runs an application for the duration of `body`.
func withApplication<D: Deployment>(
    _ bound: D,
    name: String = Instance.newName(),
    routePrefix: String? = nil,
    _ body: (D, String) async throws -> Void
) async throws {
    let handle = try await instance.run(bound, name: name, routePrefix: routePrefix)
    do {
        try await body(handle, name)
    } catch {
        try? await instance.delete(name)
        throw error
    }
    try await instance.delete(name)
}

/// Runs a gate and the journal that opens it for the duration of `body`.
func withGate(
    _ placement: DeploymentOptions.Placement,
    numReplicas: Int = 1,
    maxOngoingRequests: Int = 100,
    maxQueuedRequests: Int? = nil,
    _ body: (Gate, Journal, String) async throws -> Void
) async throws {
    let bound = Gate.options(
        numReplicas: numReplicas,
        maxOngoingRequests: maxOngoingRequests,
        maxQueuedRequests: maxQueuedRequests,
        placement: placement
    ).bind(journal: Journal.options(maxOngoingRequests: 1000, placement: placement).bind())
    try await withApplication(bound) { gate, name in
        try await eventuallyHealthy(name)
        try await body(gate, try await instance.deploymentHandle("Journal", application: name, as: Journal.self), name)
    }
}

/// Where the replicas of an ingress run, and who takes the connections of its clients.
struct Way: Sendable, CustomTestStringConvertible {
    let placement: DeploymentOptions.Placement
    var isDirect = false

    static let inProcess = Way(placement: .inProcess)
    static let process = Way(placement: .process)
    /// The replicas themselves.
    static let direct = Way(placement: .process, isDirect: true)

    var testDescription: String { isDirect ? "direct" : "\(placement)" }
}

/// What an ingress answers is the same on all ways.
let ways = [Way.inProcess, .process, .direct]

/// Waits until every deployment of the application has all its replicas, and the right processes take connections.
func eventuallyHealthy(_ name: String, _ way: Way) async throws {
    try await eventuallyHealthy(name)
    guard way.isDirect else { return }
    try await eventuallyDirect(instance, name)
}

/// Waits until the direct replicas of an application, and nobody else, take connections.
func eventuallyDirect(_ instance: ServeInstance, _ name: String) async throws {
    try await eventually("direct replicas alone take connections") {
        let takers = await instance.takers
        let ingress = takers.replicas.filter { $0.deployment.application == name }
        guard !takers.proxy, let deployment = ingress.first?.deployment.deployment else { return false }
        let status = await instance.status().applications[name]?.deployments[deployment]
        return status?.replicas.map(\.id).sorted() == ingress
    }
}

/// Waits until every deployment of the application has all its replicas.
func eventuallyHealthy(_ name: String) async throws {
    try await instance.waitUntilHealthy(name)
}

extension Deployment {
    /// The requests that wait in this process for the handle's deployment, and the leases that are taken.
    ///
    /// Those that wait in other processes count, too.
    nonisolated var load: (queued: Int, ongoing: Int) {
        guard case .pool(let pool) = id.target else { return (-1, -1) }
        let load = pool.load
        return (load.queued + pool.queuedElsewhere, load.ongoing)
    }
}
