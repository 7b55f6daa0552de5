package import NIOCore
internal import NIOPosix
package import SwerveCore
package import SwerveSystem

/// How processes reach one another: Unix sockets, or a simulation's substitute.
package protocol PeerNetwork: Sendable {
    /// Connects to whoever listens at `address`; the connection lives on `loop`. Fails with a ``ServeError``.
    func connect(
        to address: String,
        on loop: any EventLoop,
        delegate: any PeerDelegate,
        hosted: HostedReplicas
    ) -> EventLoopFuture<PeerConnection>
}

/// Connections between processes over Unix sockets.
///
/// The sockets are made here and handed to channels, because a connection keeps a duplicate, to write from other
/// threads.
package struct UnixSocketNetwork: PeerNetwork {
    package init() {}

    /// Listens at `path`. Each connection from a process of this user or of root gets the delegate; others are closed.
    package static func listen(
        at path: String,
        on group: any EventLoopGroup,
        delegate: any PeerDelegate,
        hosted: HostedReplicas
    ) throws(ServeError) -> SocketAcceptor {
        let socket: Int32
        do { socket = try UnixSockets.listen(at: path, backlog: 1024) } catch { throw Self.error(error) }
        return SocketAcceptor(socket) { accepted in
            guard UnixSockets.isPeerTrusted(accepted) else { return Descriptors.close(accepted) }
            // A connection that breaks while it is being made reports to nobody: its other end finds out.
            _ = channel(accepted, on: group.next(), delegate, hosted)
        }
    }

    package func connect(
        to address: String,
        on loop: any EventLoop,
        delegate: any PeerDelegate,
        hosted: HostedReplicas
    ) -> EventLoopFuture<PeerConnection> {
        do {
            let socket = try UnixSockets.connect(to: address)
            return Self.channel(socket, on: loop, delegate, hosted).flatMapErrorThrowing {
                throw ServeError(.system, "cannot connect to '\(address)': \($0)")
            }
        } catch {
            return loop.makeFailedFuture(Self.error(error))
        }
    }

    /// Makes a connection from a connected socket.
    static func channel(
        _ socket: Int32,
        on loop: any EventLoop,
        _ delegate: any PeerDelegate,
        _ hosted: HostedReplicas
    ) -> EventLoopFuture<PeerConnection> {
        let duplicate: Int32
        do {
            duplicate = try UnixSockets.duplicate(socket)
        } catch {
            Descriptors.close(socket)
            return loop.makeFailedFuture(IOError(errnoCode: error.rawValue, reason: "a socket cannot be duplicated"))
        }
        let promise = loop.makePromise(of: PeerConnection.self)
        ClientBootstrap(group: loop)
            .channelOption(
                .recvAllocator,
                value: AdaptiveRecvByteBufferAllocator(minimum: 4096, initial: 64 << 10, maximum: 1 << 20)
            )
            .channelInitializer { channel in
                let wire = SocketWire(channel, socket: duplicate)
                let connection = PeerConnection(wire: wire, delegate: delegate, hosted: hosted)
                return channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(PeerHandler(connection))
                    promise.succeed(connection)
                }
            }
            .withConnectedSocket(socket)
            .whenFailure { promise.fail($0) }
        return promise.futureResult
    }

    private static func error(_ failure: SystemFailure) -> ServeError {
        guard failure.code != .nameTooLong else {
            let limit = UnixSockets.maximumPathBytes
            return ServeError(.system, "the socket path '\(failure.path)' has more than \(limit) bytes")
        }
        return ServeError(.system, "cannot \(failure.attempt) '\(failure.path)': \(failure.reason)")
    }
}
