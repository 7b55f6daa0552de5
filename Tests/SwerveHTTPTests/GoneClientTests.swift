import NIOCore
import NIOEmbedded
import NIOPosix
import SwerveCore
import SwerveHTTP
import SwerveHTTPTypes
import Testing

/// Clients that leave, or that close their side of the connection.
@Suite struct GoneClientTests {
    private static let longPost = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5000000\r\n\r\n"

    @Test func `a client that disconnects cancels its request, and a late response goes nowhere`() throws {
        let harness = try Harness()
        try harness.send(getRequest)
        harness.finish()
        #expect(harness.calls[0].cancellations == [.clientGone])
        #expect(!harness.calls[0].exchange.isOpen)
        harness.calls[0].answer("late")
        #expect(harness.calls[0].cancellations == [.clientGone])
    }

    @Test func `a client that closes its side in the middle of a body cancels its request`() throws {
        let harness = try Harness()
        try harness.send(Self.longPost + "abc")
        harness.closeInput()
        #expect(harness.calls[0].cancellations == [.clientGone])
        #expect(!harness.isOpen)
    }

    @Test(arguments: ["", "GET / HT", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab"])
    func `a client that closes its side before a request is complete is disconnected`(start: String) throws {
        let harness = try Harness()
        try harness.send(start)
        harness.closeInput()
        #expect(try harness.received() == "")
        #expect(!harness.isOpen)
        #expect(harness.calls.isEmpty)
    }

    @Test func `a client that closed its side after its requests still gets the responses`() throws {
        let harness = try Harness()
        try harness.send(getRequest + getRequest)
        harness.closeInput()
        harness.calls[0].answer("ok")
        harness.calls[1].answer("ok")
        #expect(try harness.received() == plainHead + "ok" + plainHead + "ok")
        #expect(!harness.isOpen)
        #expect(harness.calls.flatMap(\.cancellations) == [])
    }

    @Test func `a client that closed its side and gets no response for a while counts as gone`() throws {
        let harness = try Harness()
        try harness.send(getRequest)
        harness.closeInput()
        harness.advance(.milliseconds(900))
        #expect(harness.calls[0].cancellations == [])
        harness.advance(.milliseconds(200))
        #expect(harness.calls[0].cancellations == [.clientGone])
        #expect(!harness.isOpen)
    }

    // MARK: - After the beginning of the response

    /// A response that has begun, to a client that closed its side before.
    private func begun() throws -> (Harness, Call) {
        let harness = try Harness()
        try harness.send(getRequest)
        let call = harness.calls[0]
        harness.closeInput()
        call.exchange.respondHead(status: 200, headerBlock: ByteBuffer(), contentLength: nil)
        _ = try harness.received()
        return (harness, call)
    }

    @Test func `a response that has begun continues after the client closed its side`() throws {
        let (harness, call) = try begun()
        for _ in 0..<100 {
            harness.advance(.milliseconds(4900))
            call.exchange.respondBody(ByteBuffer(string: "a"))
            #expect(try harness.received() == "1\r\na\r\n")
        }
        call.exchange.respondEnd()
        #expect(try harness.received() == "0\r\n\r\n")
        #expect(!harness.isOpen)
        #expect(call.cancellations == [])
    }

    @Test func `a response that is quiet after the client closed its side is cancelled`() throws {
        let (harness, call) = try begun()
        harness.advance(.milliseconds(4900))
        #expect(call.cancellations == [])
        harness.advance(.milliseconds(200))
        #expect(call.cancellations == [.clientGone])
        #expect(!harness.isOpen)
    }

    @Test func `a response that begins after the client closed its side may also be quiet for a while`() throws {
        let harness = try Harness()
        try harness.send(getRequest)
        harness.closeInput()
        harness.advance(.milliseconds(900))
        harness.calls[0].exchange.respondHead(status: 200, headerBlock: ByteBuffer(), contentLength: nil)
        harness.advance(.milliseconds(4900))
        #expect(harness.calls[0].cancellations == [])
        harness.advance(.milliseconds(200))
        #expect(harness.calls[0].cancellations == [.clientGone])
    }

    @Test func `a client that closes its side in the silence of a response is gone`() throws {
        let harness = try Harness()
        try harness.send(getRequest)
        let call = harness.calls[0]
        call.exchange.respondHead(status: 200, headerBlock: ByteBuffer(), contentLength: nil)
        _ = try harness.received()
        harness.closeInput()
        #expect(call.cancellations == [.clientGone])
        #expect(!harness.isOpen)
    }

    @Test func `a client that closes its side while it takes a response is not gone`() throws {
        let harness = try Harness()
        try harness.send(getRequest)
        let call = harness.calls[0]
        call.exchange.respondHead(status: 200, headerBlock: ByteBuffer(), contentLength: nil)
        _ = try harness.received()
        harness.client.unsent = 5
        harness.closeInput()
        #expect(call.cancellations == [])
    }

    @Test func `a client that still takes bytes is not gone`() throws {
        let (harness, call) = try begun()
        call.exchange.respondBody(ByteBuffer(repeating: 0x61, count: 1000))
        _ = try harness.received()
        harness.client.unsent = 500
        for _ in 0..<100 {
            harness.advance(.seconds(6))
            harness.client.unsent -= 1
        }
        #expect(call.cancellations == [])
        // A pause shorter than the write timeout.
        harness.advance(.seconds(6))
        harness.advance(.seconds(50))
        #expect(call.cancellations == [])
        harness.advance(.seconds(20))
        #expect(call.cancellations == [.clientGone])
    }

    @Test func `a request whose turn comes after the end of the input gets its full time`() throws {
        let harness = try Harness()
        try harness.send(getRequest + getRequest)
        harness.closeInput()
        harness.advance(.milliseconds(900))
        harness.calls[0].answer("ok")
        harness.advance(.milliseconds(900))
        #expect(harness.calls[1].cancellations == [])
        harness.advance(.milliseconds(200))
        #expect(harness.calls[1].cancellations == [.clientGone])
    }

    // MARK: - While the service holds the request back

    private static let chunkedPost = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"

    private func heldBack(_ request: String) throws -> Harness {
        var options = HTTPServerOptions()
        options.inlineBodyBytes = 1
        options.bodyWindowBytes = 4
        let harness = try Harness(options: options)
        let parts = request.split(separator: "\r\n\r\n", maxSplits: 1)
        try harness.send("\(parts[0])\r\n\r\n")
        try harness.send(String(parts[1]))
        return harness
    }

    @Test(arguments: [
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabcdefgh", chunkedPost + "8\r\nabcdefgh\r\n",
        chunkedPost + "8\r\nabcdefgh\r\n0\r\n",
    ])
    func `a client that leaves in the middle of a held-back body is noticed at once`(request: String) throws {
        let harness = try heldBack(request)
        #expect(harness.calls[0].chunks == ["abcd"])
        harness.closeInput()
        #expect(harness.calls[0].cancellations == [.clientGone])
        #expect(!harness.isOpen)
    }

    @Test(arguments: [
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\nabcdefgh",
        chunkedPost + "8\r\nabcdefgh\r\n0\r\n\r\n",
    ])
    func `a client that has sent all of a held-back body has not left`(request: String) throws {
        let harness = try heldBack(request)
        harness.closeInput()
        harness.calls[0].exchange.consumedRequestBody(4)
        #expect(harness.calls[0].chunks == ["abcd", "efgh"])
        #expect(harness.calls[0].cancellations == [])
        harness.calls[0].exchange.consumedRequestBody(4)
        #expect(harness.calls[0].isBodyEnded)
        harness.finish()
    }

    // MARK: - Real sockets

    enum Farewell: CaseIterable { case end, reset }
    enum Situation: String, CaseIterable { case quiet = "GET /", heldBack = "POST /", pipelined = "GET /pipelined" }

    @Test(arguments: Farewell.allCases, Situation.allCases)
    func `the service learns that a client is gone`(farewell: Farewell, situation: Situation) async throws {
        let service = PatientService()
        var options = HTTPServerOptions()
        options.halfCloseGrace = .milliseconds(50)
        options.halfCloseQuiet = .milliseconds(50)
        options.tickPeriod = .milliseconds(10)
        // A machine that is busy with other tests may stop for longer than the usual time.
        options.headTimeout = .seconds(600)
        options.bodyTimeout = .seconds(600)
        options.bodyWindowBytes = 1000
        options.pipelineBytes = 1000
        let clients = Clients()
        let server = try await HTTPServer.start(
            at: .address(host: "127.0.0.1", port: 0),
            group: clients.group,
            options: options,
            service: service
        )
        let (channel, _) = try await clients.connect(server)
        var request = ByteBuffer(string: "\(situation.rawValue) HTTP/1.1\r\nHost: a\r\n")
        if situation == .heldBack { request.writeString("Content-Length: 5000000\r\n") }
        request.writeString("\r\n")
        if situation != .quiet { request.writeRepeatingByte(0x61, count: 100_000) }
        try await channel.writeAndFlush(request)
        var events = service.events.makeAsyncIterator()
        #expect(await events.next() == "begun")
        if farewell == .reset {
            let linger = linger(l_onoff: 1, l_linger: 0)
            try await (channel as? any SocketOptionProvider)?.setSoLinger(linger).get()
        }
        try await channel.close()
        #expect(await events.next() == "clientGone")
        await server.drain(deadline: .seconds(10))
    }
}

extension GoneClientTests {
    @Test func `a client that leaves in the silence of a response is noticed at once`() async throws {
        let service = PatientService()
        var options = HTTPServerOptions()
        options.halfCloseGrace = .seconds(600)
        options.halfCloseQuiet = .seconds(600)
        let clients = Clients()
        let server = try await HTTPServer.start(
            at: .address(host: "127.0.0.1", port: 0),
            group: clients.group,
            options: options,
            service: service
        )
        let (channel, _) = try await clients.connect(server)
        let firstBytes = channel.eventLoop.makePromise(of: Void.self)
        // A promise that is dropped ends the process.
        defer { firstBytes.fail(ChannelError.eof) }
        try await channel.pipeline.addHandler(FirstBytes(promise: firstBytes), position: .first)
        try await channel.writeAndFlush(ByteBuffer(string: "GET / HTTP/1.1\r\nHost: a\r\n\r\n"))
        var events = service.events.makeAsyncIterator()
        #expect(await events.next() == "begun")
        // While the client still takes the head, there is no silence.
        try await firstBytes.futureResult.get()
        try await channel.close()
        #expect(await events.next() == "clientGone")
        await server.drain(deadline: .seconds(10))
    }
}

/// Tells when the first bytes have come.
private final class FirstBytes: ChannelInboundHandler, Sendable {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    private let promise: EventLoopPromise<Void>

    init(promise: EventLoopPromise<Void>) {
        self.promise = promise
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        promise.succeed()
        context.fireChannelRead(data)
    }
}

/// Begins each response but never ends it, and consumes no content.
private final class PatientService: HTTPService {
    let events: AsyncStream<String>
    private let continuation: AsyncStream<String>.Continuation

    init() {
        (events, continuation) = AsyncStream.makeStream()
    }

    func begin(_ head: SwerveHTTPTypes.HTTPRequestHead, body: ByteBuffer?, exchange: HTTPExchange) {
        exchange.delegate = Waiting(continuation: continuation)
        exchange.respondHead(status: 200, headerBlock: ByteBuffer(), contentLength: nil)
        continuation.yield("begun")
    }

    private final class Waiting: HTTPExchangeDelegate {
        let continuation: AsyncStream<String>.Continuation
        init(continuation: AsyncStream<String>.Continuation) { self.continuation = continuation }
        func requestBody(_ bytes: ByteBuffer) {}
        func requestBodyEnd() {}
        func cancelled(_ reason: HTTPCancellation) { continuation.yield("\(reason)") }
        func responseWritable() {}
    }
}
