internal import NIOCore
internal import SwerveCore
internal import Synchronization

/// Where new connections come in: they are counted, and given to their loop or refused.
final class ConnectionGate: Sendable {
    let admission: ConnectionAdmission
    private let loops: [NIOLoopBound<HTTPLoop>]
    private let service: any HTTPService
    private let options: HTTPServerOptions
    private let connections = Atomic<Int>(0)
    private let refusals = Atomic<Int>(0)
    /// When all loops were last found without an idle connection, in nanoseconds.
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

    /// How many connections are served.
    var count: Int { connections.load(ordering: .relaxed) }

    /// Takes the channel in; called on its event loop.
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
        try channel.pipeline.syncOperations.addHandler(HTTPConnectionHandler(loop: loop.value, service: service))
    }

    private func refuse(_ channel: any Channel) throws {
        let number = refusals.add(1, ordering: .relaxed).newValue
        channel.closeFuture.whenComplete { _ in self.refusals.subtract(1, ordering: .relaxed) }
        guard number <= admission.maximumRefusals else { throw ChannelError.ioOnClosedChannel }
        try channel.pipeline.syncOperations.addHandler(RefusalHandler(lingerTimeout: options.lingerTimeout))
    }

    // MARK: - Idle connections

    /// A flood of connections must not make the loops look for idle ones each time.
    private var mayBeIdle: Bool {
        let since = NIODeadline.now().uptimeNanoseconds &- foundNoneIdle.load(ordering: .relaxed)
        return since > UInt64(clamping: options.tickPeriod.nanoseconds)
    }

    /// Asks the loops one after another, the connection's own first. Connections are spread evenly over them, so that
    /// the longest idle one of a loop has been idle about as long as that of another.
    private func closeIdle(_ own: Int, tried: Int) -> EventLoopFuture<Bool> {
        let loop = loops[(own + tried) % loops.count]
        return loop.eventLoop.submit { loop.value.closeLongestIdle() }.flatMap { found in
            if found { return loop.eventLoop.makeSucceededFuture(true) }
            if tried + 1 < self.loops.count { return self.closeIdle(own, tried: tried + 1) }
            self.foundNoneIdle.store(NIODeadline.now().uptimeNanoseconds, ordering: .relaxed)
            return loop.eventLoop.makeSucceededFuture(false)
        }
    }
}
