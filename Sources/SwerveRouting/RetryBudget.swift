package import SwerveCore

/// Limits how many requests run a second time, so that replicas that keep failing are not given more work for it.
///
/// Only requests that may have begun count: one that certainly did not begin makes no work twice. The budget covers all
/// that the replicas work on, once in ``period``, and a share of the new requests.
package struct RetryBudget: Sendable {
    /// The share of new requests that may be tried again: a fifth.
    package static let share = 0.2
    /// The least number of requests that may be tried again in ``period``: 10.
    package static let minimum = 10.0
    package static let period = Duration.seconds(10)

    private var tokens: Double?
    private var admitted: UInt64 = 0
    private var time = MonotonicTime.zero

    package init() {}

    /// A request wants to be tried again.
    ///
    /// - Parameters:
    ///   - admitted: how many requests were ever admitted.
    ///   - capacity: how many requests the replicas work on at most.
    /// - Returns: whether it may.
    package mutating func withdraw(admitted: UInt64, capacity: Int, now: MonotonicTime) -> Bool {
        let full = max(Self.minimum, Double(capacity))
        let periods = Double((now - time).nanoseconds) / Double(Self.period.nanoseconds)
        let gained = Double(admitted - self.admitted) * Self.share + periods * full
        let left = min((tokens ?? full) + gained, 2 * full)
        self.admitted = admitted
        time = now
        tokens = left >= 1 ? left - 1 : left
        return left >= 1
    }
}
