import NIOCore
import NIOPosix
import SwerveHTTP
import SwerveHTTPTypes
import Testing

/// Answers with the method, the target and the body's length.
final class EchoService: HTTPService {
    func begin(_ head: SwerveHTTPTypes.HTTPRequestHead, body: ByteBuffer?, exchange: HTTPExchange) {
        guard let body else {
            exchange.delegate = Upload(exchange: exchange)
            return
        }
        exchange.respond(
            status: 200,
            headerBlock: ByteBuffer(),
            body: ByteBuffer(string: "\(head.method) \(head.target) \(body.readableBytes)")
        )
    }

    private final class Upload: HTTPExchangeDelegate {
        let exchange: HTTPExchange
        var count = 0
        init(exchange: HTTPExchange) { self.exchange = exchange }
        func requestBody(_ bytes: ByteBuffer) {
            count += bytes.readableBytes
            exchange.consumedRequestBody(bytes.readableBytes)
        }
        func requestBodyEnd() {
            exchange.respond(status: 200, headerBlock: ByteBuffer(), body: ByteBuffer(string: "streamed \(count)"))
        }
        func cancelled(_ reason: HTTPCancellation) {}
        func responseWritable() {}
    }
}

/// Collects what a server sends until it closes.
private final class Collector: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private var all = ByteBuffer()
    private let promise: EventLoopPromise<String>
    init(promise: EventLoopPromise<String>) { self.promise = promise }
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        all.writeBuffer(&bytes)
    }
    func channelInactive(context: ChannelHandlerContext) { promise.succeed(String(buffer: all)) }
    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}

/// Clients of a server on real sockets.
struct Clients {
    let group = MultiThreadedEventLoopGroup.singleton

    func connect(_ server: HTTPServer) async throws -> (channel: any Channel, all: EventLoopFuture<String>) {
        let promise = group.any().makePromise(of: String.self)
        do {
            let channel = try await ClientBootstrap(group: group).channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Collector(promise: promise))
                }
            }.connect(to: try #require(server.localAddress)).get()
            return (channel, promise.futureResult)
        } catch {
            promise.fail(error)
            throw error
        }
    }

    func exchange(_ server: HTTPServer, _ request: ByteBuffer) async throws -> String {
        let (channel, all) = try await connect(server)
        try await channel.writeAndFlush(request)
        return try await all.get()
    }
}
