internal import CSwerveSystem
package import NIOCore

/// How much of what was written to a channel its client has not taken.
package enum UnsentBytes {
    /// Asks the channel and the system. A client that takes bytes makes the count go down, even while the system takes
    /// no more from the channel: a socket's own buffer may hold minutes of a slow line.
    ///
    /// - Parameter descriptor: the channel's socket, once it is known; finding it takes some time.
    package static func count(_ channel: any Channel, _ descriptor: inout Int32?) -> Int {
        guard channel.isActive else { return 0 }
        var count = 0
        // A channel that cannot tell has no buffer that it could tell of.
        if let buffered = try? channel.syncOptions?.getOption(.bufferedWritableBytes) { count += buffered }
        if descriptor == nil {
            let socket = try? channel.pipeline.syncOperations.withUnsafeTransportIfAvailable(
                of: NIOBSDSocket.Handle.self
            ) { $0 }
            descriptor = socket ?? -1
        }
        if let descriptor, descriptor >= 0 { count += max(0, Int(swerve_socket_unsent(descriptor))) }
        return count
    }
}
