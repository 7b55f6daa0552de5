import SwerveCore
import SwerveRouting
import Testing

@Suite struct WaitEstimateTests {
    /// Replicas that work on `ongoing` requests at a time, each for `service`, while others wait.
    private static func learned(ongoing: Int, service: Duration, requests: Int) -> (WaitEstimate, MonotonicTime) {
        var estimate = WaitEstimate()
        var now = MonotonicTime.zero
        estimate.waitingBegan(now: now)
        for number in 0..<requests {
            // All that began together end together.
            if number % ongoing == 0 { now = now + service }
            estimate.requestEnded(ongoing: ongoing, now: now)
        }
        return (estimate, now)
    }

    @Test func `there is no estimate without experience`() {
        #expect(WaitEstimate().time(ahead: 5, ongoing: 1, now: .zero) == nil)
        let (few, now) = Self.learned(ongoing: 1, service: .seconds(1), requests: 4)
        #expect(few.time(ahead: 0, ongoing: 1, now: now) == nil)
    }

    @Test(arguments: [1, 4, 100])
    func `the estimate is the waiting time and the time of service`(ongoing: Int) throws {
        let (estimate, now) = Self.learned(ongoing: ongoing, service: .milliseconds(200), requests: 40 * ongoing)
        // As many requests as the replicas take at a time are ahead: two rounds of service.
        let time = try #require(estimate.time(ahead: ongoing - 1, ongoing: ongoing, now: now))
        #expect(abs(time.nanoseconds - 400_000_000) < 40_000_000, "\(time)")
    }

    @Test func `replicas that hang are slow`() throws {
        let (estimate, now) = Self.learned(ongoing: 1, service: .milliseconds(10), requests: 100)
        let before = try #require(estimate.time(ahead: 9, ongoing: 1, now: now))
        let after = try #require(estimate.time(ahead: 9, ongoing: 1, now: now + .seconds(60)))
        #expect(after > before * 10)
    }

    @Test func `times in which nobody waits do not count`() throws {
        var (estimate, now) = Self.learned(ongoing: 1, service: .milliseconds(10), requests: 100)
        now = now + .seconds(3600)
        estimate.waitingBegan(now: now)
        let time = try #require(estimate.time(ahead: 0, ongoing: 1, now: now))
        #expect(time < .milliseconds(25), "\(time)")
    }
}
