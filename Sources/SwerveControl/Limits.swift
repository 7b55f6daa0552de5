internal import SwerveCore

/// The numbers that the state machines share.
enum Limits {
    /// The wait after the first failure; it doubles with each further failure in a row.
    static let firstBackOff = Duration.milliseconds(100)
    static let longestBackOff = Duration.seconds(10)
    /// A replica that ran this long was started successfully; one that dies earlier counts as a failure to start.
    static let provenAfter = Duration.seconds(10)
    /// How long a stopped replica may take to be gone before it is stopped again.
    static let stopRepeat = Duration.seconds(10)
    /// After so many stops a replica that is still there no longer holds up the end of its application.
    static let stopsUntilStuck = 6
    static let missesUntilUnhealthy = 3

    /// How many replicas of a deployment may fail after a deploy before the deploy counts as failed.
    static func failedAttempts(target: Int) -> Int { min(20, 3 * max(target, 1)) }
}

/// Gives out the numbers of replicas, each once.
package struct ReplicaNumbers: Hashable, Sendable, Codable {
    package private(set) var next: UInt64 = 1

    mutating func take() -> UInt64 {
        defer { next += 1 }
        return next
    }
}

extension MonotonicTime {
    /// `self + duration`, but the end of time rather than the distant past when a "for ever" does not fit.
    func after(_ duration: Duration) -> MonotonicTime {
        let (sum, overflow) = nanoseconds.addingReportingOverflow(duration.nanoseconds)
        return MonotonicTime(nanoseconds: overflow ? .max : sum)
    }
}
