internal import CSwerveSystem

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// Sockets between the processes of this machine. They never block, and programs that this process starts do not inherit
/// them.
package enum UnixSockets {
    /// The longest path that a socket can have.
    package static let maximumPathBytes = MemoryLayout.size(ofValue: sockaddr_un().sun_path) - 1

    /// - Throws: ``SystemFailure``; with code `nameTooLong` when the path has more than ``maximumPathBytes``.
    /// - Returns: a listening socket, for the caller to close.
    package static func listen(at path: String, backlog: Int32) throws(SystemFailure) -> Int32 {
        let socket = try make(path) { bind($0, $1, $2) }
        guard systemListen(socket, backlog) == 0 else { throw failure("listen at", path, socket) }
        return socket
    }

    /// Connects at once, or fails when the listener is behind.
    ///
    /// - Throws: ``SystemFailure``; with code `nameTooLong` when the path has more than ``maximumPathBytes``.
    /// - Returns: a connected socket, for the caller to close.
    package static func connect(to path: String) throws(SystemFailure) -> Int32 {
        try make(path, systemConnect)
    }

    /// Whether the process at the other end belongs to this user or to root.
    package static func isPeerTrusted(_ socket: Int32) -> Bool { swerve_peer_is_own_user(socket) != 0 }

    /// Another descriptor of the same socket, for the caller to close.
    package static func duplicate(_ socket: Int32) throws(ErrorNumber) -> Int32 {
        let duplicate = fcntl(socket, F_DUPFD_CLOEXEC, 0)
        guard duplicate >= 0 else { throw .last }
        return duplicate
    }

    private static func make(
        _ path: String,
        _ use: (Int32, UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) throws(SystemFailure) -> Int32 {
        guard path.utf8.count <= maximumPathBytes else { throw SystemFailure("use", path, .nameTooLong) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let socket = makeSocket(AF_UNIX)
        guard socket >= 0 else { throw failure("make a socket for", path, socket) }
        let result = withUnsafePointer(to: address) { address in
            address.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                use(socket, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard result == 0 else { throw failure("use", path, socket) }
        return socket
    }

    private static func failure(_ attempt: String, _ path: String, _ socket: Int32) -> SystemFailure {
        let failure = SystemFailure(attempt, path, .last)
        if socket >= 0 { systemClose(socket) }
        return failure
    }
}
