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

/// Makes connections between processes over Unix sockets.
///
/// The sockets are made here and given to channels, because connections keep a duplicate to write to from other threads.
package enum PeerSocket {
    /// Listens at `path`; each connection that comes from a process of the same user gets the delegate.
    package static func listen(
        at path: String,
        on group: any EventLoopGroup,
        delegate: any PeerDelegate,
        hosted: HostedReplicas
    ) throws(ServeError) -> PeerListener {
        let socket = try make(path) { bind($0, $1, $2) }
        guard Glibc.listen(socket, 1024) == 0, fcntl(socket, F_SETFL, O_NONBLOCK) == 0 else {
            throw failure("listen at", path, socket)
        }
        return PeerListener(socket) { accepted in
            guard swerve_peer_is_own_user(accepted) != 0 else { return _ = close(accepted) }
            // A connection that breaks while it is being made reports to nobody: its other end finds out.
            _ = channel(accepted, on: group, delegate, hosted)
        }
    }

    package static func connect(
        to path: String,
        on group: any EventLoopGroup,
        delegate: any PeerDelegate,
        hosted: HostedReplicas
    ) async throws(ServeError) -> PeerConnection {
        let socket = try make(path) { Glibc.connect($0, $1, $2) }
        do {
            return try await channel(socket, on: group, delegate, hosted).get()
        } catch {
            throw ServeError(.system, "cannot connect to '\(path)': \(error)")
        }
    }

    /// A connection over a socket that is connected.
    private static func channel(
        _ socket: Int32,
        on group: any EventLoopGroup,
        _ delegate: any PeerDelegate,
        _ hosted: HostedReplicas
    ) -> EventLoopFuture<PeerConnection> {
        let duplicate = fcntl(socket, F_DUPFD_CLOEXEC, 0)
        let promise = group.next().makePromise(of: PeerConnection.self)
        ClientBootstrap(group: group)
            .channelOption(
                .recvAllocator,
                value: AdaptiveRecvByteBufferAllocator(minimum: 4096, initial: 64 << 10, maximum: 1 << 20)
            )
            .channelInitializer { channel in
                let connection = PeerConnection(channel: channel, socket: duplicate, delegate: delegate, hosted: hosted)
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
        let socket = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
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
    // Unchecked: dispatch sources may be used from any thread.
    private let source: any DispatchSourceRead

    init(_ socket: Int32, _ accepted: @escaping @Sendable (Int32) -> Void) {
        source = DispatchSource.makeReadSource(fileDescriptor: socket, queue: DispatchQueue(label: "swerve.listener"))
        source.setEventHandler {
            while case let connection = swerve_accept(socket), connection >= 0 { accepted(connection) }
        }
        source.setCancelHandler { _ = close(socket) }
        source.activate()
    }

    package func stop() {
        source.cancel()
    }
}
