import NIOCore
import NIOEmbedded
import SwerveCore
import SwerveHTTP
import SwerveHTTPTypes
import TestSupport
import Testing

@Suite struct MemoryBudgetTests {
    private static func options(_ limit: Int = 1 << 20) -> HTTPServerOptions {
        var options = HTTPServerOptions()
        options.maxBufferedBytes = limit
        options.inlineBodyBytes = 200_000
        return options
    }

    private static func post(_ length: Int, _ more: String = "") -> String {
        "POST / HTTP/1.1\r\nHost: a\r\nx-request-id: r\r\nContent-Length: \(length)\r\n\(more)\r\n"
    }

    private static func content(_ length: Int) -> String { String(repeating: "a", count: length) }

    // MARK: - What counts

    @Test func `small requests do not count`() throws {
        var held: [Int] = []
        var loop: HTTPLoop?
        let harness = try Harness(options: Self.options()) { call in
            held.append(loop?.budget.heldBytes ?? -1)
            call.answer("ok")
        }
        loop = harness.loop
        try harness.send(getRequest + Self.post(1000) + Self.content(1000))
        #expect(harness.calls.count == 2)
        #expect(held == [0, 0])
        harness.finish()
    }

    @Test func `collected content counts while it arrives and while the service has it`() throws {
        let harness = try Harness(options: Self.options())
        try harness.send(Self.post(100_000) + Self.content(50_000))
        #expect(harness.loop.budget.heldBytes == 50_000)
        try harness.send(Self.content(50_000))
        #expect(harness.calls.count == 1)
        #expect(harness.loop.budget.heldBytes == 100_000)
        harness.calls[0].answer("ok")
        #expect(harness.loop.budget.heldBytes == 0)
        harness.finish()
    }

    @Test func `streamed content counts until it is consumed, and so does content that waits for the window`() throws {
        var options = Self.options()
        options.bodyWindowBytes = 100_000
        let harness = try Harness(options: options)
        try harness.send(Self.post(300_000))
        try harness.send(Self.content(150_000))
        #expect(harness.loop.budget.heldBytes == 150_000)
        harness.calls[0].exchange.consumedRequestBody(30_000)
        #expect(harness.loop.budget.heldBytes == 120_000)
        harness.finish()
        #expect(harness.loop.budget.heldBytes == 0)
    }

    @Test func `a response counts until the system has taken it`() throws {
        let harness = try Harness(options: Self.options())
        harness.counter.holdsFlushes = true
        try harness.send(getRequest)
        harness.calls[0].answer(Self.content(500_000))
        harness.channel.embeddedEventLoop.run()
        #expect(harness.loop.budget.heldBytes > 500_000)
        harness.counter.holdsFlushes = false
        harness.channel.flush()
        harness.advance(.milliseconds(100))
        #expect(harness.loop.budget.heldBytes == 0)
        harness.finish()
    }

    @Test func `many small responses that the client does not take count`() throws {
        let harness = try Harness(options: Self.options()) { $0.answer(Self.content(1000)) }
        harness.counter.holdsFlushes = true
        for _ in 0..<100 { try harness.send(getRequest) }
        #expect(harness.loop.budget.heldBytes > 30_000)
        harness.finish()
        #expect(harness.loop.budget.heldBytes == 0)
    }

    @Test func `a connection gives back what it held when it ends`() throws {
        let harness = try Harness(options: Self.options())
        harness.counter.holdsFlushes = true
        try harness.send(Self.post(100_000) + Self.content(100_000))
        harness.calls[0].exchange.respondHead(status: 200, headerBlock: ByteBuffer(), contentLength: nil)
        harness.calls[0].exchange.respondBody(ByteBuffer(repeating: 0x61, count: 100_000))
        harness.channel.embeddedEventLoop.run()
        #expect(harness.loop.budget.heldBytes > 200_000)
        harness.finish()
        #expect(harness.loop.budget.heldBytes == 0)
    }

    // MARK: - When it is used up

    @Test func `a small request with content is refused, and the connection is kept`() throws {
        let harness = try Harness(options: Self.options()) { $0.answer("ok") }
        harness.loop.budget.change(by: 1 << 20)
        let request = Self.post(1000) + Self.content(1000)
        try harness.send(String(request.dropLast(10)))
        #expect(try harness.received() == "")
        try harness.send(String(request.suffix(10)) + getRequest)
        let answer = try harness.received()
        #expect(answer.hasPrefix("HTTP/1.1 503 Service Unavailable\r\n"))
        #expect(answer.contains("retry-after: 1\r\n"))
        #expect(answer.contains("x-request-id: r\r\n"))
        #expect(answer.hasSuffix(plainHead + "ok"))
        #expect(!answer.contains("connection: close"))
        #expect(harness.calls.count == 1)
        harness.loop.budget.change(by: -1 << 20)
        try harness.send(request)
        #expect(try harness.received() == plainHead + "ok")
        harness.finish()
    }

    @Test(arguments: [
        post(300_000), post(1000, "Expect: 100-continue\r\n"),
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
    ])
    func `a request with more content is refused, and the connection closes once the client has read the answer`(
        request: String
    ) throws {
        let harness = try Harness(options: Self.options())
        harness.loop.budget.change(by: 1 << 20)
        try harness.send(request)
        let answer = try harness.received()
        #expect(answer.hasPrefix("HTTP/1.1 503 Service Unavailable\r\n"))
        #expect(answer.contains("retry-after: 1\r\n"))
        #expect(answer.contains("connection: close\r\n"))
        #expect(harness.calls.isEmpty)
        #expect(harness.isOpen)
        try harness.send(Self.content(100_000))
        #expect(harness.loop.budget.heldBytes == 1 << 20)
        harness.advance(.milliseconds(5100))
        #expect(!harness.isOpen)
    }

    @Test func `content being collected is refused when there is no more room for it`() throws {
        let harness = try Harness(options: Self.options(100_000))
        try harness.send(Self.post(150_000) + Self.content(90_000))
        #expect(try harness.received() == "")
        try harness.send(Self.content(20_000))
        #expect(try harness.received().hasPrefix("HTTP/1.1 503 "))
        #expect(harness.loop.budget.heldBytes == 0)
        harness.finish()
    }

    @Test func `streamed content continues in a small window, and in the full one once there is room`() throws {
        let harness = try Harness(options: Self.options())
        try harness.send(Self.post(1_000_000))
        let call = harness.calls[0]
        harness.loop.budget.change(by: 1 << 20)
        for _ in 0..<20 { try harness.send(Self.content(10_000)) }
        func delivered() -> Int { call.chunks.reduce(0) { $0 + $1.utf8.count } }
        #expect(delivered() == 64 << 10)
        // The server holds the client back, so the client does not time out.
        harness.advance(.seconds(100))
        #expect(call.cancellations == [])
        call.exchange.consumedRequestBody(10_000)
        #expect(delivered() == (64 << 10) + 10_000)
        harness.loop.budget.change(by: -1 << 20)
        harness.advance(.milliseconds(100))
        #expect(delivered() == 200_000)
        harness.advance(.seconds(29))
        #expect(call.cancellations == [])
        harness.finish()
    }

    @Test func `a server reports how much it holds`() async throws {
        let clients = Clients()
        let server = try await HTTPServer.start(
            at: .address(host: "127.0.0.1", port: 0),
            group: clients.group,
            service: EchoService()
        )
        let (channel, _) = try await clients.connect(server)
        #expect(server.bufferedBytes == 0)
        try await channel.writeAndFlush(ByteBuffer(string: Self.post(200_000) + Self.content(100_000)))
        try await eventually("the server buffers the request") { server.bufferedBytes >= 100_000 }
        try await channel.close()
        try await eventually("the server buffers nothing") { server.bufferedBytes == 0 }
        await server.drain(deadline: .seconds(10))
    }
}
