package import NIOCore
internal import NIOPosix
package import SwerveCore

/// Makes connections between processes over Unix sockets.
package enum PeerSocket {
    /// Listens at `path`; each connection that comes gets the delegate.
    package static func listen(
        at path: String, on group: any EventLoopGroup, delegate: any PeerDelegate, hosted: HostedReplicas
    ) async throws(ServeError) -> any Channel {
        do {
            return try await ServerBootstrap(group: group)
                .serverChannelOption(.backlog, value: 1024)
                .childChannelOption(.recvAllocator, value: receiveAllocator)
                .childChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture { _ = try attach(channel, delegate, hosted) }
                }
                .bind(unixDomainSocketPath: path, cleanupExistingSocketFile: false).get()
        } catch {
            throw ServeError(.system, "cannot listen at '\(path)': \(error)")
        }
    }

    package static func connect(
        to path: String, on group: any EventLoopGroup, delegate: any PeerDelegate, hosted: HostedReplicas
    ) async throws(ServeError) -> PeerConnection {
        do {
            let channel = try await ClientBootstrap(group: group)
                .channelOption(.recvAllocator, value: receiveAllocator)
                .connect(unixDomainSocketPath: path).get()
            return try await channel.eventLoop.submit { try attach(channel, delegate, hosted) }.get()
        } catch {
            throw ServeError(.system, "cannot connect to '\(path)': \(error)")
        }
    }

    private static var receiveAllocator: AdaptiveRecvByteBufferAllocator {
        AdaptiveRecvByteBufferAllocator(minimum: 4096, initial: 64 << 10, maximum: 1 << 20)
    }

    private static func attach(
        _ channel: any Channel, _ delegate: any PeerDelegate, _ hosted: HostedReplicas
    ) throws -> PeerConnection {
        let connection = PeerConnection(channel: channel, delegate: delegate, hosted: hosted)
        try channel.pipeline.syncOperations.addHandler(PeerHandler(connection))
        return connection
    }
}
