internal import NIOCore
package import SwerveCore
internal import SwerveSystem

/// A socket that listens for HTTP connections and that other processes can be given, so that they accept them.
///
/// Connections wait in its queue while no process accepts any. The queue is lost when the last process closes the
/// socket.
package struct ListeningSocket: Sendable {
    package let descriptor: Int32
    package let port: Int

    /// - Parameter descriptor: a listening socket.
    package init(_ descriptor: Int32) throws(ServeError) {
        guard let port = TCPSockets.port(of: descriptor) else {
            throw ServeError(.system, "descriptor \(descriptor) is no socket that listens on a port")
        }
        self.descriptor = descriptor
        self.port = port
    }

    /// - Parameter port: 0 picks any free port.
    /// - Throws: ``ServeError`` with code `addressInUse` if something already listens there, `system` if the address is
    ///   unavailable for another reason.
    package static func open(
        host: String,
        port: Int,
        backlog: Int32 = HTTPServerOptions().backlog
    ) throws(ServeError) -> ListeningSocket {
        let address: SocketAddress
        do {
            address = try SocketAddress.makeAddressResolvingHost(host, port: port)
        } catch {
            throw ServeError(.system, "cannot listen on \(host):\(port): \(error)")
        }
        let result = address.withSockAddr { start, count in
            Result { () throws(ErrorNumber) in
                try TCPSockets.listen(at: UnsafeRawBufferPointer(start: start, count: count), backlog: backlog)
            }
        }
        switch result {
        case .success(let descriptor): return try ListeningSocket(descriptor)
        case .failure(let number): throw error(number, host: host, port: port)
        }
    }

    /// The same socket for another owner, who closes it.
    package func duplicate() throws(ServeError) -> ListeningSocket {
        let copy: Int32
        do {
            copy = try UnixSockets.duplicate(descriptor)
        } catch {
            throw ServeError(.system, "the listening socket cannot be shared: \(error)")
        }
        return try ListeningSocket(copy)
    }

    /// Refuses connections from now on, whoever else has the socket.
    package func stopListening() { TCPSockets.stopListening(descriptor) }

    package func close() { Descriptors.close(descriptor) }

    static func error(_ number: ErrorNumber, host: String, port: Int) -> ServeError {
        guard number == .addressInUse else {
            return ServeError(.system, "cannot listen on \(host):\(port): \(number)")
        }
        return ServeError(
            .addressInUse,
            "cannot listen on \(host):\(port): another process uses this address. Stop it, or choose another port (0 "
                + "picks any free one)"
        )
    }
}
