package import NIOCore
internal import NIOPosix
internal import SwerveCore
internal import Synchronization

#if canImport(Darwin)
    private import Darwin
#elseif canImport(Glibc)
    private import Glibc
#elseif canImport(Musl)
    private import Musl
#endif

/// A listening HTTP/1.1 server: accepts connections and spreads them over the event loops of a group.
package final class HTTPServer: Sendable {
    /// The address that the server listens on, with the port that was chosen when 0 was asked for.
    package let localAddress: SocketAddress
    private let channel: any Channel
    private let loops: [NIOLoopBound<HTTPLoop>]
    private let count: HTTPConnectionCount

    private init(
        localAddress: SocketAddress,
        channel: any Channel,
        loops: [NIOLoopBound<HTTPLoop>],
        count: HTTPConnectionCount
    ) {
        self.localAddress = localAddress
        self.channel = channel
        self.loops = loops
        self.count = count
    }

    /// How many connections there are.
    package var connectionCount: Int { count.value.load(ordering: .relaxed) }

    /// Starts listening.
    ///
    /// - Parameters:
    ///   - port: 0 takes any free port.
    ///   - group: must outlive the server.
    ///   - service: answers the requests; it is called on the group's loops.
    /// - Throws: ``ServeError`` with code `addressInUse` when something listens there already, `system` when the
    ///   address cannot be had for another reason.
    package static func start(
        host: String,
        port: Int,
        group: any EventLoopGroup,
        options: HTTPServerOptions = HTTPServerOptions(),
        service: any HTTPService
    ) async throws -> HTTPServer {
        var loops: [NIOLoopBound<HTTPLoop>] = []
        for eventLoop in group.makeIterator() {
            let seed = UInt64.random(in: .min ... .max)
            let loop = try await eventLoop.submit {
                NIOLoopBound(
                    HTTPLoop(
                        eventLoop: eventLoop,
                        options: options,
                        time: systemTime,
                        wallClock: systemSeconds,
                        seed: seed
                    ),
                    eventLoop: eventLoop
                )
            }.get()
            loops.append(loop)
        }
        let count = HTTPConnectionCount()
        let byLoop = Dictionary(uniqueKeysWithValues: loops.map { (ObjectIdentifier($0.eventLoop), $0) })
        let bootstrap = makeBootstrap(group: group, options: options).childChannelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                let isTooMany = count.add(untilClosed: channel) > options.maxConnections
                guard let loop = byLoop[ObjectIdentifier(channel.eventLoop)], !isTooMany else {
                    try channel.pipeline.syncOperations.addHandler(HTTPOverloadHandler())
                    return
                }
                try channel.pipeline.syncOperations.addHandler(
                    HTTPConnectionHandler(loop: loop.value, service: service)
                )
            }
        }
        do {
            let channel = try await bootstrap.bind(host: host, port: port).get()
            guard let address = channel.localAddress else {
                throw ServeError(.system, "the listening socket at \(host):\(port) has no address")
            }
            return HTTPServer(localAddress: address, channel: channel, loops: loops, count: count)
        } catch let error as IOError {
            throw bindError(error, host: host, port: port)
        } catch let error as ServeError {
            throw error
        } catch {
            throw ServeError(.system, "cannot listen on \(host):\(port): \(error)")
        }
    }

    /// Stops: accepts no more connections, closes the idle ones, answers what is in progress with
    /// `connection: close`, and closes what is left when the time is over. Requests cut then are cancelled.
    ///
    /// - Parameter deadline: how long answering may take, from now on.
    package func drain(deadline: Duration) async {
        // A listening socket that is closed already is what is wanted.
        try? await channel.close().get()
        let drained = loops.map { loop in
            loop.eventLoop.flatSubmit { loop.value.drain(for: deadline) }
        }
        // These promises fail only when the event loops are gone, and their connections with them.
        for future in drained { try? await future.get() }
    }

    private static func makeBootstrap(group: any EventLoopGroup, options: HTTPServerOptions) -> ServerBootstrap {
        ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: options.backlog)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            // One read per turn: the buffer grows with the traffic, a second read would mostly find nothing.
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelOption(
                .recvAllocator,
                value: AdaptiveRecvByteBufferAllocator(minimum: 4 << 10, initial: 16 << 10, maximum: 1 << 20)
            )
            .childChannelOption(
                .writeBufferWaterMark,
                value: ChannelOptions.Types.WriteBufferWaterMark(low: 64 << 10, high: 256 << 10)
            )
    }

    private static func bindError(_ error: IOError, host: String, port: Int) -> ServeError {
        guard error.errnoCode == EADDRINUSE else {
            return ServeError(.system, "cannot listen on \(host):\(port): \(error)")
        }
        return ServeError(
            .addressInUse,
            "cannot listen on \(host):\(port): another process uses this address. Stop it, or choose another port (0 "
                + "takes any free one)"
        )
    }

    @Sendable private static func systemTime() -> MonotonicTime {
        MonotonicTime(nanoseconds: Int64(clamping: NIODeadline.now().uptimeNanoseconds))
    }

    @Sendable private static func systemSeconds() -> Int64 { Int64(time(nil)) }
}

/// How many connections a server has, over all its loops.
final class HTTPConnectionCount: Sendable {
    let value = Atomic<Int>(0)

    /// Counts the channel until it is closed, and returns how many there are with it.
    func add(untilClosed channel: any Channel) -> Int {
        channel.closeFuture.whenComplete { _ in self.value.subtract(1, ordering: .relaxed) }
        return value.add(1, ordering: .relaxed).newValue
    }
}

/// Tells a client that there are too many, and closes.
private final class HTTPOverloadHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    func channelActive(context: ChannelHandlerContext) {
        let answer = ByteBuffer(
            staticString:
                "HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n"
        )
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenComplete { _ in context.close(promise: nil) }
        context.writeAndFlush(wrapOutboundOut(answer), promise: promise)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {}
}
