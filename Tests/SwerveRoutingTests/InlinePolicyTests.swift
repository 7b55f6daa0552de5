import SwerveRouting
import Testing

@Suite struct InlinePolicyTests {
    private static let short = InlinePolicy.Usage.all(processor: 5_000, elapsed: 6_000, waited: false)

    private func short(_ policy: inout InlinePolicy, _ count: Int) {
        for _ in 0..<count { policy.began(1, Self.short) }
    }

    /// The policy of a replica whose requests begin on the loop.
    private func proven() -> InlinePolicy {
        var policy = InlinePolicy()
        short(&policy, InlinePolicy.probation)
        return policy
    }

    /// The policy of a replica whose requests are watched on the loop.
    private func watched() -> InlinePolicy {
        var policy = proven()
        policy.began(1, .time(8_000_000))
        return policy
    }

    @Test func `a new replica is on probation`() {
        var policy = InlinePolicy()
        short(&policy, InlinePolicy.probation - 1)
        #expect(policy.place == .pool)
        short(&policy, 1)
        #expect(policy.place == .loop)
    }

    @Test func `each request of a burst counts`() {
        var policy = InlinePolicy()
        policy.began(InlinePolicy.probation, .all(processor: 50_000, elapsed: 60_000, waited: false))
        #expect(policy.place == .loop)
    }

    @Test func `after a long burst the next requests are watched`() {
        var policy = watched()
        #expect(policy.place == .watchedLoop)
        short(&policy, InlinePolicy.watch - 1)
        #expect(policy.place == .watchedLoop)
        short(&policy, 1)
        #expect(policy.place == .loop)
    }

    @Test func `many short requests do not make a long burst`() {
        var policy = proven()
        policy.began(256, .time(2_000_000))
        #expect(policy.place == .loop)
        policy = watched()
        policy.began(256, .all(processor: 2_000_000, elapsed: 2_000_000, waited: false))
        #expect(policy.place == .watchedLoop)
    }

    @Test(arguments: [(300, 2_300), (5_000, 7_000), (2_000_000, 1_002_000)])
    func `the longer a request computes, the more later requests run on the pool`(microseconds: Int64, requests: Int) {
        var policy = watched()
        policy.began(1, .all(processor: microseconds * 1000, elapsed: microseconds * 1000, waited: false))
        short(&policy, requests - 1)
        #expect(policy.place == .pool)
        short(&policy, 1)
        #expect(policy.place == .watchedLoop)
    }

    @Test func `a blocked thread sends later requests to the pool`() {
        var policy = watched()
        policy.began(1, .all(processor: 1_000, elapsed: 2_000_000, waited: true))
        short(&policy, InlinePolicy.penaltyForWaiting - 1)
        #expect(policy.place == .pool)
        short(&policy, 1)
        #expect(policy.place == .watchedLoop)
    }

    @Test func `a thread that only waited for a busy processor does not count`() {
        var policy = watched()
        policy.began(1, .all(processor: 10_000, elapsed: 8_000_000, waited: false))
        #expect(policy.place == .watchedLoop)
    }

    @Test func `a short wait for a lock does not count`() {
        var policy = watched()
        policy.began(1, .all(processor: 10_000, elapsed: 100_000, waited: true))
        #expect(policy.place == .watchedLoop)
    }

    @Test func `many short requests do not make up for a long one`() {
        var policy = proven()
        for _ in 0..<1_000_000 { policy.began(1, .time(6_000)) }
        policy.began(1, .time(1_000_000))
        policy.began(1, .all(processor: 1_000_000, elapsed: 1_000_000, waited: false))
        #expect(policy.place == .pool)
    }
}
