package import NIOCore
internal import SwerveSystem

/// Counts the bytes written to a channel that its client has not taken.
package enum UnsentBytes {
    /// Adds up what the channel and its socket hold. The count falls as the client takes bytes, even while the system
    /// takes no more from the channel: a socket's buffer may hold minutes of a slow line's traffic.
    ///
    /// - Parameter descriptor: the channel's socket; looked up on the first call, which takes some time.
    package static func count(_ channel: any Channel, _ descriptor: inout Int32?) -> Int {
        guard channel.isActive else { return 0 }
        var count = 0
        // A channel without this option has no buffer to count.
        if let buffered = try? channel.syncOptions?.getOption(.bufferedWritableBytes) { count += buffered }
        if let socket = socket(of: channel, &descriptor) { count += Sockets.unsentBytes(socket) }
        return count
    }

    /// The channel's socket, which is looked up on the first call.
    static func socket(of channel: any Channel, _ descriptor: inout Int32?) -> Int32? {
        if descriptor == nil {
            let socket = try? channel.pipeline.syncOperations.withUnsafeTransportIfAvailable(
                of: NIOBSDSocket.Handle.self
            ) { $0 }
            descriptor = socket ?? -1
        }
        return descriptor.flatMap { $0 >= 0 ? $0 : nil }
    }
}
