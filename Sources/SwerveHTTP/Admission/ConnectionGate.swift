internal import NIOCore
internal import SwerveCore
internal import Synchronization

/// Counts new connections, and hands each to its loop or refuses it.
final class ConnectionGate: Sendable {
    let admission: ConnectionAdmission
    private let loops: [NIOLoopBound<HTTPLoop>]
    private let service: any HTTPService
    private let options: HTTPServerOptions
    private let connections = Atomic<Int>(0)
    private let refusals = Atomic<Int>(0)
    /// When the loops were last searched and none had an idle connection, in nanoseconds.
    private let foundNoneIdle = Atomic<UInt64>(0)

    init(
        admission: ConnectionAdmission,
        loops: [NIOLoopBound<HTTPLoop>],
        service: any HTTPService,
        options: HTTPServerOptions
    ) {
        self.admission = admission
        self.loops = loops
        self.service = service
        self.options = options
    }

    /// The number of connections being served.
    var count: Int { connections.load(ordering: .relaxed) }

    /// Serves or refuses the channel; called on its event loop.
    func enter(_ channel: any Channel) -> EventLoopFuture<Void> {
        let own = loops.firstIndex { $0.eventLoop === channel.eventLoop } ?? 0
        switch admission.decide(connections: count, canReplaceIdle: mayBeIdle ? nil : false) {
        case .serve: return channel.eventLoop.makeCompletedFuture { try serve(channel, loops[own]) }
        case .refuse: return channel.eventLoop.makeCompletedFuture { try refuse(channel) }
        case .replaceIdle: break
        }
        return closeIdle(own, tried: 0).hop(to: channel.eventLoop).flatMapThrowing { found in
            switch self.admission.decide(connections: self.count, canReplaceIdle: found) {
            case .serve, .replaceIdle: try self.serve(channel, self.loops[own])
            case .refuse: try self.refuse(channel)
            }
        }
    }

    private func serve(_ channel: any Channel, _ loop: NIOLoopBound<HTTPLoop>) throws {
        connections.add(1, ordering: .relaxed)
        channel.closeFuture.whenComplete { _ in self.connections.subtract(1, ordering: .relaxed) }
        let handler = HTTPConnectionHandler(loop: loop.value, service: service)
        if options.contentBuffer != nil { try handler.readInPlace(from: channel) }
        try channel.pipeline.syncOperations.addHandler(handler)
    }

    private func refuse(_ channel: any Channel) throws {
        let number = refusals.add(1, ordering: .relaxed).newValue
        channel.closeFuture.whenComplete { _ in self.refusals.subtract(1, ordering: .relaxed) }
        guard number <= admission.maximumRefusals else { throw ChannelError.ioOnClosedChannel }
        try channel.pipeline.syncOperations.addHandler(RefusalHandler(linger: options.refusalLinger))
    }

    // MARK: - Idle connections

    /// Whether to search for an idle connection. A flood of connections must not make the loops search each time.
    private var mayBeIdle: Bool {
        let since = loops[0].eventLoop.now.uptimeNanoseconds &- foundNoneIdle.load(ordering: .relaxed)
        return since > UInt64(clamping: options.tickPeriod.nanoseconds)
    }

    /// Asks the loops one after another to close an idle connection, beginning with the new connection's own.
    /// Connections are spread evenly, so the longest idle one of each loop has been idle for about the same time.
    private func closeIdle(_ own: Int, tried: Int) -> EventLoopFuture<Bool> {
        let loop = loops[(own + tried) % loops.count]
        return loop.eventLoop.submit { loop.value.closeLongestIdle() }.flatMap { found in
            if found { return loop.eventLoop.makeSucceededFuture(true) }
            if tried + 1 < self.loops.count { return self.closeIdle(own, tried: tried + 1) }
            self.foundNoneIdle.store(self.loops[0].eventLoop.now.uptimeNanoseconds, ordering: .relaxed)
            return loop.eventLoop.makeSucceededFuture(false)
        }
    }
}
