#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// Sockets that listen for connections over the Internet's protocols.
package enum TCPSockets {
    /// Listens at an address. The socket does not block, and programs that this process starts do not inherit it.
    ///
    /// - Parameter address: a `sockaddr`, of version 4 or 6.
    /// - Returns: a listening socket, for the caller to close.
    package static func listen(at address: UnsafeRawBufferPointer, backlog: Int32) throws(ErrorNumber) -> Int32 {
        guard let start = address.baseAddress, address.count >= MemoryLayout<sockaddr_in>.size else {
            throw ErrorNumber(EINVAL)
        }
        let pointer = start.assumingMemoryBound(to: sockaddr.self)
        let socket = makeSocket(Int32(pointer.pointee.sa_family))
        guard socket >= 0 else { throw .last }
        var yes: Int32 = 1
        let size = socklen_t(MemoryLayout<Int32>.size)
        guard setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, size) == 0,
            bind(socket, pointer, socklen_t(address.count)) == 0, systemListen(socket, backlog) == 0
        else {
            let error = ErrorNumber.last
            systemClose(socket)
            throw error
        }
        return socket
    }

    /// Refuses connections from now on, also those that wait in the queue, whoever else has the socket.
    package static func stopListening(_ socket: Int32) { _ = shutdown(socket, Int32(SHUT_RDWR)) }

    /// The port that a socket listens on; `nil` if it has none.
    package static func port(of socket: Int32) -> Int? {
        var address = sockaddr_in6()
        var size = socklen_t(MemoryLayout<sockaddr_in6>.size)
        let result = withUnsafeMutablePointer(to: &address) { address in
            address.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(socket, $0, &size) }
        }
        guard result == 0, [AF_INET, AF_INET6].contains(Int32(address.sin6_family)) else { return nil }
        // Both versions have the port at the same place.
        return Int(UInt16(bigEndian: address.sin6_port))
    }
}
