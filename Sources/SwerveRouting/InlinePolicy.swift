/// Learns whether a replica's requests may begin on the event loop that read them, or must go to the Swift pool. The
/// loop saves a thread switch; on the pool, a handler that computes or blocks delays no other request.
///
/// The policy judges bursts by how they used their thread until each of their requests first waited. A new replica's
/// requests go to the pool until enough short ones were seen. From then on only elapsed time is measured, which is
/// cheap. A burst that took long may just mean a busy machine, so the requests after it are watched: their processor
/// time is measured too. If a watched burst blocks the thread or computes for long, the following requests go to the
/// pool again, the more of them the longer it computed. So a handler that is slow now and then stays in the pool.
package struct InlinePolicy: Sendable {
    /// A burst counts as long if it takes more than this plus ``longRequest`` for each of its requests, in nanoseconds.
    package static let longBatch: Int64 = 200_000
    package static let longRequest: Int64 = 20_000
    /// A burst whose thread waited counts as blocking if it took longer than this, in nanoseconds. A short wait for a
    /// lock does no harm.
    package static let longWait: Int64 = 500_000
    /// How many short requests must run on the pool before others may begin on the loop.
    package static let probation = 64
    /// How many requests are watched after a burst that took long.
    package static let watch = 1_000
    /// How many requests go to the pool after a burst that blocked its thread.
    package static let penaltyForWaiting = 10_000
    /// How many requests go to the pool after a burst that computed for long, plus one for each microsecond of
    /// processor time, up to 1 000 000.
    package static let penaltyForLength = 2_000

    /// Where the next burst begins, and what to measure for ``began(_:_:)``.
    package enum Place: Equatable, Sendable {
        /// On the Swift pool; measure ``Usage/all(processor:elapsed:waited:)``.
        case pool
        /// On the event loop; measure ``Usage/all(processor:elapsed:waited:)``.
        case watchedLoop
        /// On the event loop; measure ``Usage/time(_:)``.
        case loop
    }

    /// How a burst used its thread, until each of its requests first waited.
    package enum Usage: Sendable {
        /// The elapsed time, in nanoseconds. On a busy machine it includes time in which the thread did not run.
        case time(Int64)
        /// The processor time and the elapsed time, in nanoseconds, and whether the thread gave up the processor to
        /// wait.
        case all(processor: Int64, elapsed: Int64, waited: Bool)
    }

    private var credit = -probation
    private var watched = 0

    package init() {}

    package var place: Place {
        if credit < 0 { return .pool }
        return watched > 0 ? .watchedLoop : .loop
    }

    /// A burst of `count` requests has begun, and each of them has waited once or ended.
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
