internal import CSwerveSystem
internal import Dispatch
package import NIOCore
internal import NIOPosix
package import SwerveCore

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

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
    ) throws(ServeError) -> PeerListener {
        let socket = try make(path) { bind($0, $1, $2) }
        guard Glibc.listen(socket, 1024) == 0 else { throw failure("listen at", path, socket) }
        return PeerListener(socket) { accepted in
            guard swerve_peer_is_own_user(accepted) != 0 else { return _ = close(accepted) }
            // A connection that fails while it is being set up is not reported here: its other end notices.
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
            // A Unix socket connects at once, or fails when its listener's queue is full.
            let socket = try Self.make(address) { Glibc.connect($0, $1, $2) }
            return Self.channel(socket, on: loop, delegate, hosted).flatMapErrorThrowing {
                throw ServeError(.system, "cannot connect to '\(address)': \($0)")
            }
        } catch {
            return loop.makeFailedFuture(error)
        }
    }

    /// Makes a connection from a connected socket.
    static func channel(
        _ socket: Int32,
        on loop: any EventLoop,
        _ delegate: any PeerDelegate,
        _ hosted: HostedReplicas
    ) -> EventLoopFuture<PeerConnection> {
        let duplicate = fcntl(socket, F_DUPFD_CLOEXEC, 0)
        guard duplicate >= 0 else {
            let error = IOError(errnoCode: errno, reason: "cannot duplicate a socket")
            close(socket)
            return loop.makeFailedFuture(error)
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

    private static func make(
        _ path: String,
        _ use: (Int32, UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) throws(ServeError) -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let capacity = MemoryLayout.size(ofValue: address.sun_path)
        guard path.utf8.count < capacity else {
            throw ServeError(.system, "the socket path '\(path)' has more than \(capacity - 1) bytes")
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let socket = Glibc.socket(
            AF_UNIX,
            Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue),
            0
        )
        guard socket >= 0 else { throw failure("make a socket for", path, socket) }
        let result = withUnsafePointer(to: address) { address in
            address.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                use(socket, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard result == 0 else { throw failure("use", path, socket) }
        return socket
    }

    private static func failure(_ what: String, _ path: String, _ socket: Int32) -> ServeError {
        let reason = String(cString: strerror(errno))
        if socket >= 0 { close(socket) }
        return ServeError(.system, "cannot \(what) '\(path)': \(reason)")
    }
}

/// A listening socket between processes.
package final class PeerListener: @unchecked Sendable {
    // Unchecked: dispatch sources may be used from any thread; the rest is only touched on the source's queue.
    private let source: any DispatchSourceRead
    private static let queue = DispatchQueue(label: "swerve.listener")

    /// How long the listener accepts nothing after the process ran out of descriptors.
    private static let pause = DispatchTimeInterval.milliseconds(100)

    init(_ socket: Int32, _ accepted: @escaping @Sendable (Int32) -> Void) {
        source = DispatchSource.makeReadSource(fileDescriptor: socket, queue: Self.queue)
        source.setEventHandler { [weak self] in
            while case let connection = swerve_accept(socket), connection >= 0 { accepted(connection) }
            if [EMFILE, ENFILE, ENOMEM, ENOBUFS].contains(errno) { self?.rest() }
        }
        source.setCancelHandler { _ = close(socket) }
        source.activate()
    }

    /// The connection stays in the queue, so the source would fire again at once.
    private func rest() {
        source.suspend()
        Self.queue.asyncAfter(deadline: .now() + Self.pause) { self.source.resume() }
    }

    package func stop() {
        source.cancel()
    }
}
