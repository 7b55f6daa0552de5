/// Decides when collected work is delivered: at the end of a tick, or at the end of the burst that produces it. Pure.
/// Serves both the answers to callers in this process (``Mailbox``) and the frames of a connection.
package struct BurstState: Sendable {
    private var isScheduled = false
    /// How many bursts hold work back until they end.
    private var holds = 0

    package init() {}

    package var isHeld: Bool { holds > 0 }

    /// Work was added.
    ///
    /// - Returns: whether to wake the event loop.
    package mutating func added() -> Bool {
        if holds > 0 || isScheduled { return false }
        isScheduled = true
        return true
    }

    package mutating func hold() {
        holds += 1
    }

    /// A burst ended.
    ///
    /// - Returns: whether to deliver the waiting work now.
    package mutating func release() -> Bool {
        precondition(holds > 0, "a burst that holds nothing back cannot end")
        holds -= 1
        return holds == 0
    }

    /// The event loop delivers everything now.
    package mutating func ran() {
        isScheduled = false
    }
}

/// Something whose output can be held back while a burst of requests begins, so that it is sent together.
package protocol Burst: Sendable {
    func hold()
    func release()
}
