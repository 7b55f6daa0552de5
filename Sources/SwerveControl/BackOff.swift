internal import SwerveCore

/// The numbers that the state machines share.
enum Limits {
    /// The wait after the first failure; it doubles with each further round of failures.
    static let firstBackOff = Duration.milliseconds(100)
    static let longestBackOff = Duration.seconds(10)
    /// A replica that ran this long was started successfully; one that dies earlier counts as a failure to start.
    static let provenAfter = Duration.seconds(10)
    /// How long a stopped replica may take to be gone before it is stopped again.
    static let stopRepeat = Duration.seconds(10)
    static let missesUntilUnhealthy = 3

    /// How many attempts may fail before a revision that never had a ready replica is given up.
    static func failedAttempts(target: Int) -> Int { min(20, 3 * max(target, 1)) }
}

/// Which starts of a deployment wait, and until when.
///
/// Failures that come while a wait is on join it: a hundred replicas that fail together are one round, not a hundred
/// doublings.
struct BackOff: Sendable {
    /// How many replicas are not started before ``until``.
    private(set) var held = 0
    private(set) var until: MonotonicTime?
    private(set) var lastFailure: MonotonicTime?
    private var next = Limits.firstBackOff

    mutating func failed(now: MonotonicTime) {
        lastFailure = now
        held += 1
        guard until == nil else { return }
        until = now.after(next)
        next = min(next * 2, Limits.longestBackOff)
    }

    /// A replica proved that starting works: the next wait is short again.
    mutating func succeeded() {
        next = Limits.firstBackOff
    }

    /// - Returns: whether the wait ended.
    mutating func expire(now: MonotonicTime) -> Bool {
        guard let end = until, end <= now else { return false }
        until = nil
        held = 0
        return true
    }
}

/// Gives out the numbers of replicas, each once.
struct ReplicaNumbers: Sendable {
    private(set) var next: UInt64 = 1

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
