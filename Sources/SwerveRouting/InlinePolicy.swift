/// Learns whether a replica's requests may begin on the thread of the event loop that read them, which spares a thread
/// switch, or must go to the Swift pool, so that a handler which computes or blocks holds nobody else up.
///
/// It goes by what bursts of requests used of their thread until each of them first waited. A new replica's requests go
/// to the pool until enough short ones were seen. After that only the clock is looked at, which is cheap: a burst that
/// took long has the following ones watched, for it may have been the machine that was busy. One of those that blocks the
/// thread, or computes for long, sends the following ones to the pool again, the more of them the longer it took. Thus a
/// handler that is slow now and then stays in the pool.
package struct InlinePolicy: Sendable {
    /// A burst that uses more processor time than this, and ``longRequest`` for each of its requests, counts as long, in
    /// nanoseconds.
    package static let longBatch: Int64 = 200_000
    package static let longRequest: Int64 = 20_000
    /// A burst whose thread waited counts as blocking when it took longer than this, in nanoseconds; a lock that is free
    /// again at once is no harm.
    package static let longWait: Int64 = 500_000
    /// So many short requests must have been seen first.
    package static let probation = 64
    /// So many requests are watched after a burst that took long.
    package static let watch = 1_000
    /// For so many requests no other begins on the loop after one that blocked its thread.
    package static let penaltyForWaiting = 10_000
    /// At least so many after one that computed for long; one more for each microsecond that it took.
    package static let penaltyForLength = 2_000

    /// Where the next burst begins, and what ``began(_:_:)`` wants to know of it.
    package enum Place: Equatable, Sendable {
        /// On the Swift pool; its usage is measured.
        case pool
        /// On the event loop; its usage is measured.
        case watchedLoop
        /// On the event loop; its time is measured.
        case loop
    }

    /// What a burst used of its thread, until each of its requests first waited.
    package enum Usage: Sendable {
        /// The time that went by, in nanoseconds; a busy machine may have let the thread stand.
        case time(Int64)
        /// Also the processor time, and whether the thread gave the processor up to wait for something.
        case all(processor: Int64, elapsed: Int64, waited: Bool)
    }

    private var credit = -probation
    private var watched = 0

    package init() {}

    package var place: Place {
        if credit < 0 { return .pool }
        return watched > 0 ? .watchedLoop : .loop
    }

    /// A burst of so many requests has begun.
    package mutating func began(_ count: Int, _ usage: Usage) {
        switch usage {
        case .time(let elapsed):
            if isLong(elapsed, count) { watched = Self.watch }
        case .all(let processor, let elapsed, let waited):
            if isLong(processor, count) {
                punish(Self.penaltyForLength + Int(min(processor / 1000, 1_000_000)))
            } else if waited, elapsed > Self.longWait {
                punish(Self.penaltyForWaiting)
            } else if credit < 0 {
                credit = min(credit + count, 0)
            } else {
                watched = max(watched - count, 0)
            }
        }
    }

    private func isLong(_ nanoseconds: Int64, _ count: Int) -> Bool {
        nanoseconds > Self.longBatch + Self.longRequest * Int64(count)
    }

    private mutating func punish(_ requests: Int) {
        credit = -requests
        watched = Self.watch
    }
}
