/// When work that comes together is handed on: at the end of a tick, or at the end of the burst that produces it. Pure;
/// one mechanism for the answers to callers in this process (``Mailbox``) and for the frames of a connection.
package struct BurstState: Sendable {
    private var isScheduled = false
    /// Bursts that hold their work back until their end.
    private var holds = 0

    package init() {}

    package var isHeld: Bool { holds > 0 }

    /// Something was added.
    ///
    /// - Returns: whether the event loop is to be told.
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
    /// - Returns: whether what waits is to be handed on now.
    package mutating func release() -> Bool {
        precondition(holds > 0, "a burst that holds nothing back cannot end")
        holds -= 1
        return holds == 0
    }

    /// The event loop came to hand everything on.
    package mutating func ran() {
        isScheduled = false
    }
}

/// Something whose output can be held back while a burst of requests begins, so that it leaves together.
package protocol Burst: Sendable {
    func hold()
    func release()
}
