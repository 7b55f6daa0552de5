internal import CSwerveSystem

// Public, so that what is inlined in other targets can use its types.
#if canImport(Glibc)
    public import Glibc
#elseif canImport(Musl)
    public import Musl
#else
    public import Darwin
#endif

/// Memory to send, which must stay where it is meanwhile.
@usableFromInline
package struct SocketSlice {
    @usableFromInline let vector: iovec

    @inlinable
    package init(_ bytes: UnsafeRawBufferPointer) {
        vector = iovec(iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress), iov_len: bytes.count)
    }
}

/// Sockets of any kind.
package enum Sockets {
    /// Takes a connection from a listening socket.
    ///
    /// - Throws: ``ErrorNumber``; `tryAgain` when there is none.
    package static func accept(from listener: Int32) throws(ErrorNumber) -> Int32 {
        let connection = swerve_accept(listener)
        guard connection >= 0 else { throw .last }
        return connection
    }

    /// Sends what the socket takes at once.
    ///
    /// - Returns: the number of bytes, 0 when the socket has no room; `nil` when the socket is broken.
    package static func send(_ socket: Int32, _ bytes: UnsafeRawBufferPointer) -> Int? {
        while true {
            let sent = systemSend(socket, bytes, flags)
            if sent >= 0 { return sent }
            if errno != EINTR { return isFull ? 0 : nil }
        }
    }

    /// Takes what the socket has, without waiting.
    ///
    /// - Returns: the number of bytes; 0 when there are none, at the end of input, and when the socket is broken.
    package static func receive(_ socket: Int32, into memory: UnsafeMutableRawBufferPointer) -> Int {
        while true {
            let count = recv(socket, memory.baseAddress, memory.count, Int32(MSG_DONTWAIT))
            if count >= 0 { return count }
            if errno != EINTR { return 0 }
        }
    }

    /// Sends what the socket takes of the slices at once, in their order.
    ///
    /// - Returns: the number of bytes, 0 when the socket has no room; `nil` when the socket is broken.
    package static func send(_ socket: Int32, _ slices: [SocketSlice]) -> Int? {
        slices.withUnsafeBufferPointer { slices in
            slices.withMemoryRebound(to: iovec.self) { vectors in
                var message = msghdr()
                message.msg_iov = UnsafeMutablePointer(mutating: vectors.baseAddress)
                message.msg_iovlen = numericCast(vectors.count)
                while true {
                    let sent = sendmsg(socket, &message, flags)
                    if sent >= 0 { return sent }
                    if errno != EINTR { return isFull ? 0 : nil }
                }
            }
        }
    }

    /// How many bytes of what was written to a socket its peer has not acknowledged; 0 when that cannot be told.
    package static func unsentBytes(_ socket: Int32) -> Int { max(0, Int(swerve_socket_unsent(socket))) }

    /// Of the last call.
    private static var isFull: Bool { errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS }

    private static var flags: Int32 {
        #if canImport(Darwin)
            // The process ignores the signal of a broken pipe.
            Int32(MSG_DONTWAIT)
        #else
            Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL)
        #endif
    }
}

/// Makes a socket that does not block and that programs which this process starts do not inherit; -1 if that fails.
func makeSocket(_ family: Int32) -> Int32 {
    #if canImport(Darwin)
        let made = socket(family, SOCK_STREAM, 0)
        guard made >= 0 else { return made }
        _ = fcntl(made, F_SETFD, FD_CLOEXEC)
        _ = fcntl(made, F_SETFL, O_NONBLOCK)
        return made
    #elseif canImport(Glibc)
        let kind = SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue
        return socket(family, Int32(kind), 0)
    #else
        return socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)
    #endif
}
