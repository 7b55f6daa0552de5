internal import NIOCore
internal import SwerveCore
internal import SwerveRouting
internal import Synchronization

// Requests that wait, and the timers that end their waiting.
extension Pool {
    // MARK: Admission

    func request(_ attributes: RequestAttributes?, remaining: TimeAmount?) -> RoutingRequest {
        RoutingRequest(attributes, deadline: remaining.map { now() + .nanoseconds($0.nanoseconds) })
    }

    func admit(_ request: RoutingRequest, _ waiter: Waiter, again: Bool, isAdmitted: Bool) -> Answer {
        let now = now()
        let (answer, work) = state.withLock { state -> (Answer, Work?) in
            let admission = admit(request, again: again, isAdmitted: isAdmitted, now, &state)
            announceQueue(&state)
            switch admission {
            case .assigned(let slot):
                if state.watch.isArmed { noteLoad(&state) }
                return (.lease(LeaseBox(lease(slot, in: &state))), nil)
            case .queued(let ticket, let displaced):
                state.waiters[ticket] = waiter
                noteQueue(&state)
                guard request.deadline != nil || displaced != nil || state.router.hasModels else {
                    return (.waiting(ticket), nil)
                }
                var work = Work(timer: nextTimer(&state))
                if let displaced { fail(displaced, state.router.displacement, &work, &state) }
                return (.waiting(ticket), work)
            case .refused(let error): return (.refused(located(error)), nil)
            }
        }
        if let work { perform(work) }
        if case .refused(let error) = answer, error.code == .queueFull {
            state.withLock { $0.shared }?.forgetEnded(now: now)
        }
        return answer
    }

    private func admit(
        _ request: RoutingRequest,
        again: Bool,
        isAdmitted: Bool,
        _ now: MonotonicTime,
        _ state: inout State
    ) -> ReplicaRouter.Admission {
        if again { return state.router.readmit(request, now: now, using: &state.generator) }
        var elsewhere = 0
        if let shared = state.shared {
            // Told first: another process that queues a request now sees this one, or this one sees that.
            state.announced = state.router.queuedCount + 1
            shared.announce(state.announced)
            elsewhere = shared.elsewhere
        }
        return state.router.admit(
            request,
            isAdmitted: isAdmitted,
            elsewhere: elsewhere,
            now: now,
            using: &state.generator
        )
    }

    /// Tells the other processes how many requests wait here, if that has changed, and whoever reads the metrics.
    func announceQueue(_ state: inout State) {
        metrics.queued(state.router.queuedCount)
        guard let shared = state.shared, state.router.queuedCount != state.announced else { return }
        state.announced = state.router.queuedCount
        shared.announce(state.announced)
    }

    /// Shares the limit of waiting requests with the other processes from now on.
    func share(_ queue: any SharedQueue) {
        state.withLock { state in
            state.shared = queue
            announceQueue(&state)
        }
    }

    // MARK: Timers

    /// The timer to set: `nil` if one that is set fires early enough.
    func nextTimer(_ state: inout State) -> MonotonicTime? {
        guard let time = state.router.nextWakeUp, state.timer.map({ time < $0 }) ?? true else { return nil }
        state.timer = time
        return time
    }

    func wakeUp(at time: MonotonicTime) {
        clock.scheduleTask(deadline: .uptimeNanoseconds(UInt64(max(0, time.nanoseconds)))) { [weak self] in
            self?.tick(time)
        }
    }

    /// - Parameter time: when the timer was to fire; a later one may have been set before an earlier one.
    private func tick(_ time: MonotonicTime) {
        let work = state.withLock { state in
            if state.timer == time { state.timer = nil }
            let (assignments, expired) = state.router.tick(now: now(), using: &state.generator)
            var work = Work(grants: assignments.map { grant($0, in: &state) })
            for ticket in expired { fail(ticket, ReplicaRouter.deadlinePassed, &work, &state) }
            work.timer = nextTimer(&state)
            announceQueue(&state)
            if !expired.isEmpty, state.watch.isArmed { noteLoad(&state) }
            return work
        }
        perform(work)
    }

    /// The waiting request fails once the lock is released.
    func fail(_ ticket: ReplicaRouter.Ticket, _ error: ServeError, _ work: inout Work, _ state: inout State) {
        guard let waiter = state.waiters.removeValue(forKey: ticket) else { return }
        work.failures.append((waiter, located(error)))
    }

    func perform(_ work: Work) {
        for (waiter, error) in work.failures {
            switch waiter {
            case .task(let continuation): continuation.resume(throwing: error)
            case .callback(let callback): callback.leaseRefused(error)
            }
        }
        for grant in work.grants { grant.give() }
        if let timer = work.timer { wakeUp(at: timer) }
    }
}
