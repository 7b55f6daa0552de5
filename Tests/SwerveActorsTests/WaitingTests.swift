import NIOCore
import SwerveCore
import TestSupport
import Testing

@testable import SwerveActors

/// Requests that wait for a lease, with a clock that the test moves.
@Suite struct WaitingTests {
    private let loop = ManualLoop()
    private let pool: Pool

    init() {
        pool = Pool(
            DeploymentID(application: "waiting", deployment: "D"),
            of: InstanceID(rawValue: 1),
            clock: loop,
            seed: 1,
            loads: LoadReporter(clock: loop)
        )
        serve(limit: 1)
    }

    private func serve(limit: Int, replicas: Int = 1, maxQueued: Int = 100) {
        pool.update(
            (0..<replicas).map { Pool.Member(Silent(UInt64($0)), maxOngoingRequests: limit) },
            options: PoolOptions(maxQueuedRequests: maxQueued)
        )
    }

    private func wait(_ waiter: Waiter, _ priority: RequestPriority, in time: TimeAmount? = nil) -> UInt64? {
        let answer = pool.acquire(waiter, attributes: RequestAttributes(priority: priority), remaining: time)
        guard case .waiting(let ticket) = answer else { return nil }
        return ticket
    }

    @Test func `a request fails at its deadline and not before`() throws {
        let lease = pool.tryAcquire()
        let (late, later, patient) = (Waiter(), Waiter(), Waiter())
        _ = try #require(wait(later, .normal, in: .milliseconds(80)))
        _ = try #require(wait(late, .normal, in: .milliseconds(50)))
        _ = try #require(wait(patient, .normal))
        loop.advance(by: .milliseconds(49))
        #expect(late.errors.isEmpty)
        loop.advance(by: .milliseconds(1))
        #expect(late.errors.map(\.code) == [.deadlineExceeded])
        #expect(pool.load.queued == 2)
        loop.advance(by: .milliseconds(30))
        #expect(later.errors.map(\.code) == [.deadlineExceeded])
        lease?.release()
        #expect(patient.granted == 1)
        #expect(late.granted + later.granted == 0)
    }

    @Test func `a task that waits fails at its deadline`() async throws {
        let lease = pool.tryAcquire()
        let pool = pool
        let call = Task {
            try await ServeContext.$clock.withValue(loop) {
                try await ServeContext.withDeadline(in: .milliseconds(20)) {
                    let lease = try await pool.acquire()
                    lease.release()
                }
            }
        }
        try await eventually("the task waits") { pool.load.queued == 1 }
        loop.advance(by: .milliseconds(20))
        let error = await #expect(throws: ServeError.self) { try await call.value }
        #expect(error?.code == .deadlineExceeded)
        #expect(error?.deployment == pool.id)
        #expect(pool.load.queued == 0)
        lease?.release()
        #expect(pool.load.ongoing == 0)
    }

    @Test func `a more urgent request takes the place of another in a full queue`() throws {
        serve(limit: 1, maxQueued: 1)
        let lease = pool.tryAcquire()
        let (low, high) = (Waiter(), Waiter())
        _ = try #require(wait(low, .low))
        _ = try #require(wait(high, .high))
        #expect(low.errors.map(\.code) == [.queueFull])
        lease?.release()
        #expect(high.granted == 1)
    }

    @Test(arguments: 0..<4 as Range<UInt64>)
    func `ten thousand random cancellations and deadlines leave no lease and no waiter`(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        serve(limit: 3, replicas: 3, maxQueued: 50)
        var waiting: [(waiter: Waiter, ticket: UInt64)] = []
        var answered: [Waiter] = []
        var leases: [LeaseBox] = []
        for _ in 0..<10_000 {
            switch random.next(below: 10) {
            case 0..<4:
                let waiter = Waiter(keeps: random.next(below: 4) > 0)
                let attributes = RequestAttributes(priority: RequestPriority(level: UInt8(random.next(below: 3))))
                let time: TimeAmount? = random.next(below: 2) == 0 ? .milliseconds(Int64(random.next(below: 20))) : nil
                let again = random.next(below: 10) == 0
                switch pool.acquire(waiter, attributes: attributes, remaining: time, again: again) {
                case .lease(let box): leases.append(box)
                case .waiting(let ticket): waiting.append((waiter, ticket))
                case .refused: break
                }
            case 4..<6:
                guard !waiting.isEmpty else { continue }
                let (waiter, ticket) = waiting.remove(at: random.next(below: waiting.count))
                pool.cancel(ticket)
                answered.append(waiter)
            case 6..<8:
                guard !leases.isEmpty else { continue }
                let lease = leases.remove(at: random.next(below: leases.count)).take()
                if random.next(below: 5) == 0 { lease?.refuse() } else { lease?.release() }
            case 8: loop.advance(by: .milliseconds(Int64(random.next(below: 10))))
            default:
                if let waiter = waiting.randomElement(using: &random)?.waiter { waiter.take()?.release() }
            }
        }
        for (waiter, ticket) in waiting {
            pool.cancel(ticket)
            answered.append(waiter)
        }
        leases = []
        for waiter in answered {
            #expect(waiter.granted + waiter.errors.count <= 1)
            waiter.take()?.release()
        }
        loop.advance(by: .seconds(1))
        #expect(pool.load.queued == 0 && pool.load.ongoing == 0)
        #expect(pool.load.replicas == 3)
    }
}
