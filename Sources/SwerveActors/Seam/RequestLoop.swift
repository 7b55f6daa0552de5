package import NIOCore
internal import Synchronization

/// The state shared by the requests that begin on one event loop.
///
/// Confined to its event loop, except for ``mailbox``.
package final class RequestLoop: @unchecked Sendable {
    // Unchecked: `local` is accessed only on the event loop.
    package let eventLoop: any EventLoop
    /// The loop's position among its instance's loops. Each loop has its own connection to a process.
    package let index: Int
    /// Brings the answers of replicas in this process back to the loop.
    package let mailbox: Mailbox
    /// Storage that the replicas of this process use for the loop.
    package var local: AnyObject?

    package init(_ eventLoop: any EventLoop, index: Int) {
        self.eventLoop = eventLoop
        self.index = index
        self.mailbox = Mailbox(eventLoop)
    }
}

/// Brings events from any thread to their receivers on an event loop, in order, with one wake-up for all events posted
/// before the loop delivers them.
package final class Mailbox: Burst {
    private struct Letter {
        let receiver: any ReplicaStreamReceiver
        let event: StreamEvent
    }
    private struct State {
        var letters: [Letter] = []
        /// An empty array with the memory of an earlier delivery.
        var spare: [Letter] = []
        var burst = BurstState()
    }
    package let eventLoop: any EventLoop
    private let state = Mutex(State())

    /// The memory of more letters than this is not kept.
    private static let mostKept = 256

    init(_ eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    package func post(_ event: StreamEvent, to receiver: any ReplicaStreamReceiver) {
        let wake = state.withLock { state in
            state.letters.append(Letter(receiver: receiver, event: event))
            return state.burst.added()
        }
        if wake { eventLoop.execute { self.deliver() } }
    }

    package func hold() {
        state.withLock { $0.burst.hold() }
    }

    package func release() {
        let isReady = state.withLock { $0.burst.release() && !$0.letters.isEmpty }
        guard isReady else { return }
        if eventLoop.inEventLoop { return deliver() }
        if state.withLock({ $0.burst.added() }) { eventLoop.execute { self.deliver() } }
    }

    private func deliver() {
        var letters = state.withLock { state in
            var letters: [Letter] = []
            swap(&letters, &state.spare)
            swap(&letters, &state.letters)
            state.burst.ran()
            return letters
        }
        for letter in letters { letter.receiver.received(letter.event) }
        guard letters.count <= Self.mostKept else { return }
        letters.removeAll(keepingCapacity: true)
        state.withLock { $0.spare = letters }
    }
}
