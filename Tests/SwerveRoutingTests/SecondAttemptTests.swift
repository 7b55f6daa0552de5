import SwerveCore
import SwerveRouting
import Testing

@Suite struct SecondAttemptTests {
    // MARK: The retry budget

    @Test func `all that the replicas work on is tried again once and then a share of what is new`() {
        var budget = RetryBudget()
        func taken(_ budget: inout RetryBudget, admitted: UInt64, at seconds: Double) -> Int {
            let now = MonotonicTime.zero + .seconds(seconds)
            return (0..<1000).count { _ in budget.withdraw(admitted: admitted, capacity: 50, now: now) }
        }
        let first = taken(&budget, admitted: 0, at: 0)
        #expect(first == 50)
        let none = taken(&budget, admitted: 4, at: 0)
        #expect(none == 0)
        let share = taken(&budget, admitted: 100, at: 0)
        #expect(share == 20)
        let later = taken(&budget, admitted: 100, at: 10)
        #expect(later == 50)
        // Nothing is saved up without end.
        let muchLater = taken(&budget, admitted: 1_000_000, at: 10_000)
        #expect(muchLater == 100)
    }

    @Test(arguments: 0..<10 as Range<UInt64>)
    func `however many requests are lost the replicas get little more work`(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var budget = RetryBudget()
        var (admitted, retried): (UInt64, Int) = (0, 0)
        var now = MonotonicTime.zero
        for _ in 0..<20_000 {
            now = now + .milliseconds(random.next(below: 10))
            if random.next(below: 2) == 0 { admitted += 1 }
            if budget.withdraw(admitted: admitted, capacity: 10, now: now) { retried += 1 }
        }
        let seconds = Double(now.nanoseconds) / 1e9
        #expect(Double(retried) <= 10 + Double(admitted) * RetryBudget.share + seconds + 1)
    }

    // MARK: Hedging

    /// What the pool does with a method's calls.
    private final class Hedged {
        var delay = HedgeDelay()
        func call(_ time: Duration) -> Duration? {
            let wait = delay.begin()
            delay.ended(after: time)
            return wait
        }
    }

    @Test func `calls are hedged after the time in which most have ended`() throws {
        let hedged = Hedged()
        for number in 0..<20 { #expect(hedged.call(.milliseconds(10)) == nil, "\(number)") }
        for _ in 0..<500 {
            for _ in 0..<19 { _ = hedged.call(.milliseconds(10)) }
            _ = hedged.call(.seconds(1))
        }
        let delay = try #require(hedged.call(.milliseconds(10)))
        #expect(delay >= .milliseconds(10) && delay <= .milliseconds(13), "\(delay)")
    }

    @Test func `the delay follows the calls`() throws {
        let hedged = Hedged()
        for _ in 0..<2000 { _ = hedged.call(.milliseconds(10)) }
        for _ in 0..<5000 { _ = hedged.call(.milliseconds(80)) }
        let delay = try #require(hedged.call(.milliseconds(80)))
        #expect(delay >= .milliseconds(80) && delay <= .milliseconds(101), "\(delay)")
    }

    @Test func `a tenth of the calls is hedged at most when all are slow`() {
        var delay = HedgeDelay()
        var hedges = 0
        for _ in 0..<1000 {
            _ = delay.begin()
            if delay.mayHedge() { hedges += 1 }
        }
        #expect((95...101).contains(hedges))
    }

    @Test(arguments: [1, 3, 100, 999_999, 1 << 40, Int64.max] as [Int64])
    func `every duration has a place`(nanoseconds: Int64) {
        let hedged = Hedged()
        for _ in 0..<30 { _ = hedged.call(.nanoseconds(nanoseconds)) }
        let delay = hedged.call(.zero)
        #expect(delay.map { $0.nanoseconds >= nanoseconds } == true)
    }

    // MARK: Leases beside the queue

    @Test func `a second attempt goes to another replica with room`() throws {
        let bench = RouterBench(1, 2, 3, limit: 2, routing: .leastLoaded)
        #expect(bench.router.admit(otherThan: RouterBench.id(1)) == 1)
        #expect(bench.router.admit(otherThan: RouterBench.id(1)) == 2)
        for _ in 0..<2 { _ = bench.router.admit(otherThan: RouterBench.id(1)) }
        #expect(bench.router.admit(otherThan: RouterBench.id(1)) == nil)
        #expect(bench.router.ongoing(at: 0) == 0)
    }

    @Test func `a request for one replica is over its limit if need be`() throws {
        let bench = RouterBench(1, 2, limit: 1, routing: .leastLoaded)
        #expect(try bench.assign() == 1)
        #expect(bench.router.admit(to: RouterBench.id(1)) == 0)
        #expect(bench.router.ongoing(at: 0) == 2)
        #expect(try bench.assign() == 2)
        let ticket = try bench.enqueue()
        #expect(bench.release(0).isEmpty)
        #expect(bench.release(0).map(\.ticket) == [ticket])
        #expect(bench.router.admit(to: RouterBench.id(9)) == nil)
    }
}
