package import Logging
package import NIOCore
package import SwerveControl
package import SwerveCore
package import SwerveTransport

/// The one place that holds the goal state: the shell of ``ControllerState``.
///
/// Everything that happens becomes an event in one stream. One task takes the events in order, passes them to the state
/// machine and carries out its actions.
package final class Controller: ControllerAccess {
    /// Called once with the answer to a request.
    typealias Reply<Value> = @Sendable (Result<Value, any Error>) -> Void

    enum Event: Sendable {
        case deploy(ApplicationSpec, stored: @Sendable () -> Void, Reply<Void>)
        /// Waits for the outcome of a deploy that is stored.
        case awaitDeploy(String, Reply<Void>)
        case delete(String, stored: @Sendable () -> Void, Reply<Void>)
        case plan(ApplicationSpec, without: Set<String>, Reply<DeployPlan>)
        case scale(DeploymentID, to: Int, by: Target.Decider, Reply<Void>)
        case shutdown(CheckedContinuation<Void, Never>)
        case status(@Sendable (ServeStatus) -> Void)
        case watch(AsyncStream<ServeStatus>.Continuation)
        case replica(ReplicaEvent, ReplicaID)
        case load([DeploymentID: Load], LoadSource)
        case targetCapacity(Int?, Reply<Void>)
        /// The time for a shutdown is over.
        case hurry
        case tick
    }

    let events: AsyncStream<Event>
    let report: AsyncStream<Event>.Continuation
    let clock: any EventLoop
    let launcher: any ReplicaLauncher
    let callers: any PublicationTarget
    let nodes: [String: NodeResources]
    let exposeRoutes: @Sendable ([RouteEntry]) -> Void
    let store: (any GoalStore)?
    let logger: Logger

    /// - Parameters:
    ///   - clock: the event loop whose time and timers the controller uses.
    ///   - launcher: where replicas run.
    ///   - nodes: what replicas can reserve, by the nodes' names.
    ///   - callers: those of this process; the launcher tells those of its replicas' processes.
    ///   - store: keeps the goal; `nil` to keep nothing.
    package init(
        clock: any EventLoop,
        launcher: any ReplicaLauncher,
        nodes: [String: NodeResources] = NodeLedger.nothing,
        callers: any PublicationTarget,
        store: (any GoalStore)? = nil,
        logger: Logger,
        exposeRoutes: @escaping @Sendable ([RouteEntry]) -> Void
    ) {
        (self.events, self.report) = AsyncStream.makeStream(of: Event.self)
        self.clock = clock
        self.launcher = launcher
        self.nodes = nodes
        self.callers = callers
        self.store = store
        self.logger = logger
        self.exposeRoutes = exposeRoutes
    }

    // MARK: Requests to the controller

    package func deploy(_ spec: ApplicationSpec) async throws {
        let waiter = DeployWaiter()
        send(.deploy(spec, stored: {}) { waiter.end($0) })
        try await waiter.wait()
    }
    package func plan(_ spec: ApplicationSpec, without leaving: Set<String>) async throws -> DeployPlan {
        try await ask { .plan(spec, without: leaving, $0) }
    }
    package func delete(_ application: String) async throws {
        try await ask { .delete(application, stored: {}, $0) }
    }
    package func scale(_ deployment: DeploymentID, to replicas: Int, by decider: Target.Decider) async throws {
        try await ask { .scale(deployment, to: replicas, by: decider, $0) }
    }
    package func setTargetCapacity(_ percent: Int?) async throws {
        try await ask { .targetCapacity(percent, $0) }
    }
    private func ask<Value: Sendable>(_ event: (@escaping Reply<Value>) -> Event) async throws -> Value {
        try await withCheckedThrowingContinuation { caller in send(event { caller.resume(with: $0) }) }
    }
    /// A process reports its load on deployments, as far as that has changed.
    package func report(_ loads: [DeploymentID: Load], from source: LoadSource) { send(.load(loads, source)) }
    /// Deletes all applications.
    ///
    /// - Parameter limit: how long replicas may finish their requests; then they are told to end, and a second later
    ///   ended by force. Without a limit, only their deployments' options count.
    package func shutdown(within limit: Duration? = nil) async {
        let timers = [limit, limit.map { $0 + Self.lastPatience }].compactMap(\.self).map { wait in
            clock.scheduleTask(in: .nanoseconds(wait.nanoseconds)) { self.send(.hurry) }
        }
        await withCheckedContinuation { send(.shutdown($0)) }
        for timer in timers { timer.cancel() }
    }
    /// How long a process that was told to end may take when the time for a shutdown is over.
    private static let lastPatience = Duration.seconds(1)

    package func status() async -> ServeStatus {
        await withCheckedContinuation { caller in send(.status { caller.resume(returning: $0) }) }
    }
    package func watch(_ watcher: AsyncStream<ServeStatus>.Continuation) { send(.watch(watcher)) }
    package var processID: Int32? { nil }
    /// What the launcher reports of a replica that it did not get from this controller.
    package func report(_ event: ReplicaEvent, of replica: ReplicaID) { send(.replica(event, replica)) }
    func send(_ event: Event) {
        if case .terminated = report.yield(event) { Self.refuse(event) }
    }

    private static func refuse(_ event: Event) {
        let error = ServeError(.shutDown, "the instance is shut down")
        switch event {
        case .deploy(_, _, let reply), .awaitDeploy(_, let reply), .delete(_, _, let reply), .scale(_, _, _, let reply),
            .targetCapacity(_, let reply):
            reply(.failure(error))
        case .plan(_, _, let reply): reply(.failure(error))
        case .shutdown(let caller): caller.resume()
        case .status(let reply): reply(ServeStatus(applications: [:]))
        case .watch(let watcher):
            watcher.yield(ServeStatus(applications: [:]))
            watcher.finish()
        case .replica, .load, .hurry, .tick: break
        }
    }
}
