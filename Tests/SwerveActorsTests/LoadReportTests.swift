import NIOCore
import SwerveCore
import Synchronization
import TestSupport
import Testing

@testable import SwerveActors

/// What a process tells the controller about its load, and when.
@Suite struct LoadReportTests {
    private let loop = ManualLoop()
    private let reporter: LoadReporter
    private let pool: Pool
    private let reports = Reports()

    private final class Reports: Sendable {
        private let all = Mutex<[Load]>([])
        func add(_ load: Load?) { all.withLock { $0.append(load ?? Load(queued: -1)) } }
        /// What was reported since the last call.
        func take() -> [Load] {
            all.withLock { all in
                defer { all = [] }
                return all
            }
        }
    }

    init() {
        reporter = LoadReporter(clock: loop)
        let id = DeploymentID(application: "load", deployment: "D")
        pool = Pool(id, of: InstanceID(rawValue: 1), clock: loop, seed: 1, loads: reporter)
        let reports = reports
        reporter.report { reports.add($0[id]) }
    }

    private func serve(_ replicas: Int, limit: Int = 2, reportsLoad: Bool = true) {
        pool.update(
            (0..<replicas).map { Pool.Member(Silent(UInt64($0)), maxOngoingRequests: limit) },
            options: PoolOptions(maxQueuedRequests: 100, routing: .powerOfTwoChoices, reportsLoad: reportsLoad)
        )
        loop.run()
    }

    @Test func `leases are reported together after 100 ms, and again when they end`() {
        serve(1)
        let first = pool.tryAcquire()
        let second = pool.tryAcquire()
        loop.advance(by: .milliseconds(99))
        #expect(reports.take() == [])
        loop.advance(by: .milliseconds(1))
        #expect(reports.take() == [Load(ongoing: 2)])
        drop(first)
        drop(second)
        loop.advance(by: .milliseconds(100))
        #expect(reports.take() == [Load()])
        #expect(loop.timerCount == 0, "nothing happens while nothing changes")
    }

    @Test func `the first request that has to wait is reported at once, and the others with the next report`() {
        serve(0)
        let waiter = Waiter()
        _ = pool.acquire(waiter)
        loop.run()
        #expect(reports.take() == [Load(queued: 1)])
        _ = pool.acquire(waiter)
        loop.run()
        #expect(reports.take() == [])
        serve(1, limit: 1)
        #expect(waiter.granted == 1)
        loop.advance(by: .milliseconds(100))
        #expect(reports.take() == [Load(queued: 1, ongoing: 1)])
    }

    @Test func `without a wish for it nothing is reported or scheduled`() {
        serve(1, reportsLoad: false)
        let lease = pool.tryAcquire()
        #expect(loop.timerCount == 0)
        drop(lease)
        loop.advance(by: .seconds(1))
        #expect(reports.take() == [])
    }

    @Test func `a wish that comes later is told the present load at once`() {
        serve(1, reportsLoad: false)
        let lease = pool.tryAcquire()
        serve(1)
        #expect(reports.take() == [Load(ongoing: 1)])
        drop(lease)
    }

    @Test func `a new receiver is told everything`() {
        serve(1)
        let lease = pool.tryAcquire()
        loop.advance(by: .milliseconds(100))
        _ = reports.take()
        let (id, reports) = (pool.id, reports)
        reporter.report { reports.add($0[id]) }
        loop.run()
        #expect(reports.take() == [Load(ongoing: 1)])
        drop(lease)
    }

    @Test func `a load that is the same again is not reported`() {
        serve(1)
        drop(pool.tryAcquire())
        loop.advance(by: .milliseconds(100))
        #expect(reports.take() == [])
    }

    @Test func `a load that is no longer wanted is taken back`() {
        serve(1)
        let lease = pool.tryAcquire()
        loop.advance(by: .milliseconds(100))
        _ = reports.take()
        serve(1, reportsLoad: false)
        #expect(reports.take() == [Load()])
        serve(1)
        #expect(reports.take() == [Load(ongoing: 1)])
        drop(lease)
    }

    private func drop(_ lease: consuming Lease?) {}
}
