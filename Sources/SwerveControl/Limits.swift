internal import SwerveCore

/// The numbers that the state machines share.
enum Limits {
    /// The wait after the first failure; it doubles with each further failure in a row.
    static let firstBackOff = Duration.milliseconds(100)
    static let longestBackOff = Duration.seconds(10)
    /// A replica that ran this long started successfully; one that dies earlier counts as a failed start.
    static let provenAfter = Duration.seconds(10)
    /// How long a stopped replica may take to exit before it is stopped again.
    static let stopRepeat = Duration.seconds(10)
    /// A replica that survives this many stops no longer delays the end of its application.
    static let stopsUntilStuck = 6
    static let missesUntilUnhealthy = 3
    /// After how long a start is reported as slow, and how often again.
    static let slowStart = Duration.seconds(30)

    /// How many replicas of a deployment may fail after a deploy before the deploy counts as failed.
    static func failedAttempts(target: Int) -> Int { min(20, 3 * max(target, 1)) }
}

/// Gives out replica numbers, each once.
package struct ReplicaNumbers: Hashable, Sendable, Codable {
    package private(set) var next: UInt64 = 1

    package init() {}

    mutating func take() -> UInt64 {
        defer { next += 1 }
        return next
    }
}

/// What the machines take from while they handle an event.
struct Supply: Sendable {
    var numbers: ReplicaNumbers
    var ledger: NodeLedger
    /// Which percentage of their replicas autoscaled deployments have; `nil` for all.
    var targetCapacity: Int?
    /// Whether something was given back that pending replicas may wait for.
    var hasFreed = false

    mutating func release(_ replica: ReplicaID) {
        if ledger.release(replica) { hasFreed = true }
    }
}

extension MonotonicTime {
    /// `self + duration`, clamped to the latest time: a duration that stands for "for ever" must not wrap into the
    /// past.
    func after(_ duration: Duration) -> MonotonicTime {
        let (sum, overflow) = nanoseconds.addingReportingOverflow(duration.nanoseconds)
        return MonotonicTime(nanoseconds: overflow ? .max : sum)
    }
}
