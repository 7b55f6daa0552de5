internal import Logging
internal import NIOCore
package import SwerveControl
internal import SwerveCore

/// The loop that takes one event after another.
extension Controller {
    /// State that only the loop touches.
    struct LoopState {
        var machine: ControllerState
        /// Where changes of the goal go; `nil` when they are not kept, or no longer.
        var store: (any GoalStore)?
        /// The addresses of the replicas that have been placed.
        var addresses: [ReplicaID: String] = [:]
        var waitingForRun: [String: [Reply<Void>]] = [:]
        var waitingForDelete: [String: [Reply<Void>]] = [:]
        var waitingForShutdown: [CheckedContinuation<Void, Never>] = []
        /// The timer of the next tick.
        var tick: (time: MonotonicTime, timer: Scheduled<Void>)?
        var watchers: [AsyncStream<ServeStatus>.Continuation] = []
        /// The status that the watchers were last told; `nil` while there are none.
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
            if !state.waitingForShutdown.isEmpty, state.machine.goal.applications.isEmpty {
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

    func announceStatus(_ state: inout LoopState) {
        guard var status = state.announced else { return }
        var isNew = false
        for name in state.machine.takeChanged() {
            let next = state.machine.status(of: name)
            isNew = isNew || status.applications[name] != next
            status.applications[name] = next
        }
        guard isNew else { return }
        state.watchers.removeAll { watcher in
            if case .terminated = watcher.yield(status) { true } else { false }
        }
        state.announced = state.watchers.isEmpty ? nil : status
    }

    func handle(
        _ event: Event,
        _ state: inout LoopState,
        _ now: MonotonicTime
    ) async -> [ControlAction] {
        switch event {
        case .deploy(let spec, let stored, let reply):
            do {
                let actions = try await change(&state) { machine throws(ServeError) in
                    try machine.deploy(spec, now: now)
                }
                stored()
                state.waitingForRun[spec.name, default: []].append(reply)
                return actions
            } catch {
                reply(.failure(error))
                return []
            }
        case .awaitDeploy(let name, let reply):
            do {
                let actions = try state.machine.announceAgain(name, now: now)
                state.waitingForRun[name, default: []].append(reply)
                return actions
            } catch {
                reply(.failure(error))
                return []
            }
        case .delete(let name, let stored, let reply):
            do {
                let actions = try await change(&state) { machine throws(ServeError) in
                    try machine.delete(application: name, now: now)
                }
                stored()
                state.waitingForDelete[name, default: []].append(reply)
                let error = ServeError(.deleted, "the application '\(name)' was deleted before it ran")
                for waiter in state.waitingForRun.removeValue(forKey: name) ?? [] { waiter(.failure(error)) }
                return actions
            } catch {
                reply(.failure(error))
                return []
            }
        case .scale(let deployment, let replicas, let decider, let reply):
            do {
                let actions = try await change(&state) { machine throws(ServeError) in
                    try machine.scale(deployment, to: replicas, by: decider, now: now)
                }
                reply(.success(()))
                return actions
            } catch {
                reply(.failure(error))
                return []
            }
        case .plan(let spec, let leaving, let reply):
            reply(Result { try state.machine.plan(spec, without: leaving) })
            return []
        case .shutdown(let caller):
            state.waitingForShutdown.append(caller)
            state.store = nil
            return state.machine.shutdown(now: now)
        case .status(let reply):
            reply(state.machine.status())
            return []
        case .watch(let watcher):
            announceStatus(&state)
            let status = state.announced ?? state.machine.status()
            if state.announced == nil { _ = state.machine.takeChanged() }
            state.announced = status
            watcher.yield(status)
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
        case .targetCapacity(let percent, let reply):
            do {
                let actions = try await change(&state) { machine throws(ServeError) in
                    try machine.setTargetCapacity(percent, now: now)
                }
                reply(.success(()))
                return actions
            } catch {
                reply(.failure(error))
                return []
            }
        case .hurry: return state.machine.hurry(now: now)
        case .tick:
            if let tick = state.tick, tick.time <= now { state.tick = nil }
            return state.machine.tick(now: now)
        }
    }

    /// Makes a change that a caller asks for, and stores it. If it cannot be stored, it has not happened.
    func change(
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

    func save(_ state: inout LoopState) async throws(ServeError) {
        guard let store = state.store, let change = state.machine.unstoredChange() else { return }
        try await store.save(change)
        state.machine.noteStored(change)
    }

    /// Stores what changed by itself, such as that a revision proved good. What cannot be stored now is stored with the
    /// next change.
    func keep(_ state: inout LoopState) async {
        do {
            try await save(&state)
        } catch {
            logger.error("the goal cannot be stored", metadata: ["error": "\(error)"])
        }
    }

    func scheduleTick(_ state: inout LoopState) {
        guard let wakeUp = state.machine.nextWakeUp else { return }
        // Ticking early does no harm, and a wake-up may lie at the end of time.
        let time = min(wakeUp, now() + Self.longestWait)
        if let tick = state.tick, tick.time <= time { return }
        state.tick?.timer.cancel()
        let deadline = NIODeadline.uptimeNanoseconds(UInt64(clamping: time.nanoseconds))
        state.tick = (time, clock.scheduleTask(deadline: deadline) { self.send(.tick) })
    }

    static let longestWait = Duration.seconds(3600)

    func now() -> MonotonicTime {
        MonotonicTime(nanoseconds: Int64(truncatingIfNeeded: clock.now.uptimeNanoseconds))
    }
}
