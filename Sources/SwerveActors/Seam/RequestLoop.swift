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

/// Brings work from any thread to an event loop, in order, with one wake-up for all work posted before the loop runs
/// it.
package final class Mailbox: Burst {
    private struct State {
        var work: [@Sendable () -> Void] = []
        var burst = BurstState()
    }
    package let eventLoop: any EventLoop
    private let state = Mutex(State())

    init(_ eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    package func post(_ work: @escaping @Sendable () -> Void) {
        let wake = state.withLock { state in
            state.work.append(work)
            return state.burst.added()
        }
        if wake { eventLoop.execute { self.run() } }
    }

    package func hold() {
        state.withLock { $0.burst.hold() }
    }

    package func release() {
        let isReady = state.withLock { $0.burst.release() && !$0.work.isEmpty }
        guard isReady else { return }
        if eventLoop.inEventLoop { return run() }
        if state.withLock({ $0.burst.added() }) { eventLoop.execute { self.run() } }
    }

    private func run() {
        let work = state.withLock { state in
            defer { state.work = [] }
            state.burst.ran()
            return state.work
        }
        for work in work { work() }
    }
}
