internal import NIOCore
internal import NIOPosix
package import SwerveCore
internal import SwerveRouting
internal import Synchronization

/// The way from this process to one deployment: the replica set as last published, the leases out and the queue.
///
/// The shell of ``ReplicaRouter``: one lock around its calls, and what it decides is carried out after unlocking.
package final class Route: Sendable {
    package let id: DeploymentID
    private let state: Mutex<State>

    private struct State {
        var router = ReplicaRouter()
        var generator: SplitMix64
        /// By slot.
        var targets: [ReplicaTarget?] = []
        var waiters: [ReplicaRouter.Ticket: Waiter] = [:]
        var isTickScheduled = false
    }

    private enum Waiter {
        case task(UnsafeContinuation<Lease, any Error>)
        case callback(any LeaseWaiter)
    }

    package init(_ id: DeploymentID) {
        self.id = id
        var seed = SystemRandomNumberGenerator()
        self.state = Mutex(State(generator: SplitMix64(seed: seed.next())))
    }

    // MARK: Leases

    /// A lease when a replica is free and nobody waits; `nil` when the request has to wait or is refused.
    @inline(__always)
    package func tryAcquire() -> Lease? {
        state.withLock { state in
            state.router.admitIfFree(using: &state.generator).map { lease($0, in: &state) }
        }
    }

    /// Waits in order of arrival for a lease. A cancelled task leaves the queue and throws `CancellationError`.
    package func acquire(again: Bool = false) async throws -> Lease {
        let place = TicketBox()
        let lease = try await withTaskCancellationHandler {
            try await withUnsafeThrowingContinuation { (continuation: UnsafeContinuation<Lease, any Error>) in
                switch admit(.task(continuation), again: again) {
                case .lease(let lease): continuation.resume(returning: lease)
                case .refused(let error): continuation.resume(throwing: error)
                case .waiting(let ticket):
                    // A cancellation that came before the ticket was known found nothing to take back.
                    if place.set(ticket) { cancel(ticket) }
                }
            }
        } onCancel: {
            cancel(place.cancel())
        }
        if Task.isCancelled {
            lease.release()
            throw CancellationError()
        }
        return lease
    }

    /// What ``acquire(_:again:)`` answers at once.
    package enum Answer {
        case lease(Lease)
        /// The waiter is called later; the ticket takes it out of the queue again.
        case waiting(UInt64)
        case refused(ServeError)
    }

    /// Like ``acquire(again:)`` for code that is not a task.
    package func acquire(_ waiter: any LeaseWaiter, again: Bool = false) -> Answer {
        admit(.callback(waiter), again: again)
    }

    private func admit(_ waiter: Waiter, again: Bool) -> Answer {
        state.withLock { state -> Answer in
            let admission =
                again
                ? state.router.readmit(using: &state.generator) : state.router.admit(using: &state.generator)
            switch admission {
            case .assigned(let slot): return .lease(lease(slot, in: &state))
            case .queued(let ticket):
                state.waiters[ticket] = waiter
                return .waiting(ticket)
            case .refused(let error): return .refused(located(error))
            }
        }
    }

    /// Takes a waiting request out of the queue; nothing happens when it does not wait any more.
    package func cancel(_ ticket: UInt64?) {
        guard let ticket else { return }
        let waiter = state.withLock { state -> Waiter? in
            state.router.cancel(ticket) ? state.waiters.removeValue(forKey: ticket) : nil
        }
        if case .task(let continuation)? = waiter { continuation.resume(throwing: CancellationError()) }
    }

    fileprivate func release(_ slot: Int) {
        let (granted, more) = state.withLock { state -> ((Waiter, Lease)?, [(Waiter, Lease)]) in
            let (first, more) = state.router.release(slot, using: &state.generator)
            return (first.flatMap { take($0, in: &state) }, more.compactMap { take($0, in: &state) })
        }
        if let (waiter, lease) = granted { Self.grant(lease, to: waiter) }
        for (waiter, lease) in more { Self.grant(lease, to: waiter) }
    }

    /// The replica took the request not on, because it is full or is going away.
    fileprivate func refuse(_ slot: Int) {
        let delay = state.withLock { state -> Duration? in
            let now = Self.now()
            let wakeUp = state.router.refused(slot, now: now)
            if state.isTickScheduled { return nil }
            state.isTickScheduled = true
            return wakeUp - now
        }
        if let delay { scheduleTick(in: delay) }
    }

    private func scheduleTick(in delay: Duration) {
        _ = MultiThreadedEventLoopGroup.singleton.any().scheduleTask(in: .nanoseconds(max(delay.nanoseconds, 0))) {
            let granted = self.state.withLock { state in
                state.isTickScheduled = false
                return state.router.tick(now: Self.now(), using: &state.generator).compactMap {
                    self.take($0, in: &state)
                }
            }
            for (waiter, lease) in granted { Self.grant(lease, to: waiter) }
            let wait = self.state.withLock { state -> Duration? in
                guard !state.isTickScheduled, let wakeUp = state.router.nextWakeUp else { return nil }
                state.isTickScheduled = true
                return wakeUp - Self.now()
            }
            if let wait { self.scheduleTick(in: wait) }
        }
    }

    private static func now() -> MonotonicTime {
        MonotonicTime(nanoseconds: Int64(truncatingIfNeeded: NIODeadline.now().uptimeNanoseconds))
    }

    // MARK: The replica set

    /// Takes over the set that the controller published.
    package func update(_ replicas: [(id: ReplicaID, target: ReplicaTarget)], options: DeploymentOptions) {
        let granted = state.withLock { state in
            let (slots, assignments) = state.router.update(
                replicas.map(\.id),
                limit: options.maxOngoingRequests,
                maxQueued: options.maxQueuedRequests,
                routing: options.routing,
                using: &state.generator
            )
            for (slot, replica) in zip(slots, replicas) {
                while state.targets.count <= slot { state.targets.append(nil) }
                state.targets[slot] = replica.target
            }
            return assignments.compactMap { take($0, in: &state) }
        }
        for (waiter, lease) in granted { Self.grant(lease, to: waiter) }
    }

    /// A replica is gone; no more requests for it, before the controller says so too.
    package func leave(_ replica: ReplicaID) {
        state.withLock { $0.router.leave(replica) }
    }

    /// Fails what waits and what comes, until the next ``update(_:options:)``.
    package func withdraw(_ error: ServeError) {
        let error = located(error)
        let waiters = state.withLock { state in
            state.router.withdraw(error).compactMap { state.waiters.removeValue(forKey: $0) }
        }
        for waiter in waiters {
            switch waiter {
            case .task(let continuation): continuation.resume(throwing: error)
            case .callback(let callback): callback.leaseRefused(error)
            }
        }
    }

    /// Requests that wait and leases out, for status and tests.
    package var load: (queued: Int, ongoing: Int) {
        state.withLock { ($0.router.queuedCount, $0.router.ongoingCount) }
    }

    // MARK: Inner workings

    private func located(_ error: ServeError) -> ServeError {
        var error = error
        error.deployment = error.deployment ?? id
        if error.code == .queueFull { error.message = "\(id): \(error.message)" }
        return error
    }

    @inline(__always)
    private func lease(_ slot: Int, in state: inout State) -> Lease {
        guard let target = state.targets[slot] else { preconditionFailure("a routable slot has a target") }
        return Lease(route: self, slot: slot, target: target)
    }

    private func take(_ assignment: ReplicaRouter.Assignment, in state: inout State) -> (Waiter, Lease)? {
        guard let waiter = state.waiters.removeValue(forKey: assignment.ticket) else {
            preconditionFailure("a queued ticket has a waiter")
        }
        return (waiter, lease(assignment.slot, in: &state))
    }

    private static func grant(_ lease: Lease, to waiter: Waiter) {
        switch waiter {
        case .task(let continuation): continuation.resume(returning: lease)
        case .callback(let callback): callback.leaseGranted(lease)
        }
    }
}

/// Someone who waits for a lease without being a task. Called once, on any thread.
package protocol LeaseWaiter: AnyObject, Sendable {
    func leaseGranted(_ lease: Lease)
    func leaseRefused(_ error: ServeError)
}

/// One request's claim on one replica. Exactly one of its two ends is called, once.
package struct Lease: Sendable {
    package let route: Route
    fileprivate let slot: Int
    package let target: ReplicaTarget

    /// The request is over.
    @inline(__always)
    package func release() {
        route.release(slot)
    }
    /// The replica refused the request without starting it.
    package func refuse() {
        route.refuse(slot)
    }
}

/// Where a waiting task keeps its ticket for whoever cancels it.
private final class TicketBox: Sendable {
    private let state = Mutex<(ticket: UInt64?, isCancelled: Bool)>((nil, false))

    /// `true` when the task was cancelled before.
    func set(_ ticket: UInt64) -> Bool {
        state.withLock { state in
            state.ticket = ticket
            return state.isCancelled
        }
    }
    func cancel() -> UInt64? {
        state.withLock { state in
            state.isCancelled = true
            return state.ticket
        }
    }
}
