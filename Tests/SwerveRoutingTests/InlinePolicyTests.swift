import SwerveRouting
import Testing

@Suite struct InlinePolicyTests {
    /// Short requests, as many as it takes.
    private func short(_ policy: inout InlinePolicy, _ count: Int) {
        for _ in 0..<count { policy.began(count: 1, processor: 5_000, elapsed: 6_000, waited: false) }
    }

    private func proven() -> InlinePolicy {
        var policy = InlinePolicy()
        short(&policy, InlinePolicy.probation)
        return policy
    }

    @Test func aNewReplicaIsOnProbation() {
        var policy = InlinePolicy()
        short(&policy, InlinePolicy.probation - 1)
        #expect(!policy.allowsInline)
        short(&policy, 1)
        #expect(policy.allowsInline)
    }

    @Test func theRequestsOfABatchCountEach() {
        var policy = InlinePolicy()
        policy.began(count: InlinePolicy.probation, processor: 50_000, elapsed: 60_000, waited: false)
        #expect(policy.allowsInline)
    }

    @Test(arguments: [(300, 2_300), (5_000, 7_000), (2_000_000, 1_002_000)])
    func aLongOneIsPaidForByTheMoreTheLongerItTook(microseconds: Int64, requests: Int) {
        var policy = proven()
        policy.began(count: 1, processor: microseconds * 1000, elapsed: microseconds * 1000, waited: false)
        short(&policy, requests - 1)
        #expect(!policy.allowsInline)
        short(&policy, 1)
        #expect(policy.allowsInline)
    }

    @Test func manyShortRequestsAreNotALongOne() {
        var policy = proven()
        policy.began(count: 256, processor: 2_000_000, elapsed: 2_000_000, waited: false)
        #expect(policy.allowsInline)
    }

    @Test func aBlockedThreadIsPaidFor() {
        var policy = proven()
        policy.began(count: 1, processor: 1_000, elapsed: 2_000_000, waited: true)
        short(&policy, InlinePolicy.penaltyForWaiting - 1)
        #expect(!policy.allowsInline)
        short(&policy, 1)
        #expect(policy.allowsInline)
    }

    @Test func aThreadThatABusyMachineLetStandIsNoFault() {
        var policy = proven()
        policy.began(count: 1, processor: 10_000, elapsed: 8_000_000, waited: false)
        #expect(policy.allowsInline)
    }

    @Test func aLockThatWasFreeAtOnceIsNoFault() {
        var policy = proven()
        policy.began(count: 1, processor: 10_000, elapsed: 100_000, waited: true)
        #expect(policy.allowsInline)
    }

    @Test func goodConductIsNotSavedUp() {
        var policy = proven()
        short(&policy, 1_000_000)
        policy.began(count: 1, processor: 1_000_000, elapsed: 1_000_000, waited: false)
        #expect(!policy.allowsInline)
    }
}
