import NIOCore
import NIOEmbedded
import NIOPosix
import SwerveCore
import SwerveHTTP
import SwerveHTTPTypes
import TestSupport
import Testing

/// Clients that take their responses slowly. Timeouts count from the last byte that they took.
@Suite struct SlowClientTests {
    private static let closingRequest = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"

    private func behind(_ request: String = getRequest) throws -> Harness {
        let harness = try Harness()
        try harness.send(request)
        let exchange = harness.calls[0].exchange
        exchange.respondHead(status: 200, headerBlock: ByteBuffer(), contentLength: nil)
        exchange.respondBody(ByteBuffer(repeating: 0x61, count: 10_000))
        _ = try harness.received()
        harness.client.unsent = 10_000
        setWritable(harness, false)
        return harness
    }

    private func setWritable(_ harness: Harness, _ isWritable: Bool) {
        harness.channel.isWritable = isWritable
        harness.channel.pipeline.fireChannelWritabilityChanged()
    }

    @Test func `a client that takes nothing of a response is cut`() throws {
        let harness = try behind()
        harness.advance(.milliseconds(100))
        harness.advance(.seconds(59))
        #expect(harness.isOpen)
        harness.advance(.seconds(2))
        #expect(!harness.isOpen)
        #expect(harness.calls[0].cancellations == [.clientGone])
    }

    @Test func `a client that takes a byte now and then is served to the end`() throws {
        let harness = try behind()
        for _ in 0..<1000 {
            harness.advance(.seconds(50))
            harness.client.unsent -= 1
        }
        #expect(harness.isOpen)
        #expect(harness.calls[0].cancellations == [])
        harness.advance(.seconds(50))
        harness.advance(.seconds(61))
        #expect(!harness.isOpen)
    }

    @Test func `bytes written meanwhile do not count as taken`() throws {
        let harness = try behind()
        harness.advance(.milliseconds(100))
        for _ in 0..<2 {
            harness.advance(.seconds(29))
            harness.calls[0].exchange.respondBody(ByteBuffer(repeating: 0x61, count: 1000))
            _ = try harness.received()
            // With the chunk's framing.
            harness.client.unsent += 1007
        }
        harness.advance(.seconds(3))
        #expect(!harness.isOpen)
    }

    @Test func `a client that is still taking the last response is not idle`() throws {
        let harness = try behind()
        harness.calls[0].exchange.respondEnd()
        _ = try harness.received()
        harness.client.unsent = 5005
        setWritable(harness, true)
        for _ in 0..<100 {
            harness.advance(.seconds(70))
            harness.client.unsent -= 50
        }
        #expect(harness.isOpen)
        harness.client.unsent = 0
        harness.advance(.seconds(76))
        #expect(!harness.isOpen)
    }

    @Test func `a last response is sent in full however long it takes`() throws {
        let harness = try Harness { $0.answer("ok") }
        harness.counter.holdsFlushes = true
        try harness.send(Self.closingRequest)
        harness.channel.embeddedEventLoop.run()
        harness.client.unsent = 100
        for _ in 0..<100 {
            harness.advance(.seconds(59))
            harness.client.unsent -= 1
        }
        #expect(harness.isOpen)
        harness.counter.holdsFlushes = false
        harness.channel.flush()
        #expect(try harness.received().hasSuffix("\r\n\r\nok"))
        #expect(!harness.isOpen)
    }

    @Test func `a last response is given up when the client takes nothing of it`() throws {
        let harness = try Harness { $0.answer("ok") }
        harness.counter.holdsFlushes = true
        try harness.send(Self.closingRequest)
        harness.channel.embeddedEventLoop.run()
        harness.client.unsent = 100_000
        harness.advance(.seconds(59))
        #expect(harness.isOpen)
        harness.advance(.seconds(2))
        #expect(!harness.isOpen)
    }

    @Test func `lingering begins when the client has the response`() throws {
        let harness = try Harness()
        harness.client.unsent = 100
        try harness.send("GET / HTTP/0.9\r\n\r\n")
        #expect(try harness.received().hasPrefix("HTTP/1.1 505 "))
        for _ in 0..<99 {
            harness.advance(.seconds(50))
            harness.client.unsent -= 1
        }
        #expect(harness.isOpen)
        harness.client.unsent = 0
        harness.advance(.milliseconds(100))
        harness.advance(.milliseconds(4900))
        #expect(harness.isOpen)
        harness.advance(.milliseconds(200))
        #expect(!harness.isOpen)
    }

    private static func slowPost(_ rate: Int, isStreamed: Bool) throws -> Harness {
        var options = HTTPServerOptions()
        options.minimumBodyRate = rate
        if isStreamed { options.inlineBodyBytes = 1 }
        let harness = try Harness(options: options)
        try harness.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n")
        return harness
    }

    @Test(arguments: [true, false])
    func `a body that arrives more slowly than the minimum is answered with 408`(isStreamed: Bool) throws {
        let harness = try Self.slowPost(100, isStreamed: isStreamed)
        harness.advance(.seconds(29))
        try harness.send(String(repeating: "a", count: 50))
        harness.advance(.milliseconds(1400))
        #expect(try harness.received() == "")
        harness.calls.first?.exchange.consumedRequestBody(50)
        harness.advance(.milliseconds(200))
        #expect(try harness.received().hasPrefix("HTTP/1.1 408 "))
        harness.finish()
    }

    @Test(arguments: [true, false])
    func `a body that arrives faster than the minimum may take any time`(isStreamed: Bool) throws {
        let harness = try Self.slowPost(100, isStreamed: isStreamed)
        for _ in 0..<300 {
            harness.advance(.seconds(20))
            try harness.send(String(repeating: "a", count: 2010))
            harness.calls.first?.exchange.consumedRequestBody(2010)
        }
        #expect(try harness.received() == "")
        #expect(harness.calls.flatMap(\.cancellations) == [])
        harness.finish()
    }

    @Test func `without a minimum a body may arrive byte by byte`() throws {
        let harness = try Self.slowPost(0, isStreamed: true)
        for _ in 0..<300 {
            harness.advance(.seconds(29))
            try harness.send("a")
        }
        #expect(harness.calls[0].cancellations == [])
        harness.finish()
    }

    @Test func `bytes that the client leaves with the system are counted, and those that it takes are not`()
        async throws
    {
        let group = MultiThreadedEventLoopGroup.singleton
        let accepted = group.any().makePromise(of: (any Channel).self)
        let server = try await ServerBootstrap(group: group)
            .childChannelInitializer { channel in
                accepted.succeed(channel)
                return channel.eventLoop.makeSucceededVoidFuture()
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let client = try await ClientBootstrap(group: group).channelOption(.autoRead, value: false)
            .connect(to: try #require(server.localAddress)).get()
        let channel = try await accepted.futureResult.get()
        let unsent: @Sendable () async throws -> Int = {
            try await channel.eventLoop.submit {
                var descriptor: Int32?
                return UnsentBytes.count(channel, &descriptor)
            }.get()
        }
        #expect(try await unsent() == 0)
        // More than the buffers of both sockets hold.
        let bytes = ByteBuffer(repeating: 0x61, count: 64 << 20)
        let written = channel.eventLoop.makePromise(of: Void.self)
        channel.writeAndFlush(bytes, promise: written)
        try await eventually("some bytes leave") { try await unsent() != bytes.readableBytes }
        let stuck = try await unsent()
        #expect(stuck > 32 << 20)
        try await client.setOption(.autoRead, value: true).get()
        try await written.futureResult.get()
        try await eventually("all bytes leave") { try await unsent() == 0 }
        try await client.close().get()
        try await server.close().get()
    }
}
