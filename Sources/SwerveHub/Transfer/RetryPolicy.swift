/// How often to try something, and with which pauses. A value: it is given the time and the random numbers.
package struct RetryPolicy {
    private let limits: HubLimits
    private var failures = 0

    package init(_ limits: HubLimits) {
        self.limits = limits
    }

    /// Counts a failure and returns the pause after it.
    ///
    /// - Parameters:
    ///   - retryAfter: how long the server asked to wait.
    ///   - progress: how many bytes this try received.
    ///   - chance: a random number from 0 to 1, so that clients that failed together do not retry together.
    /// - Returns: how long to pause before the next try; nil to give up.
    package mutating func pause(retryAfter: Duration?, progress: Int = 0, chance: Double) -> Duration? {
        failures = progress >= limits.progressBytes ? 1 : failures + 1
        guard failures < limits.attempts else { return nil }
        var pause = limits.pause
        for _ in 1..<failures where pause < limits.maximumPause { pause *= 2 }
        pause = min(pause, limits.maximumPause)
        pause = pause / 2 + pause / 2 * chance
        return max(pause, min(retryAfter ?? .zero, limits.maximumPause))
    }
}
