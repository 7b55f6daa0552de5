import NIOCore
import NIOPosix
import SwerveCore
import SwerveHTTP
import SwerveHTTPTypes
import Testing

/// Answers with the method, the target and the body's length.
private final class EchoService: HTTPService {
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

@Suite struct ServerTests {
    private let group = MultiThreadedEventLoopGroup.singleton

    private func client(_ server: HTTPServer) async throws -> (channel: any Channel, all: EventLoopFuture<String>) {
        let promise = group.any().makePromise(of: String.self)
        do {
            let channel = try await ClientBootstrap(group: group).channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Collector(promise: promise))
                }
            }.connect(to: server.localAddress).get()
            return (channel, promise.futureResult)
        } catch {
            promise.fail(error)
            throw error
        }
    }

    private func exchange(_ server: HTTPServer, _ request: ByteBuffer) async throws -> String {
        let (channel, all) = try await client(server)
        try await channel.writeAndFlush(request)
        return try await all.get()
    }

    @Test func `a server answers over a real socket`() async throws {
        let server = try await HTTPServer.start(host: "127.0.0.1", port: 0, group: group, service: EchoService())
        #expect(server.localAddress.port != 0)
        let text =
            "GET /a HTTP/1.1\r\nHost: a\r\n\r\n"
            + "POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi"
        let answer = try await exchange(server, ByteBuffer(string: text))
        #expect(answer.contains("\r\n\r\nGET /a 0HTTP/1.1 200 OK\r\n"))
        #expect(answer.hasSuffix("\r\n\r\nPOST /b 2"))
        await server.drain(deadline: .seconds(10))
    }

    @Test func `a large upload is streamed`() async throws {
        let server = try await HTTPServer.start(host: "127.0.0.1", port: 0, group: group, service: EchoService())
        var request = ByteBuffer(
            string: "POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 5000000\r\nConnection: close\r\n\r\n"
        )
        request.writeRepeatingByte(0x61, count: 5_000_000)
        #expect(try await exchange(server, request).hasSuffix("\r\n\r\nstreamed 5000000"))
        await server.drain(deadline: .seconds(10))
    }

    @Test func `an address that is taken is refused with code addressInUse`() async throws {
        let server = try await HTTPServer.start(host: "127.0.0.1", port: 0, group: group, service: EchoService())
        let port = try #require(server.localAddress.port)
        let error = await #expect(throws: ServeError.self) {
            try await HTTPServer.start(host: "127.0.0.1", port: port, group: group, service: EchoService())
        }
        #expect(error?.code == .addressInUse)
        #expect(error?.message.contains("127.0.0.1:\(port)") == true)
        await server.drain(deadline: .seconds(10))
    }

    @Test func `a connection over the limit gets 503`() async throws {
        var options = HTTPServerOptions()
        options.maxConnections = 1
        let server = try await HTTPServer.start(
            host: "127.0.0.1",
            port: 0,
            group: group,
            options: options,
            service: EchoService()
        )
        let (first, _) = try await client(server)
        // Event loops take new connections on in any order.
        while server.connectionCount < 1 { await Task.yield() }
        let (_, refusal) = try await client(server)
        #expect(try await refusal.get().hasPrefix("HTTP/1.1 503 "))
        await server.drain(deadline: .seconds(10))
        try await first.closeFuture.get()
        while server.connectionCount > 0 { await Task.yield() }
    }

    @Test func `a client that ends its side after the request gets its response`() async throws {
        let server = try await HTTPServer.start(host: "127.0.0.1", port: 0, group: group, service: EchoService())
        let (channel, all) = try await client(server)
        try await channel.writeAndFlush(ByteBuffer(string: "GET /a HTTP/1.1\r\nHost: a\r\n\r\n"))
        try await channel.close(mode: .output)
        #expect(try await all.get().hasSuffix("\r\n\r\nGET /a 0"))
        await server.drain(deadline: .seconds(10))
    }
}
