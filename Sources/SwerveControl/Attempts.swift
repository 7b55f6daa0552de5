/// How starting replicas of one revision has gone.
struct Attempts: Sendable {
    /// Whether a replica of this revision was ready once; then missing ones are started for ever.
    var everReady = false
    /// Failures since the latest deploy. Health does not reset them: two deployments that crash in turns would keep
    /// their application from being healthy for ever, and its callers waiting.
    var failures = 0
    /// Empty while the deployment is healthy.
    var lastFailure = ""
    var backOff = BackOff()

    /// Whether so much failed that callers who wait for the deploy are told.
    func areExhausted(target: Int) -> Bool { failures >= Limits.failedAttempts(target: target) }

    /// The same revision was deployed once more. If that had failed, it is tried again without waits.
    mutating func startAgain(target: Int) {
        if areExhausted(target: target) { backOff = BackOff() }
        failures = 0
    }
}
