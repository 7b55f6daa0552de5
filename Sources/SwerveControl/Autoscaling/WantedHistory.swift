internal import SwerveCore

/// The highest number of replicas that was wanted in a window that ends now.
///
/// Only the numbers that no later one exceeds are kept, so the oldest is the highest.
struct WantedHistory: Hashable, Sendable {
    private struct Entry: Hashable, Sendable {
        /// From here on, no higher number than this and the earlier ones was wanted.
        var since: MonotonicTime
        var replicas: Int
    }

    private var entries: [Entry] = []

    /// - Parameter kept: how far back ``highest(over:now:)`` will look.
    mutating func note(_ replicas: Int, now: MonotonicTime, kept: Duration) {
        var since = now
        while let last = entries.last, last.replicas <= replicas {
            since = last.since
            entries.removeLast()
        }
        entries.append(Entry(since: since, replicas: replicas))
        let start = now - kept
        while entries.count > 1, entries[1].since <= start { entries.removeFirst() }
    }

    /// `nil` if the history does not reach back so far.
    func highest(over window: Duration, now: MonotonicTime) -> Int? {
        let start = now - window
        return entries.last { $0.since <= start }?.replicas
    }

    /// When ``highest(over:now:)`` next becomes lower, if the same number stays wanted.
    func nextFall(over window: Duration, now: MonotonicTime) -> MonotonicTime? {
        let start = now - window
        return entries.first { $0.since > start }.map { $0.since + window }
    }
}
