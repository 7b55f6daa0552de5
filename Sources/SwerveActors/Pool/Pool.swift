package import NIOCore
package import SwerveCore
package import SwerveMetrics
internal import SwerveRouting
package import SwerveTracing
internal import Synchronization

/// This process's access to one deployment: the replica set as last published, the leases out and the queue.
///
/// The shell of ``ReplicaRouter``: one lock guards the calls to it, and its decisions are carried out after unlocking.
package final class Pool: Sendable {
    package let id: DeploymentID
    package let instance: InstanceID
    let clock: any EventLoop
    let loads: LoadReporter
    let metrics: PoolMetrics
    package let tracing: TracingSlot
    let state: Mutex<State>
    /// For calls that may be sent to a second replica.
    let hedges = HedgeDelays()
    /// In nanoseconds; 0 for none.
    private let timeout = Atomic<Int64>(0)
    /// Whether it matters which request it is.
    let needsRequests = Atomic(false)

    struct State {
        var router = ReplicaRouter()
        var generator: SplitMix64
        /// By slot.
        var replicas: [(any ReplicaConnection)?] = []
        var waiters: [ReplicaRouter.Ticket: Waiter] = [:]
        /// When the earliest timer that is set fires.
        var timer: MonotonicTime?
        var watch = LoadWatch()
        /// The counts of the other processes' queues.
        var shared: (any SharedQueue)?
        /// What the others were last told.
        var announced = 0
    }

    /// Whether the controller wants to know the pool's load, and what it has been told.
    struct LoadWatch {
        var isOn = false
        /// Whether the next change is noted. It is not while an earlier one has not been reported.
        var isArmed = false
        /// Whether it is known, or about to be, that requests wait.
        var isQueueNoted = false
    }

    enum Waiter {
        case task(UnsafeContinuation<LeaseBox, any Error>)
        case callback(any LeaseWaiter)
    }

    /// A waiter and the lease that it gets once the lock is released.
    struct Grant {
        let waiter: Waiter
        let lease: LeaseBox

        func give() {
            switch waiter {
            case .task(let continuation): continuation.resume(returning: lease)
            case .callback(let callback): callback.leaseGranted(lease)
            }
        }
    }

    /// What to do after unlocking.
    struct Work {
        var grants: [Grant] = []
        var failures: [(waiter: Waiter, error: ServeError)] = []
        /// A timer to set.
        var timer: MonotonicTime?
    }

    /// A replica of the published set.
    package struct Member: Sendable {
        let connection: any ReplicaConnection
        let maxOngoingRequests: Int

        /// - Parameter maxOngoingRequests: how many leases on the replica may be out at a time.
        package init(_ connection: any ReplicaConnection, maxOngoingRequests: Int) {
            self.connection = connection
            self.maxOngoingRequests = maxOngoingRequests
        }
    }

    /// - Parameters:
    ///   - clock: the event loop whose time and timers the pool uses.
    ///   - seed: for the choices among replicas.
    ///   - loads: tells the controller the pool's load.
    ///   - metrics: where the process counts.
    ///   - tracing: where the process's spans go.
    package init(
        _ id: DeploymentID,
        of instance: InstanceID,
        clock: any EventLoop,
        seed: UInt64,
        loads: LoadReporter,
        metrics: ProcessMetrics = ProcessMetrics(),
        tracing: TracingSlot = TracingSlot()
    ) {
        self.id = id
        self.instance = instance
        self.clock = clock
        self.loads = loads
        self.metrics = PoolMetrics(id, metrics)
        self.tracing = tracing
        self.state = Mutex(State(generator: SplitMix64(seed: seed)))
    }

    // MARK: Leases

    /// Takes a lease if a replica is free and no request waits; `nil` if the request has to wait or is refused.
    @inline(__always)
    package func tryAcquire() -> Lease? {
        state.withLock { state in
            guard let slot = state.router.admitIfFree(using: &state.generator) else { return nil }
            if state.watch.isArmed { noteLoad(&state) }
            return lease(slot, in: &state)
        }
    }

    /// Waits for a lease, in order of priority and arrival. A cancelled task leaves the queue and throws
    /// `CancellationError`. The deadline of ``ServeContext/current`` ends the wait when it passes.
    ///
    /// - Parameters:
    ///   - again: whether the request was tried before; if so, it goes ahead of those that were not.
    ///   - isAdmitted: whether ``tryAcquire(_:)`` said so.
    package func acquire(again: Bool = false, isAdmitted: Bool = false) async throws -> Lease {
        let place = TicketBox()
        let context = ServeContext.current
        let wait = tracing.isOn ? QueueWait(of: self, context) : nil
        defer { wait?.end() }
        let request = request(context?.attributes, remaining: context?.deadline?.remaining)
        let box = try await withTaskCancellationHandler {
            try await withUnsafeThrowingContinuation { (continuation: UnsafeContinuation<LeaseBox, any Error>) in
                switch admit(request, .task(continuation), again: again, isAdmitted: isAdmitted) {
                case .lease(let lease): continuation.resume(returning: lease)
                case .refused(let error): continuation.resume(throwing: error)
                case .waiting(let ticket):
                    wait?.begin()
                    // If the cancellation came before the ticket was known, it had no ticket to cancel.
                    if place.set(ticket) { cancel(ticket) }
                }
            }
        } onCancel: {
            cancel(place.cancel())
        }
        // Dropping the box releases the lease.
        if Task.isCancelled { throw CancellationError() }
        guard let lease = box.take() else { preconditionFailure("a granted lease is taken once") }
        return lease
    }

    /// The immediate answer of ``acquire(_:attributes:remaining:again:isAdmitted:)``.
    package enum Answer {
        case lease(LeaseBox)
        /// The waiter is called later; ``Pool/cancel(_:)`` with the ticket takes it out of the queue.
        case waiting(UInt64)
        case refused(ServeError)
    }

    /// Like ``acquire(again:isAdmitted:)`` for code that is not a task.
    ///
    /// - Parameter remaining: the time until the request's deadline.
    package func acquire(
        _ waiter: any LeaseWaiter,
        attributes: RequestAttributes? = nil,
        remaining: TimeAmount? = nil,
        again: Bool = false,
        isAdmitted: Bool = false
    ) -> Answer {
        admit(request(attributes, remaining: remaining), .callback(waiter), again: again, isAdmitted: isAdmitted)
    }

    /// Takes a lease on another replica for a request that one has already; `nil` if none is free.
    func acquire(otherThan replica: ReplicaID) -> LeaseBox? {
        state.withLock { state in
            state.router.admit(otherThan: replica).map { LeaseBox(lease($0, in: &state)) }
        }
    }

    /// Takes a lease on a certain replica, even if it has no room; `nil` if it does not take requests any more.
    func acquire(_ replica: ReplicaID) -> Lease? {
        state.withLock { state in
            guard let slot = state.router.admit(to: replica) else { return nil }
            return lease(slot, in: &state)
        }
    }

    /// The replicas that take requests.
    var replicas: [ReplicaID] { state.withLock { $0.router.published } }

    /// Whether a request that may have begun on a replica that was lost is tried again.
    func mayRetry() -> Bool { state.withLock { $0.router.mayRetry(now: now()) } }

    /// Takes a waiting request out of the queue; no effect if it no longer waits.
    package func cancel(_ ticket: UInt64?) {
        guard let ticket else { return }
        let waiter = state.withLock { state -> Waiter? in
            if state.watch.isArmed { noteLoad(&state) }
            guard state.router.cancel(ticket) else { return nil }
            announceQueue(&state)
            return state.waiters.removeValue(forKey: ticket)
        }
        if case .task(let continuation)? = waiter { continuation.resume(throwing: CancellationError()) }
    }

    func released(_ slot: Int) {
        // A connection that leaves the table is destroyed after unlocking: it may hold the last reference to a user's
        // actor.
        let (first, more, _) = state.withLock { state -> (Grant?, [Grant], (any ReplicaConnection)?) in
            metrics.ended()
            let now = state.router.queuedCount > 0 || state.router.hasModels ? now() : nil
            let (first, more) = state.router.release(slot, now: now, using: &state.generator)
            if state.watch.isArmed { noteLoad(&state) }
            let unused = takeUnused(slot, in: &state)
            if now != nil { announceQueue(&state) }
            return (first.map { grant($0, in: &state) }, more.map { grant($0, in: &state) }, unused)
        }
        first?.give()
        for grant in more { grant.give() }
    }

    /// The replica refused the request: it is full or shutting down.
    func refused(_ slot: Int) {
        let (timer, _) = state.withLock { state -> (MonotonicTime?, (any ReplicaConnection)?) in
            metrics.refused()
            _ = state.router.refused(slot, now: now())
            let unused = takeUnused(slot, in: &state)
            return (nextTimer(&state), unused)
        }
        if let timer { wakeUp(at: timer) }
    }

    func now() -> MonotonicTime {
        MonotonicTime(nanoseconds: Int64(truncatingIfNeeded: clock.now.uptimeNanoseconds))
    }

    // MARK: The replica set

    /// Takes over the set that the controller published.
    package func update(_ members: [Member], options: PoolOptions) {
        timeout.store(options.requestTimeout?.nanoseconds ?? 0, ordering: .relaxed)
        let (grants, _) = state.withLock { state in
            let (slots, assignments) = state.router.update(
                members.map { (id: $0.connection.id, limit: $0.maxOngoingRequests) },
                options: options,
                using: &state.generator
            )
            for (slot, member) in zip(slots, members) {
                while state.replicas.count <= slot { state.replicas.append(nil) }
                state.replicas[slot] = member.connection
            }
            let unused = takeUnused(in: &state)
            watchLoad(options.reportsLoad, &state)
            announceQueue(&state)
            needsRequests.store(state.router.needsRequests, ordering: .relaxed)
            return (assignments.map { grant($0, in: &state) }, unused)
        }
        for grant in grants { grant.give() }
    }

    /// Prefers a replica of this process to those of others as long as it has room, if the routing policy allows it.
    package func prefer(_ replica: ReplicaID) { state.withLock { $0.router.prefer(replica) } }

    /// A replica is known to be gone before the controller reports it. It gets no more requests.
    package func leave(_ replica: ReplicaID) {
        _ = state.withLock { state in
            state.router.leave(replica)
            return takeUnused(in: &state)
        }
    }

    /// A replica says which models it has.
    package func know(_ models: ReplicaModels, of replica: ReplicaID) {
        let work = state.withLock { state in
            let assignments = state.router.know(models, of: replica, now: now(), using: &state.generator)
            needsRequests.store(state.router.needsRequests, ordering: .relaxed)
            return Work(grants: assignments.map { grant($0, in: &state) }, timer: nextTimer(&state))
        }
        perform(work)
    }

    /// How long a request may take, as the deployment's options say.
    @inline(__always)
    package var requestTimeout: Duration? {
        let nanoseconds = timeout.load(ordering: .relaxed)
        return nanoseconds == 0 ? nil : .nanoseconds(nanoseconds)
    }

    /// Fails waiting and new requests with `error`, until the next ``update(_:options:)``.
    package func withdraw(_ error: ServeError) {
        let error = located(error)
        let (work, _) = state.withLock { state in
            var work = Work()
            for ticket in state.router.withdraw(error) { fail(ticket, error, &work, &state) }
            watchLoad(false, &state)
            announceQueue(&state)
            needsRequests.store(state.router.needsRequests, ordering: .relaxed)
            return (work, takeUnused(in: &state))
        }
        perform(work)
    }

    /// The numbers of waiting requests, of leases out and of known replicas, for status and tests.
    package var load: (queued: Int, ongoing: Int, replicas: Int) {
        state.withLock { ($0.router.queuedCount, $0.router.ongoingCount, $0.replicas.count { $0 != nil }) }
    }

    /// How many requests wait in other processes, for tests.
    package var queuedElsewhere: Int { state.withLock { $0.shared }?.elsewhere ?? 0 }

    // MARK: Inner workings

    func located(_ error: ServeError) -> ServeError {
        var error = error
        error.deployment = error.deployment ?? id
        if [.queueFull, .overloaded, .tooManyRequests].contains(error.code) {
            error.message = "\(id): \(error.message)"
        }
        return error
    }

    @inline(__always)
    func lease(_ slot: Int, in state: inout State) -> Lease {
        guard let replica = state.replicas[slot] else { preconditionFailure("a routable slot has a replica") }
        metrics.leased()
        return Lease(self, slot: slot, replica: replica)
    }

    func grant(_ assignment: ReplicaRouter.Assignment, in state: inout State) -> Grant {
        guard let waiter = state.waiters.removeValue(forKey: assignment.ticket) else {
            preconditionFailure("a queued ticket has a waiter")
        }
        return Grant(waiter: waiter, lease: LeaseBox(lease(assignment.slot, in: &state)))
    }

    /// Removes the replicas whose slots the router no longer uses.
    private func takeUnused(in state: inout State) -> [any ReplicaConnection] {
        state.replicas.indices.compactMap { takeUnused($0, in: &state) }
    }

    @inline(__always)
    private func takeUnused(_ slot: Int, in state: inout State) -> (any ReplicaConnection)? {
        state.router.isUsed(slot) ? nil : state.replicas[slot].take()
    }
}

/// Holds a waiting task's ticket for its cancellation handler.
private final class TicketBox: Sendable {
    private let state = Mutex<(ticket: UInt64?, isCancelled: Bool)>((nil, false))

    /// Returns `true` if the task is already cancelled.
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
