package import Logging
package import NIOCore
package import SwerveControl
package import SwerveCore
package import SwerveTransport

/// The one place that holds the goal state: the shell of ``ControllerState``.
///
/// Everything that happens becomes an event in one stream. One task takes the events in order, passes them to the state
/// machine and carries out its actions.
package final class Controller: Sendable {
    enum Event: Sendable {
        case deploy(ApplicationSpec, DeployWaiter)
        case delete(String, CheckedContinuation<Void, any Error>)
        case plan(ApplicationSpec, CheckedContinuation<DeployPlan, any Error>)
        case scale(DeploymentID, to: Int, by: Target.Decider, CheckedContinuation<Void, any Error>)
        case shutdown(CheckedContinuation<Void, Never>)
        case status(CheckedContinuation<ServeStatus, Never>)
        case watch(AsyncStream<ServeStatus>.Continuation)
        case replica(ReplicaEvent, ReplicaID)
        case load([DeploymentID: Load], LoadSource)
        case targetCapacity(Int?, CheckedContinuation<Void, any Error>)
        /// The time for a shutdown is over.
        case hurry
        case tick
    }

    private let events: AsyncStream<Event>
    private let report: AsyncStream<Event>.Continuation
    private let clock: any EventLoop
    private let launcher: any ReplicaLauncher
    private let peers: Peers
    private let nodes: [String: NodeResources]
    private let exposeRoutes: @Sendable ([RouteEntry]) -> Void
    private let logger: Logger

    /// - Parameters:
    ///   - clock: the event loop whose time and timers the controller uses.
    ///   - launcher: where replicas run.
    ///   - nodes: what replicas can reserve, by the nodes' names.
    ///   - peers: this process's connections to replicas.
    package init(
        clock: any EventLoop,
        launcher: any ReplicaLauncher,
        nodes: [String: NodeResources] = NodeLedger.nothing,
        peers: Peers,
        logger: Logger,
        exposeRoutes: @escaping @Sendable ([RouteEntry]) -> Void
    ) {
        (self.events, self.report) = AsyncStream.makeStream(of: Event.self)
        self.clock = clock
        self.launcher = launcher
        self.nodes = nodes
        self.peers = peers
        self.logger = logger
        self.exposeRoutes = exposeRoutes
    }

    // MARK: Requests to the controller

    /// Returns when the application runs. Cancelling the caller ends the wait; the application is still deployed.
    package func deploy(_ spec: ApplicationSpec) async throws {
        let waiter = DeployWaiter()
        send(.deploy(spec, waiter))
        try await waiter.wait()
    }
    /// What deploying the application would change now.
    package func plan(_ spec: ApplicationSpec) async throws -> DeployPlan {
        try await withCheckedThrowingContinuation { send(.plan(spec, $0)) }
    }
    /// Returns when nothing of the application is left.
    package func delete(_ application: String) async throws {
        try await withCheckedThrowingContinuation { send(.delete(application, $0)) }
    }
    /// Sets how many replicas a deployment should have, until the next deploy sets it anew. Returns when the number is
    /// set; the replicas follow.
    ///
    /// - Throws: ``ServeError`` with code `invalidOptions` when the number is out of range, and `notFound` when
    ///   there is no such deployment.
    package func scale(_ deployment: DeploymentID, to replicas: Int, by decider: Target.Decider) async throws {
        try await withCheckedThrowingContinuation { send(.scale(deployment, to: replicas, by: decider, $0)) }
    }
    /// Sets which percentage of their replicas autoscaled deployments have; `nil` for all.
    ///
    /// - Throws: ``ServeError`` with code `invalidOptions` when the number is not from 0 to 100.
    package func setTargetCapacity(_ percent: Int?) async throws {
        try await withCheckedThrowingContinuation { send(.targetCapacity(percent, $0)) }
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
        await withCheckedContinuation { send(.status($0)) }
    }
    /// Tells the watcher the status now and after each change, and finishes it when the instance is shut down.
    package func watch(_ watcher: AsyncStream<ServeStatus>.Continuation) { send(.watch(watcher)) }
    func send(_ event: Event) {
        if case .terminated = report.yield(event) { Self.refuse(event) }
    }

    private static func refuse(_ event: Event) {
        let error = ServeError(.shutDown, "the instance is shut down")
        switch event {
        case .deploy(_, let waiter): waiter.end(.failure(error))
        case .delete(_, let caller), .scale(_, _, _, let caller), .targetCapacity(_, let caller):
            caller.resume(throwing: error)
        case .plan(_, let caller): caller.resume(throwing: error)
        case .shutdown(let caller): caller.resume()
        case .status(let caller): caller.resume(returning: ServeStatus(applications: [:]))
        case .watch(let watcher):
            watcher.yield(ServeStatus(applications: [:]))
            watcher.finish()
        case .replica, .load, .hurry, .tick: break
        }
    }

    // MARK: The loop

    /// State that only the loop touches.
    private struct LoopState {
        var machine: ControllerState
        /// The addresses of the replicas that have been placed.
        var addresses: [ReplicaID: String] = [:]
        var waitingForRun: [String: [DeployWaiter]] = [:]
        var waitingForDelete: [String: [CheckedContinuation<Void, any Error>]] = [:]
        var waitingForShutdown: [CheckedContinuation<Void, Never>] = []
        /// The timer of the next tick.
        var tick: (time: MonotonicTime, timer: Scheduled<Void>)?
        var watchers: [AsyncStream<ServeStatus>.Continuation] = []
        /// The status that the watchers were last told.
        var announced: ServeStatus?
    }

    /// Runs until ``shutdown()`` is done.
    ///
    /// - Parameter numbers: gives the replicas their numbers.
    /// - Returns: the numbers for a controller that continues the instance, so that none is given out twice.
    @discardableResult
    package func run(_ numbers: ReplicaNumbers = ReplicaNumbers()) async -> ReplicaNumbers {
        var state = LoopState(machine: ControllerState(goal: GoalState(numbers: numbers), nodes: nodes))
        for await event in events {
            let now = now()
            perform(handle(event, &state, now), &state)
            scheduleTick(&state)
            announceStatus(&state)
            if !state.waitingForShutdown.isEmpty, state.machine.status().applications.isEmpty {
                report.finish()
                for caller in state.waitingForShutdown { caller.resume() }
                state.waitingForShutdown = []
            }
        }
        for watcher in state.watchers { watcher.finish() }
        // The clock may outlive the instance, and a timer holds what it belongs to.
        state.tick?.timer.cancel()
        return state.machine.goal.numbers
    }

    private func announceStatus(_ state: inout LoopState) {
        guard !state.watchers.isEmpty else { return }
        let status = state.machine.status()
        guard status != state.announced else { return }
        state.announced = status
        state.watchers.removeAll { watcher in
            if case .terminated = watcher.yield(status) { true } else { false }
        }
    }

    private func handle(_ event: Event, _ state: inout LoopState, _ now: MonotonicTime) -> [ControlAction] {
        switch event {
        case .deploy(let spec, let caller):
            do {
                let actions = try state.machine.deploy(spec, now: now)
                state.waitingForRun[spec.name, default: []].append(caller)
                return actions
            } catch {
                caller.end(.failure(error))
                return []
            }
        case .delete(let name, let caller):
            do {
                let actions = try state.machine.delete(application: name, now: now)
                state.waitingForDelete[name, default: []].append(caller)
                let error = ServeError(.deleted, "the application '\(name)' was deleted before it ran")
                for waiter in state.waitingForRun.removeValue(forKey: name) ?? [] { waiter.end(.failure(error)) }
                return actions
            } catch {
                caller.resume(throwing: error)
                return []
            }
        case .scale(let deployment, let replicas, let decider, let caller):
            do {
                let actions = try state.machine.scale(deployment, to: replicas, by: decider, now: now)
                caller.resume()
                return actions
            } catch {
                caller.resume(throwing: error)
                return []
            }
        case .plan(let spec, let caller):
            caller.resume(with: Result { try state.machine.plan(spec) })
            return []
        case .shutdown(let caller):
            state.waitingForShutdown.append(caller)
            return state.machine.shutdown(now: now)
        case .status(let caller):
            caller.resume(returning: state.machine.status())
            return []
        case .watch(let watcher):
            watcher.yield(state.machine.status())
            state.watchers.append(watcher)
            return []
        case .replica(let event, let replica):
            switch event {
            case .placed(let place): state.addresses[replica] = place.address
            case .exited: state.addresses[replica] = nil
            case .checkFailed(let message):
                logger.warning(
                    "health check failed",
                    metadata: ["replica": "\(replica)", "error": "\(message)"]
                )
            case .reconfigurationFailed(_, let message):
                logger.error(
                    "replica could not be reconfigured",
                    metadata: ["replica": "\(replica)", "error": "\(message)"]
                )
            default: break
            }
            return state.machine.handle(event, of: replica, now: now)
        case .load(let loads, let source): return state.machine.report(loads, from: source, now: now)
        case .targetCapacity(let percent, let caller):
            do {
                let actions = try state.machine.setTargetCapacity(percent, now: now)
                caller.resume()
                return actions
            } catch {
                caller.resume(throwing: error)
                return []
            }
        case .hurry: return state.machine.hurry(now: now)
        case .tick:
            if let tick = state.tick, tick.time <= now { state.tick = nil }
            return state.machine.tick(now: now)
        }
    }

    private func scheduleTick(_ state: inout LoopState) {
        guard let wakeUp = state.machine.nextWakeUp else { return }
        // Ticking early does no harm, and a wake-up may lie at the end of time.
        let time = min(wakeUp, now() + Self.longestWait)
        if let tick = state.tick, tick.time <= time { return }
        state.tick?.timer.cancel()
        let deadline = NIODeadline.uptimeNanoseconds(UInt64(clamping: time.nanoseconds))
        state.tick = (time, clock.scheduleTask(deadline: deadline) { self.send(.tick) })
    }

    private static let longestWait = Duration.seconds(3600)

    private func now() -> MonotonicTime {
        MonotonicTime(nanoseconds: Int64(truncatingIfNeeded: clock.now.uptimeNanoseconds))
    }

    // MARK: Actions

    private func perform(_ actions: [ControlAction], _ state: inout LoopState) {
        for action in actions {
            switch action {
            case .start(let replica, let spec, let reservation):
                launcher.start(replica, spec, on: reservation) { self.send(.replica($0, replica)) }
            case .waitForResources(let id, let reason):
                logger.warning("replica waits for resources", metadata: ["deployment": "\(id)", "reason": "\(reason)"])
            case .publish(let id, let replicas, let options): publish(id, replicas, options, state)
            case .withdraw(let id, let reason):
                peers.withdraw(id, reason)
                launcher.publish(.withdraw(id, reason), of: id)
            case .exposeRoutes(let routes): exposeRoutes(routes)
            case .drain(let replica): launcher.drain(replica)
            case .stop(let replica): launcher.stop(replica)
            case .probe(let replica): launcher.probe(replica)
            case .reconfigure(let replica, let spec, let number):
                launcher.reconfigure(replica, spec, number: number)
            case .reportSlowStart(let replica, let phase, let time):
                logger.warning(
                    "replica is slow to start",
                    metadata: ["replica": "\(replica)", "phase": "\(phase)", "for": "\(time)"]
                )
            case .applicationRunning(let name):
                for waiter in state.waitingForRun.removeValue(forKey: name) ?? [] { waiter.end(.success(())) }
            case .applicationFailed(let name, let error):
                logger.error("application failed", metadata: ["application": "\(name)", "error": "\(error)"])
                for waiter in state.waitingForRun.removeValue(forKey: name) ?? [] { waiter.end(.failure(error)) }
            case .applicationDeleted(let name):
                for caller in state.waitingForDelete.removeValue(forKey: name) ?? [] { caller.resume() }
            }
        }
    }

    private func publish(
        _ id: DeploymentID,
        _ replicas: [ServingReplica],
        _ options: PoolOptions,
        _ state: LoopState
    ) {
        // A replica has a place before it is ready, and is published after that.
        let published = replicas.compactMap { replica in
            state.addresses[replica.id].map {
                PublishedReplica(id: replica.id, address: $0, maxOngoingRequests: replica.maxOngoingRequests)
            }
        }
        peers.publish(id, published, options)
        launcher.publish(.publish(id, published, options), of: id)
    }
}
