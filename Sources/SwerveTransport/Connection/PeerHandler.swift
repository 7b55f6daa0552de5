internal import NIOCore

/// Hands what a channel reads to its connection.
final class PeerHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let connection: PeerConnection

    init(_ connection: PeerConnection) {
        self.connection = connection
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        connection.received(unwrapInboundIn(data))
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        connection.readComplete()
    }

    func channelInactive(context: ChannelHandlerContext) {
        connection.ended("its process ended")
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        connection.broke("the connection failed: \(error)")
    }
}
