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
    private let callers: any PublicationTarget
    private let nodes: [String: NodeResources]
    private let exposeRoutes: @Sendable ([RouteEntry]) -> Void
    private let store: (any GoalStore)?
    private let logger: Logger

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
        send(.deploy(spec, waiter))
        try await waiter.wait()
    }
    package func plan(_ spec: ApplicationSpec) async throws -> DeployPlan {
        try await withCheckedThrowingContinuation { send(.plan(spec, $0)) }
    }
    package func delete(_ application: String) async throws {
        try await withCheckedThrowingContinuation { send(.delete(application, $0)) }
    }
    package func scale(_ deployment: DeploymentID, to replicas: Int, by decider: Target.Decider) async throws {
        try await withCheckedThrowingContinuation { send(.scale(deployment, to: replicas, by: decider, $0)) }
    }
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
        /// Where changes of the goal go; `nil` when they are not kept, or no longer.
        var store: (any GoalStore)?
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
    /// A change of the goal is stored before anything is done about it. A change that a caller asked for and that cannot
    /// be stored does not happen. A shutdown is no change: the next controller starts the applications again.
    ///
    /// - Parameters:
    ///   - goal: what to begin with, as the store has it.
    ///   - inventory: what an earlier controller with this goal left running.
    /// - Returns: the numbers for a controller that continues the instance, so that none is given out twice.
    @discardableResult
    package func run(_ goal: GoalState = GoalState(), _ inventory: Inventory? = nil) async -> ReplicaNumbers {
        let machine = ControllerState(goal: goal, nodes: nodes, isStored: store != nil)
        var state = LoopState(machine: machine, store: store)
        if let inventory {
            state.machine.adopt(inventory, now: now())
            for replica in inventory.replicas { state.addresses[replica.id] = replica.place?.address }
        }
        scheduleTick(&state)
        for await event in events {
            let actions = await handle(event, &state, now())
            await keep(&state)
            perform(actions, &state)
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

    private func handle(
        _ event: Event,
        _ state: inout LoopState,
        _ now: MonotonicTime
    ) async -> [ControlAction] {
        switch event {
        case .deploy(let spec, let caller):
            do {
                let actions = try await change(&state) { machine throws(ServeError) in
                    try machine.deploy(spec, now: now)
                }
                state.waitingForRun[spec.name, default: []].append(caller)
                return actions
            } catch {
                caller.end(.failure(error))
                return []
            }
        case .delete(let name, let caller):
            do {
                let actions = try await change(&state) { machine throws(ServeError) in
                    try machine.delete(application: name, now: now)
                }
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
                let actions = try await change(&state) { machine throws(ServeError) in
                    try machine.scale(deployment, to: replicas, by: decider, now: now)
                }
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
            state.store = nil
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
                let actions = try await change(&state) { machine throws(ServeError) in
                    try machine.setTargetCapacity(percent, now: now)
                }
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

    /// Makes a change that a caller asks for, and stores it. If it cannot be stored, it has not happened.
    private func change(
        _ state: inout LoopState,
        _ change: (inout ControllerState) throws(ServeError) -> [ControlAction]
    ) async throws(ServeError) -> [ControlAction] {
        let before = state.machine
        let actions = try change(&state.machine)
        do {
            try await save(&state)
        } catch {
            state.machine = before
            throw error
        }
        return actions
    }

    private func save(_ state: inout LoopState) async throws(ServeError) {
        guard let store = state.store, let change = state.machine.unstoredChange else { return }
        try await store.save(change)
        state.machine.noteStored(change)
    }

    /// Stores what changed by itself, such as that a revision proved good. What cannot be stored now is stored with the
    /// next change.
    private func keep(_ state: inout LoopState) async {
        do {
            try await save(&state)
        } catch {
            logger.error("the goal cannot be stored", metadata: ["error": "\(error)"])
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
                callers.withdraw(id, reason)
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
        callers.publish(id, published, options)
        launcher.publish(.publish(id, published, options), of: id)
    }
}
