/// How often something is tried, and with which pauses. A value: time and chance come in.
package struct RetryPolicy {
    private let limits: HubLimits
    private let attempts: Int
    private var failures = 0

    /// - Parameter attempts: instead of that of the limits.
    package init(_ limits: HubLimits, attempts: Int? = nil) {
        self.limits = limits
        self.attempts = attempts ?? limits.attempts
    }

    /// Notes a failure.
    ///
    /// - Parameters:
    ///   - retryAfter: how long the server asked to be left alone.
    ///   - progress: how many bytes this try brought.
    ///   - chance: from 0 to 1, so that many that failed together do not come back together.
    /// - Returns: how long to pause before the next try; nil to give up.
    package mutating func pause(retryAfter: Duration?, progress: Int = 0, chance: Double) -> Duration? {
        failures = progress >= limits.progressBytes ? 1 : failures + 1
        guard failures < attempts else { return nil }
        var pause = limits.pause
        for _ in 1..<failures where pause < limits.maximumPause { pause *= 2 }
        pause = min(pause, limits.maximumPause)
        pause = pause / 2 + pause / 2 * chance
        return max(pause, min(retryAfter ?? .zero, limits.maximumPause))
    }
}
