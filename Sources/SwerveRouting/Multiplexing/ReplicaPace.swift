internal import DequeModule
internal import SwerveCore

/// Learns how long a replica takes for the requests of this process, from when each began and ended.
///
/// It need not know which one ended: it takes the oldest, which makes no difference to the mean.
struct ReplicaPace: Sendable {
    /// How many requests must have ended before there is an estimate.
    static let experience = 8.0
    /// Over how many ended requests the times are averaged, if the replica works on fewer at a time.
    static let memory = 16.0

    /// When those began that have not ended, in order.
    private var begins: Deque<MonotonicTime> = []
    private var ended = 0.0
    /// The sums of how long they took, and of the times from one end to the next, in nanoseconds.
    private var spent = 0.0
    private var time = 0.0
    /// When one last ended, or began after there was none.
    private var since: MonotonicTime?
    private var isAlone = false

    mutating func began(now: MonotonicTime) {
        isAlone = begins.isEmpty
        if isAlone { since = now }
        begins.append(now)
    }

    /// The latest one did not begin after all.
    mutating func refused() {
        _ = begins.popLast()
        isAlone = false
    }

    /// - Returns: how long it took, in nanoseconds, if it was alone all the time.
    mutating func ended(now: MonotonicTime) -> Double? {
        guard let begin = begins.popFirst(), let since else { return nil }
        // Requests that began together end together, so several rounds of them count.
        let kept = 1 - 1 / max(Self.memory, 4 * Double(begins.count + 1))
        let passed = Double((now - begin).nanoseconds)
        ended = ended * kept + 1
        spent = spent * kept + passed
        time = time * kept + Double((now - since).nanoseconds)
        self.since = now
        defer { isAlone = false }
        return isAlone ? passed : nil
    }

    /// How long a request takes, and how long it is from the end of one to that of the next, in nanoseconds; `nil`
    /// without experience.
    var estimate: (each: Double, between: Double)? {
        ended >= Self.experience ? (spent / ended, time / ended) : nil
    }
}
