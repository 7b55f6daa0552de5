import Dispatch
import NIOCore
import NIOPosix
import SwerveCore
import Synchronization
import TestSupport
import Testing

@testable import SwerveActors

/// A replica that is never asked.
final class Silent: ReplicaConnection {
    let id: ReplicaID

    init(_ number: UInt64) {
        id = ReplicaID(deployment: DeploymentID(application: "lease", deployment: "D"), number: number)
    }
    func open(_ request: ReplicaRequest, for receiver: any ReplicaStreamReceiver, on loop: RequestLoop)
        -> any ReplicaStream
    {
        preconditionFailure("the tests of leases ask nobody")
    }
    func call(_ call: OutgoingCall) async -> CallOutcome { .refused }
}

/// Takes what it is granted, or drops it.
final class Waiter: LeaseWaiter {
    private let state = Mutex<(leases: [LeaseBox], errors: [ServeError])>(([], []))
    private let keeps: Bool
    init(keeps: Bool = true) {
        self.keeps = keeps
    }
    func leaseGranted(_ lease: LeaseBox) {
        if keeps { state.withLock { $0.leases.append(lease) } }
    }
    func leaseRefused(_ error: ServeError) { state.withLock { $0.errors.append(error) } }
    var granted: Int { state.withLock { $0.leases.count } }
    var errors: [ServeError] { state.withLock { $0.errors } }
    /// Takes the lease that was granted.
    func take() -> Lease? {
        let box = state.withLock { $0.leases.isEmpty ? nil : $0.leases.removeFirst() }
        return box?.take()
    }
}

@Suite struct LeaseTests {
    private let loop = ManualLoop()
    private let pool: Pool

    init() {
        pool = Pool(
            DeploymentID(application: "lease", deployment: "D"),
            of: InstanceID(rawValue: 1),
            clock: loop,
            seed: 1,
            loads: LoadReporter(clock: loop)
        )
        serve(1, limit: 1)
    }

    private func serve(_ replicas: Int, limit: Int, maxQueued: Int = 100) {
        pool.update(
            (0..<replicas).map { Pool.Member(Silent(UInt64($0)), maxOngoingRequests: limit) },
            options: PoolOptions(maxQueuedRequests: maxQueued, routing: .powerOfTwoChoices)
        )
    }

    private var isFree: Bool {
        switch pool.tryAcquire() {
        case .some: true
        case .none: false
        }
    }

    /// Waits in the queue, which must not be empty-handed.
    private func wait(_ waiter: Waiter) throws -> UInt64 {
        guard case .waiting(let ticket) = pool.acquire(waiter) else {
            Issue.record("it need not wait")
            return 0
        }
        return ticket
    }

    // MARK: Policies that heed the request

    private enum Found: Equatable {
        case lease(UInt64), refused(ServeError.Code), wait(isAdmitted: Bool)
    }

    /// What happens to a request, whose lease is put into `leases`.
    private func attempt(_ leases: inout [LeaseBox], session: String? = nil) -> Found {
        var attributes = RequestAttributes()
        attributes.sessionKey = session
        switch pool.tryAcquire((attributes, remaining: nil)) {
        case .lease(let lease):
            let number = lease.replica.id.number
            leases.append(LeaseBox(lease))
            return .lease(number)
        case .refused(let error): return .refused(error.code)
        case .wait(let isAdmitted): return .wait(isAdmitted: isAdmitted)
        }
    }

    @Test func `a policy of the program decides without waiting, and is asked once about a request that waits`() throws
    {
        pool.update(
            (0..<3).map { Pool.Member(Silent($0), maxOngoingRequests: 2) },
            options: PoolOptions(
                maxQueuedRequests: 100,
                routing: .type(ToLast.self),
                admission: .type(FourRequests.self)
            )
        )
        var leases: [LeaseBox] = []
        #expect(attempt(&leases) == .lease(2))
        #expect(attempt(&leases) == .lease(2))
        #expect(attempt(&leases) == .wait(isAdmitted: true))
        let waiter = Waiter()
        guard case .waiting = pool.acquire(waiter, isAdmitted: true) else {
            Issue.record("it need not wait")
            return
        }
        #expect(attempt(&leases) == .wait(isAdmitted: true))
        #expect(attempt(&leases) == .refused(.tooManyRequests))
        leases.removeFirst()
        #expect(waiter.granted == 1)
    }

    @Test func `a session finds its replica without waiting, also after other options`() {
        var leases: [LeaseBox] = []
        pool.update(
            (0..<3).map { Pool.Member(Silent($0), maxOngoingRequests: 9) },
            options: PoolOptions(maxQueuedRequests: 100, routing: .consistentHash)
        )
        let home = attempt(&leases, session: "a")
        for _ in 0..<3 { #expect(attempt(&leases, session: "a") == home) }
        serve(1, limit: 5)
        #expect(attempt(&leases, session: "a") == .lease(0))
        let others: [LeaseBox] = leases
        #expect(others.count == 5)
        pool.withdraw(ServeError(.deleted, "gone"))
        #expect(attempt(&leases) == .wait(isAdmitted: false))
    }

    // MARK: Giving up

    @Test func `a lease that is released makes room`() {
        let lease = pool.tryAcquire()
        #expect(pool.load.ongoing == 1)
        #expect(!isFree)
        lease?.release()
        #expect(pool.load.ongoing == 0)
    }

    @Test func `a lease that is let go is released`() {
        do {
            let lease = pool.tryAcquire()
            #expect(pool.load.ongoing == 1)
            _ = lease
        }
        #expect(pool.load.ongoing == 0)
    }

    @Test func `a replica that refused is left alone for a while`() throws {
        pool.tryAcquire()?.refuse()
        #expect(pool.load.ongoing == 0)
        #expect(!isFree)
        let waiter = Waiter()
        _ = try wait(waiter)
        loop.advance(by: .milliseconds(1))
        #expect(waiter.granted == 1)
    }

    @Test func `a box that nobody opens releases its lease`() throws {
        let lease = pool.tryAcquire()
        let (careless, next) = (Waiter(keeps: false), Waiter())
        _ = try wait(careless)
        _ = try wait(next)
        lease?.release()
        // The first let its box go, and with it the place went to the next.
        #expect(next.granted == 1)
        #expect(pool.load == (0, 1, 1))
        next.take()?.release()
        #expect(pool.load == (0, 0, 1))
    }

    @Test func `a box is opened once`() {
        guard case .lease(let box) = pool.acquire(Waiter()) else {
            Issue.record("it has to wait")
            return
        }
        box.take()?.release()
        #expect(pool.load.ongoing == 0)
        // A second lease out of the box would be released a second time, which is a mistake.
        box.take()?.release()
        #expect(isFree)
    }

    // MARK: Waiting

    @Test func `waiting requests get places in their order, those that are tried again first`() throws {
        let lease = pool.tryAcquire()
        let (first, second, again) = (Waiter(), Waiter(), Waiter())
        _ = try wait(first)
        _ = try wait(second)
        guard case .waiting = pool.acquire(again, again: true) else {
            Issue.record("it need not wait")
            return
        }
        lease?.release()
        #expect((again.granted, first.granted, second.granted) == (1, 0, 0))
        again.take()?.release()
        #expect((first.granted, second.granted) == (1, 0))
        first.take()?.release()
        #expect(second.granted == 1)
    }

    @Test func `a waiting request that is cancelled gets nothing`() throws {
        let lease = pool.tryAcquire()
        let waiter = Waiter()
        let ticket = try wait(waiter)
        pool.cancel(ticket)
        pool.cancel(ticket)
        pool.cancel(nil)
        lease?.release()
        #expect((waiter.granted, waiter.errors) == (0, []))
        #expect(pool.load == (0, 0, 1))
    }

    @Test func `what waits when a deployment is withdrawn fails once, and what comes later at once`() throws {
        let lease = pool.tryAcquire()
        let waiter = Waiter()
        _ = try wait(waiter)
        pool.withdraw(ServeError(.deleted, "gone"))
        #expect(waiter.errors.map(\.code) == [.deleted])
        guard case .refused(let error) = pool.acquire(Waiter()) else {
            Issue.record("it was not refused")
            return
        }
        #expect(error.code == .deleted)
        #expect(error.deployment == pool.id)
        lease?.release()
        #expect(pool.load == (0, 0, 0))
    }

    @Test func `a full queue says which deployment's it is`() throws {
        serve(1, limit: 1, maxQueued: 0)
        let lease = pool.tryAcquire()
        guard case .refused(let error) = pool.acquire(Waiter()) else {
            Issue.record("it was not refused")
            return
        }
        #expect(error.code == .queueFull)
        #expect(error.message.hasPrefix("lease/D: "))
        lease?.release()
    }

    @Test func `a replica that left keeps its leases and gets no new ones`() {
        let lease = pool.tryAcquire()
        pool.leave(ReplicaID(deployment: pool.id, number: 0))
        #expect(pool.load == (0, 1, 1))
        #expect(!isFree)
        lease?.release()
        #expect(pool.load == (0, 0, 0))
    }

    // MARK: Tasks

    @Test func `a task that is cancelled while it waits leaves the queue`() async {
        let lease = pool.tryAcquire()
        let executor = ManualExecutor()
        let pool = pool
        let task = Task(executorPreference: executor) { try await pool.acquire().release() }
        executor.run()
        #expect(pool.load.queued == 1)
        task.cancel()
        #expect(pool.load.queued == 0)
        executor.run()
        await #expect(throws: CancellationError.self) { try await task.value }
        lease?.release()
        #expect(pool.load == (0, 0, 1))
    }

    @Test func `a task that is cancelled before it waits does not wait`() async {
        let lease = pool.tryAcquire()
        let executor = ManualExecutor()
        let pool = pool
        let task = Task(executorPreference: executor) { try await pool.acquire().release() }
        task.cancel()
        executor.run()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(pool.load.queued == 0)
        lease?.release()
    }

    @Test func `a lease that was granted to a task before it was cancelled is released`() async {
        let lease = pool.tryAcquire()
        let executor = ManualExecutor()
        let pool = pool
        let task = Task(executorPreference: executor) { try await pool.acquire().release() }
        executor.run()
        lease?.release()
        #expect(pool.load == (0, 1, 1))
        task.cancel()
        executor.run()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(pool.load == (0, 0, 1))
    }

    @Test func `whatever many tasks do, no place is lost and no limit passed`() async {
        serve(2, limit: 3)
        let pool = Pool(
            self.pool.id,
            of: self.pool.instance,
            clock: MultiThreadedEventLoopGroup.singleton.any(),
            seed: 7,
            loads: LoadReporter(clock: loop)
        )
        pool.update([0, 1].map { Pool.Member(Silent($0), maxOngoingRequests: 3) }, options: PoolOptions())
        let ongoing = Tally()
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<2_000 {
                let task = Task {
                    let lease = try await pool.acquire(again: number % 7 == 0)
                    ongoing.add(1)
                    if number % 3 == 0 { await Task.yield() }
                    ongoing.add(-1)
                    if number % 50 == 1 { lease.refuse() } else { lease.release() }
                }
                group.addTask {
                    if number % 4 == 0 {
                        await Task.yield()
                        task.cancel()
                    }
                    _ = try? await task.value
                }
            }
        }
        #expect(ongoing.most <= 6)
        #expect(pool.load == (0, 0, 2))
    }
}

/// Sends every request to the last replica, or lets it wait.
struct ToLast: RoutingPolicy {
    func choose(
        among replicas: [RoutingReplica],
        for request: RoutingRequest,
        using generator: inout SplitMix64
    ) -> Int? {
        replicas.last?.hasRoom == true ? replicas.count - 1 : nil
    }
}

/// Takes four requests.
struct FourRequests: AdmissionPolicy {
    private var asked = 0

    mutating func decide(_ context: AdmissionContext) -> AdmissionDecision {
        asked += 1
        return asked <= 4 ? .admit : .tooManyRequests("four are enough")
    }
}
