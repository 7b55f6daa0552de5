package import NIOCore
internal import Synchronization

/// What requests that begin on one event loop share: the batches for replicas of this process, and the mailbox by which
/// answers come back to the loop.
///
/// Confined to its event loop, but for ``mailbox``.
package final class RequestLoop: @unchecked Sendable {
    // Unchecked: `waiting` is touched on the event loop only.
    package let eventLoop: any EventLoop
    /// The loop's position among the loops of its instance, for connections that are made one for each loop.
    package let index: Int
    package let mailbox: Mailbox
    private let executor: LoopExecutor
    private var waiting: [HostedRequest] = []

    package init(_ eventLoop: any EventLoop, index: Int) {
        self.eventLoop = eventLoop
        self.index = index
        self.mailbox = Mailbox(eventLoop)
        self.executor = LoopExecutor(eventLoop)
    }

    /// Starts the request at the end of this tick, together with the others of the tick for its replica.
    func start(_ request: HostedRequest) {
        waiting.append(request)
        if waiting.count == 1 { eventLoop.execute { self.startWaiting() } }
    }

    private func startWaiting() {
        let all = waiting
        waiting = []
        HostedReplica.start(all, holding: mailbox, on: executor)
    }
}

/// Takes work from any thread to an event loop, in order, with one wake-up for all that comes before it runs.
package final class Mailbox: Burst {
    private struct State {
        var work: [@Sendable () -> Void] = []
        var burst = BurstState()
    }
    private let eventLoop: any EventLoop
    private let state = Mutex(State())

    init(_ eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    func post(_ work: @escaping @Sendable () -> Void) {
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
