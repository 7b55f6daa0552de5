package import SwerveCore

/// Learns how fast the replicas end requests while others wait, and tells from that how long a request would take.
///
/// Only times in which requests wait count: then the replicas have as much to do as they can take.
package struct WaitEstimate: Sendable {
    /// How many requests must have ended before there is an estimate.
    package static let experience = 8.0
    /// Over how many ended requests the speed is averaged, if the replicas work on fewer at a time.
    package static let memory = 32.0

    private var ended = 0.0
    /// The time in which they ended, in nanoseconds.
    private var time = 0.0
    private var last: MonotonicTime?

    package init() {}

    /// A request begins to wait; none waited before.
    package mutating func waitingBegan(now: MonotonicTime) { last = now }

    /// A request has ended while others wait.
    ///
    /// - Parameter ongoing: how many the replicas work on.
    package mutating func requestEnded(ongoing: Int, now: MonotonicTime) {
        defer { last = now }
        guard let last else { return }
        // Requests that began together end together, so several rounds of them count.
        let kept = 1 - 1 / max(Self.memory, 8 * Double(ongoing))
        ended = ended * kept + 1
        time = time * kept + Double((now - last).nanoseconds)
    }

    /// How long a request that comes now takes until it is answered; `nil` without experience.
    ///
    /// - Parameters:
    ///   - ahead: how many requests get a replica before it.
    ///   - ongoing: how many the replicas work on.
    package func time(ahead: Int, ongoing: Int, now: MonotonicTime) -> Duration? {
        guard ended >= Self.experience else { return nil }
        // Replicas that have ended nothing for a while are slower than before.
        let since = last.map { Double((now - $0).nanoseconds) } ?? 0
        let each = max(time, since) / ended
        // All that are ahead must end but those that the replicas work on last, and then it takes as long as they do.
        let nanoseconds = (each * Double(ahead + 1 + ongoing)).rounded()
        return .nanoseconds(Int64(min(nanoseconds, Double(Int64.max / 2))))
    }
}
