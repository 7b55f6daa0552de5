/// Learns whether a replica's requests may begin on the thread of the event loop that read them, which spares a thread
/// switch, or must go to the Swift pool, so that a handler which computes or blocks holds nobody else up.
///
/// It goes by what batches of requests used of their thread until each of them first waited. A new replica's requests go
/// to the pool until enough short ones were seen. One that blocks the thread, or computes for long, sends the following
/// ones to the pool again, the more of them the longer it took. Thus a handler that is slow now and then stays in the
/// pool.
package struct InlinePolicy: Sendable {
    /// A batch that uses more processor time than this, and ``longRequest`` for each of its requests, counts as long, in
    /// nanoseconds.
    package static let longBatch: Int64 = 200_000
    package static let longRequest: Int64 = 20_000
    /// A batch whose thread waited counts as blocking when it took longer than this, in nanoseconds; a lock that is free
    /// again at once is no harm.
    package static let longWait: Int64 = 500_000
    /// So many short requests must have been seen first.
    package static let probation = 64
    /// For so many requests no other begins on the loop after one that blocked its thread.
    package static let penaltyForWaiting = 10_000
    /// At least so many after one that computed for long; one more for each microsecond that it took.
    package static let penaltyForLength = 2_000

    private var credit = -probation

    package init() {}

    package var allowsInline: Bool { credit >= 0 }

    /// - Parameters:
    ///   - count: how many requests were begun.
    ///   - processor: the processor time that their thread used meanwhile, in nanoseconds.
    ///   - elapsed: the time that went by, in nanoseconds; a busy machine may have let the thread stand.
    ///   - waited: whether the thread gave the processor up to wait for something.
    package mutating func began(count: Int, processor: Int64, elapsed: Int64, waited: Bool) {
        if processor > Self.longBatch + Self.longRequest * Int64(count) {
            credit = -(Self.penaltyForLength + Int(min(processor / 1000, 1_000_000)))
        } else if waited, elapsed > Self.longWait {
            credit = -Self.penaltyForWaiting
        } else {
            credit = min(credit + count, 0)
        }
    }
}
