internal import SwerveCore

/// The place of one replica in its deployment; a replica that fails leaves it to the one that replaces it.
struct Seat: Sendable {
    /// How many replicas in a row failed here.
    var failures = 0
    var lastFailure: MonotonicTime?
}

/// Which seats of a deployment stay empty for a while, and until when.
///
/// Each seat has a wait of its own, which doubles while the replicas in it fail. So a replica that crashes again and
/// again does not hold up the replacement of others, and replicas that fail together wait no longer than one would.
struct BackOff: Sendable {
    private struct Wait: Sendable {
        var until: MonotonicTime
        var seat: Seat
    }
    /// The one that ends first comes first.
    private var waits: [Wait] = []

    /// When the next wait ends.
    var next: MonotonicTime? { waits.first?.until }

    /// How many seats must stay empty, once ``takeExpired(now:)`` was called.
    var held: Int { waits.count }

    /// - Parameter seat: what the replica that failed just now was started in.
    mutating func failed(_ seat: Seat, now: MonotonicTime) {
        let doublings = min(seat.failures, 16)
        let wait = min(Limits.firstBackOff * (1 << doublings), Limits.longestBackOff)
        let until = now.after(wait)
        let index = waits.lastIndex { $0.until <= until }.map { $0 + 1 } ?? 0
        let failed = Seat(failures: seat.failures + 1, lastFailure: now)
        waits.insert(Wait(until: until, seat: failed), at: index)
    }

    /// Forgets the longest waits when fewer seats than that are empty at all.
    ///
    /// Otherwise a seat that is no longer wanted would keep the next one that falls vacant from being filled.
    mutating func trim(to vacant: Int) {
        if waits.count > vacant { waits.removeLast(waits.count - max(vacant, 0)) }
    }

    /// The seats whose wait is over.
    mutating func takeExpired(now: MonotonicTime) -> [Seat] {
        let count = waits.prefix { $0.until <= now }.count
        defer { waits.removeFirst(count) }
        return waits.prefix(count).map(\.seat)
    }
}
