internal import SwerveCore

/// The place of one replica in its deployment. A replica that fails leaves its seat to its replacement.
struct Seat: Sendable {
    /// How many replicas in a row failed here.
    var failures = 0
    var lastFailure: MonotonicTime?
}

/// Which seats of a deployment stay empty for a while, and until when.
///
/// Each seat has its own wait, which doubles with each failure in it. So a replica that crashes again and again does
/// not delay the replacement of others, and replicas that fail together wait no longer than one would.
struct BackOff: Sendable {
    private struct Wait: Sendable {
        var until: MonotonicTime
        var seat: Seat
    }
    /// Sorted by end, the earliest first.
    private var waits: [Wait] = []

    /// When the next wait ends.
    var next: MonotonicTime? { waits.first?.until }

    /// How many seats must stay empty. Valid after a call to ``takeExpired(now:)``.
    var held: Int { waits.count }

    /// - Parameter seat: the seat of the replica that just failed.
    mutating func failed(_ seat: Seat, now: MonotonicTime) {
        let doublings = min(seat.failures, 16)
        let wait = min(Limits.firstBackOff * (1 << doublings), Limits.longestBackOff)
        let until = now.after(wait)
        let index = waits.lastIndex { $0.until <= until }.map { $0 + 1 } ?? 0
        let failed = Seat(failures: seat.failures + 1, lastFailure: now)
        waits.insert(Wait(until: until, seat: failed), at: index)
    }

    /// Drops the longest waits until there are no more of them than vacant seats.
    ///
    /// Otherwise the wait of a seat that is no longer wanted would delay the next seat that falls vacant.
    mutating func trim(to vacant: Int) {
        if waits.count > vacant { waits.removeLast(waits.count - max(vacant, 0)) }
    }

    /// Removes and returns the seats whose wait is over.
    mutating func takeExpired(now: MonotonicTime) -> [Seat] {
        let count = waits.prefix { $0.until <= now }.count
        defer { waits.removeFirst(count) }
        return waits.prefix(count).map(\.seat)
    }
}
