internal import NIOCore
internal import SwerveActors
internal import Synchronization

/// Starts the requests for replicas of this process that arrive in one tick of an event loop together.
///
/// Confined to its event loop, apart from what it starts.
final class LocalRunner: @unchecked Sendable {
    // Unchecked: `waiting` is touched on the event loop only.
    private let eventLoop: any EventLoop
    private let executor: LoopExecutor
    let mailbox: LoopMailbox
    private var waiting: [LocalHTTPCall] = []

    init(_ eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
        self.executor = LoopExecutor(eventLoop)
        self.mailbox = LoopMailbox(eventLoop)
    }

    func start(_ call: LocalHTTPCall) {
        call.replica.beginLocal()
        waiting.append(call)
        if waiting.count == 1 { eventLoop.execute { self.startWaiting() } }
    }

    private func startWaiting() {
        var rest = waiting[...]
        waiting = []
        while let first = rest.first {
            let part = rest.prefix { $0.replica === first.replica }
            rest = rest.dropFirst(part.count)
            first.replica.start(Batch(work: Array(part), mailbox: mailbox), from: executor)
        }
    }

    private struct Batch: ReplicaBatch {
        let work: [any ReplicaWork]
        let mailbox: LoopMailbox
        func begin() { mailbox.hold() }
        func end() { mailbox.release() }
    }
}

/// Takes work from any thread to an event loop, in order, with one wake-up for all that comes before it runs.
final class LoopMailbox: Sendable {
    private struct State {
        var work: [@Sendable () -> Void] = []
        var isScheduled = false
        /// Batches that hold their work back until their end.
        var holds = 0
    }
    private let eventLoop: any EventLoop
    private let state = Mutex(State())

    init(_ eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    func post(_ work: @escaping @Sendable () -> Void) {
        let wake = state.withLock { state in
            state.work.append(work)
            guard state.holds == 0, !state.isScheduled else { return false }
            state.isScheduled = true
            return true
        }
        if wake { schedule() }
    }

    func hold() {
        state.withLock { $0.holds += 1 }
    }

    func release() {
        let isOnLoop = eventLoop.inEventLoop
        let wake = state.withLock { state in
            state.holds -= 1
            guard !state.work.isEmpty, !state.isScheduled else { return false }
            state.isScheduled = true
            return true
        }
        guard wake else { return }
        if isOnLoop { run() } else { schedule() }
    }

    private func schedule() {
        eventLoop.execute { self.run() }
    }

    private func run() {
        let work = state.withLock { state in
            defer { state.work = [] }
            state.isScheduled = false
            return state.work
        }
        for work in work { work() }
    }
}
