internal import NIOCore
internal import SwerveActors

/// One event loop's requests to replicas in this process. They begin together at the end of the tick.
///
/// Confined to the event loop.
private final class TickRequests {
    private let executor: LoopExecutor
    private var waiting: [HostedRequest] = []

    init(_ eventLoop: any EventLoop) {
        self.executor = LoopExecutor(eventLoop)
    }

    func add(_ request: HostedRequest, _ loop: RequestLoop) {
        waiting.append(request)
        if waiting.count == 1 { loop.eventLoop.execute { loop.tickRequests.start(loop) } }
    }

    private func start(_ loop: RequestLoop) {
        let all = waiting
        waiting = []
        HostedReplica.start(all, holding: loop.mailbox, on: executor)
    }
}

extension RequestLoop {
    fileprivate var tickRequests: TickRequests {
        // Only this file sets it.
        if let local { return unsafeDowncast(local, to: TickRequests.self) }
        let new = TickRequests(eventLoop)
        local = new
        return new
    }

    /// Starts the request at the end of this tick, together with the tick's other requests to its replica.
    func start(_ request: HostedRequest) { tickRequests.add(request, self) }
}
