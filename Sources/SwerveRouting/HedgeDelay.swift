internal import SwerveCore

/// Learns how long a method's calls take, and tells after which time a call is sent to a second replica.
///
/// That is the time in which most calls have ended, so few calls are made twice. A budget holds when suddenly all calls
/// are slow.
package struct HedgeDelay: Sendable {
    /// The share of calls that end before the delay: 95 %.
    package static let quantile = 0.95
    /// How many calls must have ended before any is hedged: 20.
    package static let experience = 20
    /// The most hedges among all calls: 10 %.
    package static let share = 0.1
    /// How many hedges can be saved up: 10.
    package static let maximumSaved = 10.0

    // Each doubling of the time is divided into this many classes, so the delay is at most a fifth too long.
    private static let classesPerDoubling = 4
    /// When so many calls are counted, all counts are halved, so that old calls lose their weight.
    private static let memory = 1000

    /// Counts of calls by class of duration.
    private var counts = [Int](repeating: 0, count: 64 * classesPerDoubling)
    private var total = 0
    private var saved = 1.0

    package init() {}

    /// When to send a call that begins now to a second replica, counted from its beginning; `nil` without experience.
    package mutating func begin() -> Duration? {
        saved = min(saved + Self.share, Self.maximumSaved)
        guard total >= Self.experience else { return nil }
        var rest = Int((Double(total) * Self.quantile).rounded(.up))
        for (number, count) in counts.enumerated() {
            rest -= count
            if rest <= 0 { return .nanoseconds(Self.upperBound(of: number)) }
        }
        return nil
    }

    /// The delay of a call is over.
    ///
    /// - Returns: whether it may be made a second time.
    package mutating func mayHedge() -> Bool {
        guard saved >= 1 else { return false }
        saved -= 1
        return true
    }

    /// A call has ended.
    package mutating func ended(after time: Duration) {
        counts[Self.number(of: max(time.nanoseconds, 1))] += 1
        total += 1
        guard total >= Self.memory else { return }
        total = 0
        for index in counts.indices {
            counts[index] /= 2
            total += counts[index]
        }
    }

    /// The class of a duration: its binary logarithm, and the next bits of it.
    private static func number(of nanoseconds: Int64) -> Int {
        let doubling = 63 - nanoseconds.leadingZeroBitCount
        let part = doubling >= 2 ? Int(nanoseconds >> (doubling - 2)) & 3 : 0
        return doubling * classesPerDoubling + part
    }

    /// The end of a class, in nanoseconds.
    private static func upperBound(of number: Int) -> Int64 {
        let (doubling, part) = number.quotientAndRemainder(dividingBy: classesPerDoubling)
        guard doubling >= 2, doubling < 62 else { return doubling < 2 ? 4 : .max }
        return Int64(classesPerDoubling + part + 1) << (doubling - 2)
    }
}
