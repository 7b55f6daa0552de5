import NIOCore
import NIOEmbedded
import SwerveCore
import SwerveHTTP
import SwerveHTTPTypes

/// One exchange as a service sees it. Records the events.
final class Call: HTTPExchangeDelegate {
    let head: HTTPRequestHead
    let body: ByteBuffer?
    let exchange: HTTPExchange
    var chunks: [String] = []
    /// How much memory each chunk keeps alive.
    var storage: [Int] = []
    var isBodyEnded = false
    var cancellations: [HTTPCancellation] = []
    var writableCount = 0

    init(head: HTTPRequestHead, body: ByteBuffer?, exchange: HTTPExchange) {
        self.head = head
        self.body = body
        self.exchange = exchange
    }

    func requestBody(_ bytes: ByteBuffer) {
        chunks.append(String(buffer: bytes))
        storage.append(bytes.storageCapacity)
    }
    func requestBodyEnd() { isBodyEnded = true }
    func cancelled(_ reason: HTTPCancellation) { cancellations.append(reason) }
    func responseWritable() { writableCount += 1 }

    func answer(_ text: String, status: UInt16 = 200, headers: String = "") {
        exchange.respond(status: status, headerBlock: ByteBuffer(string: headers), body: ByteBuffer(string: text))
    }
}

/// Keeps the exchanges that begin, and answers them at once if a test gives an answer.
final class FakeService: HTTPService {
    struct State {
        var calls: [Call] = []
        var answer: ((Call) -> Void)?
    }

    let state: NIOLoopBoundBox<State>

    init(eventLoop: any EventLoop) {
        self.state = NIOLoopBoundBox(State(), eventLoop: eventLoop)
    }

    func begin(_ head: HTTPRequestHead, body: ByteBuffer?, exchange: HTTPExchange) {
        let call = Call(head: head, body: body, exchange: exchange)
        exchange.delegate = call
        state.value.calls.append(call)
        state.value.answer?(call)
    }
}

/// A clock that tests move.
final class TestClock {
    var now = MonotonicTime(nanoseconds: 1_000_000_000)
}

/// The number of bytes sent to a client that it has not taken; 0 unless a test sets it.
final class TestClient {
    var unsent = 0
}

/// Counts flushes, closes, and the reads that reach the channel because the connection does not hold them back.
final class Counter: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer
    var reads = 0
    var flushes = 0
    var closes = 0
    /// Keeps flushes from the channel, like a socket whose client reads nothing.
    var holdsFlushes = false

    func read(context: ChannelHandlerContext) {
        reads += 1
        context.read()
    }

    func flush(context: ChannelHandlerContext) {
        flushes += 1
        if !holdsFlushes { context.flush() }
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        closes += 1
        // The embedded channel does not support half-closure.
        if mode == .all { context.close(mode: mode, promise: promise) } else { promise?.succeed() }
    }
}

/// A connection on an embedded channel with a fake service and a clock that tests move.
struct Harness {
    static let date = "date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"

    let channel = EmbeddedChannel()
    let clock = TestClock()
    let client = TestClient()
    let loop: HTTPLoop
    let service: FakeService
    let counter = Counter()

    init(options: HTTPServerOptions = HTTPServerOptions(), answering answer: ((Call) -> Void)? = nil) throws {
        let (clock, client) = (clock, client)
        loop = HTTPLoop(
            eventLoop: channel.embeddedEventLoop,
            options: options,
            time: { clock.now },
            wallClock: { 784_111_777 },
            seed: 0xABCD_EF12_3456_789A,
            unsent: { _, _ in client.unsent }
        )
        service = FakeService(eventLoop: channel.embeddedEventLoop)
        service.state.value.answer = answer
        try channel.pipeline.syncOperations.addHandler(counter)
        try channel.pipeline.syncOperations.addHandler(HTTPConnectionHandler(loop: loop, service: service))
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 80)).wait()
    }

    /// Another connection on the same loop.
    func connect() throws -> EmbeddedChannel {
        let other = EmbeddedChannel(
            handlers: [Counter(), HTTPConnectionHandler(loop: loop, service: service)],
            loop: channel.embeddedEventLoop
        )
        try other.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 80)).wait()
        return other
    }

    var calls: [Call] { service.state.value.calls }
    var isOpen: Bool { channel.isActive }

    func send(_ text: String) throws {
        try channel.writeInbound(ByteBuffer(string: text))
    }

    /// What was flushed to the client since the last call.
    func received() throws -> String {
        channel.embeddedEventLoop.run()
        var all = ""
        while let bytes = try channel.readOutbound(as: ByteBuffer.self) { all += String(buffer: bytes) }
        return all
    }

    func closeInput() {
        channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
    }

    func advance(_ time: Duration) {
        clock.now = clock.now + time
        loop.tick()
    }

    func finish() {
        _ = try? channel.finish(acceptAlreadyClosed: true)
    }
}

let getRequest = "GET / HTTP/1.1\r\nHost: a\r\nx-request-id: r\r\n\r\n"
let plainHead = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx-request-id: r\r\n" + Harness.date + "\r\n"
