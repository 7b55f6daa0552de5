import SwerveRouting
import Testing

@Suite struct InlinePolicyTests {
    private static let short = InlinePolicy.Usage.all(processor: 5_000, elapsed: 6_000, waited: false)

    private func short(_ policy: inout InlinePolicy, _ count: Int) {
        for _ in 0..<count { policy.began(1, Self.short) }
    }

    /// Of a replica whose requests begin on the loop.
    private func proven() -> InlinePolicy {
        var policy = InlinePolicy()
        short(&policy, InlinePolicy.probation)
        return policy
    }

    /// Of a replica that is watched there.
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

    @Test func `the requests of a batch count each`() {
        var policy = InlinePolicy()
        policy.began(InlinePolicy.probation, .all(processor: 50_000, elapsed: 60_000, waited: false))
        #expect(policy.place == .loop)
    }

    @Test func `a batch that took long has the next requests watched`() {
        var policy = watched()
        #expect(policy.place == .watchedLoop)
        short(&policy, InlinePolicy.watch - 1)
        #expect(policy.place == .watchedLoop)
        short(&policy, 1)
        #expect(policy.place == .loop)
    }

    @Test func `many short requests are no long batch`() {
        var policy = proven()
        policy.began(256, .time(2_000_000))
        #expect(policy.place == .loop)
        policy = watched()
        policy.began(256, .all(processor: 2_000_000, elapsed: 2_000_000, waited: false))
        #expect(policy.place == .watchedLoop)
    }

    @Test(arguments: [(300, 2_300), (5_000, 7_000), (2_000_000, 1_002_000)])
    func `one that computes for long is paid for by the more the longer it took`(microseconds: Int64, requests: Int) {
        var policy = watched()
        policy.began(1, .all(processor: microseconds * 1000, elapsed: microseconds * 1000, waited: false))
        short(&policy, requests - 1)
        #expect(policy.place == .pool)
        short(&policy, 1)
        #expect(policy.place == .watchedLoop)
    }

    @Test func `a blocked thread is paid for`() {
        var policy = watched()
        policy.began(1, .all(processor: 1_000, elapsed: 2_000_000, waited: true))
        short(&policy, InlinePolicy.penaltyForWaiting - 1)
        #expect(policy.place == .pool)
        short(&policy, 1)
        #expect(policy.place == .watchedLoop)
    }

    @Test func `a thread that a busy machine let stand is no fault`() {
        var policy = watched()
        policy.began(1, .all(processor: 10_000, elapsed: 8_000_000, waited: false))
        #expect(policy.place == .watchedLoop)
    }

    @Test func `a lock that was free at once is no fault`() {
        var policy = watched()
        policy.began(1, .all(processor: 10_000, elapsed: 100_000, waited: true))
        #expect(policy.place == .watchedLoop)
    }

    @Test func `good conduct is not saved up`() {
        var policy = proven()
        for _ in 0..<1_000_000 { policy.began(1, .time(6_000)) }
        policy.began(1, .time(1_000_000))
        policy.began(1, .all(processor: 1_000_000, elapsed: 1_000_000, waited: false))
        #expect(policy.place == .pool)
    }
}
