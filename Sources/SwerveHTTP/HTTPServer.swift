package import NIOCore
internal import NIOPosix
internal import SwerveCore
internal import SwerveSystem
internal import Synchronization

/// A listening HTTP/1.1 server: accepts connections and spreads them over the event loops of a group.
package final class HTTPServer: Sendable {
    /// The address that the server listens on; if port 0 was asked for, with the port that the system chose.
    package let localAddress: SocketAddress
    private let channel: any Channel
    private let loops: [NIOLoopBound<HTTPLoop>]
    private let gate: ConnectionGate
    private let budget: MemoryBudget
    private let lingering: LingeringCount

    private init(
        localAddress: SocketAddress,
        channel: any Channel,
        loops: [NIOLoopBound<HTTPLoop>],
        gate: ConnectionGate,
        budget: MemoryBudget,
        lingering: LingeringCount
    ) {
        self.localAddress = localAddress
        self.channel = channel
        self.loops = loops
        self.gate = gate
        self.budget = budget
        self.lingering = lingering
    }

    /// The number of connections being served.
    package var connectionCount: Int { gate.count }
    /// The most connections served at a time, see ``HTTPServerOptions/maxConnections``.
    package var connectionLimit: Int { gate.admission.maximum }

    /// The number of connections that linger, see ``HTTPServerOptions/maxLingering``.
    package var lingeringCount: Int { lingering.value }

    /// The bytes of requests and responses held now, see ``HTTPServerOptions/maxBufferedBytes``.
    package var bufferedBytes: Int { budget.heldBytes }

    /// Starts listening, after raising the process's descriptor limit as far as the system allows.
    ///
    /// - Parameters:
    ///   - port: 0 picks any free port.
    ///   - group: must outlive the server.
    ///   - service: answers the requests; it is called on the group's loops.
    ///   - outOfDescriptors: called once, with a text for the log, when a connection cannot be accepted for want of
    ///     descriptors or memory. Each time this happens, the server accepts no connections for 100 ms.
    /// - Throws: ``ServeError`` with code `addressInUse` if something already listens there, `system` if the address is
    ///   unavailable for another reason.
    package static func start(
        host: String,
        port: Int,
        group: any EventLoopGroup,
        options: HTTPServerOptions = HTTPServerOptions(),
        service: any HTTPService,
        outOfDescriptors: @escaping @Sendable (String) -> Void = { _ in }
    ) async throws -> HTTPServer {
        let descriptors = DescriptorLimit.raise()
        let budget = MemoryBudget(limit: options.maxBufferedBytes)
        let lingering = LingeringCount(limit: options.maxLingering)
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
                        seed: seed,
                        budget: budget,
                        lingering: lingering
                    ),
                    eventLoop: eventLoop
                )
            }.get()
            loops.append(loop)
        }
        let admission = ConnectionAdmission(
            options: options,
            limit: descriptors,
            inUse: descriptors.map { DescriptorLimit.inUse(limit: $0) } ?? 0
        )
        let gate = ConnectionGate(admission: admission, loops: loops, service: service, options: options)
        let bootstrap = makeBootstrap(group: group, options: options)
            .childChannelInitializer { gate.enter($0) }
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(makeBackoff(outOfDescriptors))
                }
            }
        do {
            let channel = try await bootstrap.bind(host: host, port: port).get()
            guard let address = channel.localAddress else {
                throw ServeError(.system, "the listening socket at \(host):\(port) has no address")
            }
            return HTTPServer(
                localAddress: address,
                channel: channel,
                loops: loops,
                gate: gate,
                budget: budget,
                lingering: lingering
            )
        } catch let error as IOError {
            throw bindError(error, host: host, port: port)
        } catch let error as ServeError {
            throw error
        } catch {
            throw ServeError(.system, "cannot listen on \(host):\(port): \(error)")
        }
    }

    /// Stops the server: accepts no more connections, closes the idle ones, answers requests in progress with
    /// `connection: close`, and cuts what is left at the deadline. Requests cut this way are cancelled.
    ///
    /// - Parameter deadline: how long the answers in progress may take, from now on.
    package func drain(deadline: Duration) async {
        // Fails only if the listening socket is already closed, which is fine.
        try? await channel.close().get()
        let drained = loops.map { loop in
            loop.eventLoop.flatSubmit { loop.value.drain(for: deadline) }
        }
        // These futures fail only when the event loops are gone, and their connections with them.
        for future in drained { try? await future.get() }
    }

    private static func makeBootstrap(group: any EventLoopGroup, options: HTTPServerOptions) -> ServerBootstrap {
        ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: options.backlog)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            // One read per turn: the buffer grows with the traffic, so a second read would rarely find more.
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

    /// Pauses accepting when the system refuses connections. Without the pause, the listening socket would keep its
    /// loop busy.
    private static func makeBackoff(_ outOfDescriptors: @escaping @Sendable (String) -> Void) -> AcceptBackoffHandler {
        var isReported = false
        return AcceptBackoffHandler(shouldForwardIOErrorCaught: false) { error in
            guard ErrorNumber(error.errnoCode).isShortage else { return nil }
            if !isReported {
                outOfDescriptors(
                    "cannot accept connections: \(error). Raise the limit on open files, or lower the number of "
                        + "connections"
                )
            }
            isReported = true
            return .milliseconds(100)
        }
    }

    private static func bindError(_ error: IOError, host: String, port: Int) -> ServeError {
        guard ErrorNumber(error.errnoCode) == .addressInUse else {
            return ServeError(.system, "cannot listen on \(host):\(port): \(error)")
        }
        return ServeError(
            .addressInUse,
            "cannot listen on \(host):\(port): another process uses this address. Stop it, or choose another port (0 "
                + "picks any free one)"
        )
    }

    @Sendable private static func systemTime() -> MonotonicTime {
        MonotonicTime(nanoseconds: Int64(clamping: NIODeadline.now().uptimeNanoseconds))
    }

    @Sendable private static func systemSeconds() -> Int64 { Int64(WallClock.seconds) }
}
