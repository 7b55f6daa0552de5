import Logging
import Swerve
import SwerveActors
import Synchronization
import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Where replicas run. They behave the same in both placements.
let placements: [DeploymentOptions.Placement] = [.process, .inProcess]

/// All tests of the instance. They run one after another, because a process has only one instance.
@Suite(.serialized, .oneInstance, .timeLimit(.minutes(2))) struct IntegrationTests {}

enum Instance {
    private static let names = Mutex(0)

    /// A name that no other test uses.
    static func newName() -> String {
        "app-\(names.withLock { $0 += 1; return $0 })"
    }

    static func start() async throws {
        let logger = Logger(label: "tests") { _ in SwiftLogNoOpLogHandler() }
        try await Serve.start(ServeOptions(port: 0, drainTimeout: .seconds(2), logger: logger))
    }
}

/// Runs an application for the duration of `body`.
func withApplication<D: Deployment>(
    _ bound: D,
    name: String = Instance.newName(),
    routePrefix: String? = nil,
    _ body: (D, String) async throws -> Void
) async throws {
    try await Instance.start()
    let handle = try await Serve.run(bound, name: name, routePrefix: routePrefix)
    do {
        try await body(handle, name)
    } catch {
        try? await Serve.delete(name)
        throw error
    }
    try await Serve.delete(name)
}

/// Runs a gate and the journal that opens it for the duration of `body`.
func withGate(
    _ placement: DeploymentOptions.Placement,
    numReplicas: Int = 1,
    maxOngoingRequests: Int = 100,
    maxQueuedRequests: Int? = nil,
    _ body: (Gate, Journal, String) async throws -> Void
) async throws {
    let bound = Gate.bind(journal: Journal.bind().options(maxOngoingRequests: 1000, placement: placement))
        .options(
            numReplicas: numReplicas,
            maxOngoingRequests: maxOngoingRequests,
            maxQueuedRequests: maxQueuedRequests,
            placement: placement
        )
    try await withApplication(bound) { gate, name in
        try await eventuallyHealthy(name)
        try await body(gate, try await Serve.deploymentHandle("Journal", application: name, as: Journal.self), name)
    }
}

/// The awaited condition did not come true in time.
struct TooLong: Error, CustomStringConvertible {
    let description: String
}

/// Waits until `condition` holds, for things that send no event, such as a status.
///
/// The only place in these tests where real time passes. A condition that already holds costs nothing; one that never
/// does fails after 20 seconds.
func eventually(_ what: String, _ condition: () async throws -> Bool) async throws {
    for _ in 0..<2000 {
        if try await condition() { return }
        try await Task.sleep(for: .milliseconds(10))
    }
    throw TooLong(description: "not within 20 seconds: \(what)")
}

/// Waits until every deployment of the application has all its replicas.
func eventuallyHealthy(_ name: String) async throws {
    try await eventually("\(name) is healthy") {
        guard let application = await Serve.status().applications[name] else { return false }
        return application.deployments.values.allSatisfy { $0.state == .healthy }
    }
}

/// Waits until a number stays the same for a while, and returns it.
func settled(_ number: () async throws -> Int) async throws -> Int {
    var last = -1
    var same = 0
    try await eventually("a number settles") {
        let now = try await number()
        same = now == last ? same + 1 : 0
        last = now
        return same == 10
    }
    return last
}

extension Deployment {
    /// The requests that wait in this process for the handle's deployment, and the leases that are taken.
    nonisolated var load: (queued: Int, ongoing: Int) {
        guard case .pool(let pool) = id.target else { return (-1, -1) }
        let load = pool.load
        return (load.queued, load.ongoing)
    }
}
