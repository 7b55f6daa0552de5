/// How the attempts to start replicas of one revision have gone.
struct Attempts: Sendable {
    /// Whether a replica of this revision was ever ready. If so, missing ones are started without limit.
    var everReady = false
    /// Failures since the latest deploy. Becoming healthy does not reset the count: otherwise two deployments that
    /// crash in turns could keep the application from ever being healthy, and its callers waiting.
    var failures = 0
    /// Empty while the deployment is healthy.
    var lastFailure = ""
    var backOff = BackOff()

    /// Whether enough attempts failed to tell the callers who wait for the deploy.
    func areExhausted(target: Int) -> Bool { failures >= Limits.failedAttempts(target: target) }

    /// The same revision was deployed again. If its attempts were exhausted, it is tried again without waits.
    mutating func startAgain(target: Int) {
        if areExhausted(target: target) { backOff = BackOff() }
        failures = 0
    }
}
