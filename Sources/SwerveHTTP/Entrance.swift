internal import NIOCore
internal import NIOPosix
internal import SwerveCore
internal import SwerveSystem
internal import Synchronization

/// Where a server's connections come in.
enum Entrance: Sendable {
    case channel(any Channel)
    /// For a socket from which other processes accept, too. NIO's own listening channel takes it for an error of its
    /// own when another process was faster.
    case acceptor(SocketAcceptor)

    /// NIO accepts up to four connections in a turn.
    private static let lastTurns = 64

    /// How the entrances of one server are opened.
    struct Opening: Sendable {
        private let group: any EventLoopGroup
        private let backlog: Int32
        private let report: Report
        private let enter: @Sendable (any Channel) -> EventLoopFuture<Void>

        /// - Parameter enter: serves a new connection; called on its event loop, before it is active.
        init(
            group: any EventLoopGroup,
            backlog: Int32,
            outOfDescriptors: @escaping @Sendable (String) -> Void,
            enter: @escaping @Sendable (any Channel) -> EventLoopFuture<Void>
        ) {
            self.group = group
            self.backlog = backlog
            self.report = Report(outOfDescriptors)
            self.enter = enter
        }

        func open(_ endpoint: HTTPServer.Endpoint) async throws -> Entrance? {
            switch endpoint {
            case .address(let host, let port): .channel(try await bind(host, port))
            case .ownSocket(let socket): .channel(try await bootstrap.withBoundSocket(socket.descriptor).get())
            case .socket(let socket): accept(from: socket)
            case .none: nil
            }
        }

        func accept(from socket: ListeningSocket) -> Entrance {
            let (group, enter) = (group, enter)
            let loop = group.next()
            let turn: SocketAcceptor.Turn = { take in loop.execute(take) }
            let acceptor = SocketAcceptor(socket.descriptor, shortage: report.shortage, turn: turn) { accepted in
                // A connection that breaks while it is being set up is closed.
                _ = ConnectionOptions.apply(to: ClientBootstrap(group: group)).channelInitializer(enter)
                    .withConnectedSocket(accepted)
            }
            return .acceptor(acceptor)
        }

        private func bind(_ host: String, _ port: Int) async throws -> any Channel {
            do {
                return try await bootstrap.bind(host: host, port: port).get()
            } catch let error as IOError {
                throw ListeningSocket.error(ErrorNumber(error.errnoCode), host: host, port: port)
            } catch {
                throw ServeError(.system, "cannot listen on \(host):\(port): \(error)")
            }
        }

        private var bootstrap: ServerBootstrap {
            let report = report
            return ConnectionOptions.apply(to: ServerBootstrap(group: group))
                .serverChannelOption(.backlog, value: backlog)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .childChannelInitializer(enter)
                .serverChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(Entrance.makeBackoff(report))
                    }
                }
        }
    }

    /// The address; `nil` if the socket was passed on.
    var address: SocketAddress? { if case .channel(let channel) = self { channel.localAddress } else { nil } }

    /// Accepts no more connections; returns when all accepted ones are with their event loops.
    ///
    /// - Parameter isLast: whether what waits in the socket's queue is taken first, because nobody else has the socket.
    func close(_ loops: [any EventLoop], isLast: Bool = false) async {
        switch self {
        case .channel(let channel):
            // What waits in the queue now was accepted by the system, and would be reset: some turns to take it.
            for _ in 0..<Self.lastTurns { try? await channel.eventLoop.submit {}.get() }
            // NIO drops an accepted connection if the listening socket is closed before it is set up. So accepting
            // ends first. These calls fail only if the socket is already closed, which is fine.
            try? await channel.setOption(.autoRead, value: false).get()
            for loop in loops { try? await loop.submit {}.get() }
            try? await channel.eventLoop.submit {}.get()
            try? await channel.close().get()
        case .acceptor(let acceptor): await acceptor.stopAndWait(takesRest: isLast)
        }
    }

    /// Pauses accepting when the system refuses connections. Without the pause, the listening socket would keep its
    /// loop busy.
    fileprivate static func makeBackoff(_ report: Report) -> AcceptBackoffHandler {
        AcceptBackoffHandler(shouldForwardIOErrorCaught: false) { error in
            let number = ErrorNumber(error.errnoCode)
            guard number.isShortage else { return nil }
            report.shortage(number)
            return .milliseconds(100)
        }
    }
}

/// Tells once that connections cannot be accepted.
private final class Report: Sendable {
    private let isReported = Atomic<Bool>(false)
    private let tell: @Sendable (String) -> Void

    init(_ tell: @escaping @Sendable (String) -> Void) {
        self.tell = tell
    }

    @Sendable func shortage(_ error: ErrorNumber) {
        guard !isReported.exchange(true, ordering: .relaxed) else { return }
        tell(
            "cannot accept connections: \(error). Raise the limit on open files, or lower the number of connections"
        )
    }
}

/// The options of the channels of connections.
private enum ConnectionOptions {
    private static let marks = ChannelOptions.Types.WriteBufferWaterMark(low: 64 << 10, high: 256 << 10)
    /// One read per turn: because the buffer grows with the traffic, a second read would rarely find more.
    private static let reads: UInt = 1

    static func apply(to bootstrap: ServerBootstrap) -> ServerBootstrap {
        bootstrap
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(.maxMessagesPerRead, value: reads)
            .childChannelOption(.recvAllocator, value: ContentReading.adaptive)
            .childChannelOption(.writeBufferWaterMark, value: marks)
    }

    static func apply(to bootstrap: ClientBootstrap) -> ClientBootstrap {
        bootstrap
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelOption(.maxMessagesPerRead, value: reads)
            .channelOption(.recvAllocator, value: ContentReading.adaptive)
            .channelOption(.writeBufferWaterMark, value: marks)
    }
}
