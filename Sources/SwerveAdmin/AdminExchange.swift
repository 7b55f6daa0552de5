internal import NIOCore
internal import SwerveHTTP
internal import SwerveHTTPTypes

/// One request to the admin server: collects its content, runs the handler in a task, and writes the answer. Confined to
/// the connection's event loop.
final class AdminExchange: HTTPExchangeDelegate {
    /// How many bytes of a streamed answer are on the way to a client.
    private static let window = 64 << 10

    private let exchange: HTTPExchange
    private let head: HTTPRequestHead
    private let parameters: [String: String]
    private let handler: AdminRoute.Handler
    private var content = ByteBuffer()
    private var isRefused = false
    private var task: Task<Void, Never>?
    private var writer: HTTPBodyWriter?
    /// Bytes that the client has not taken yet.
    private var unsent = 0

    init(
        _ exchange: HTTPExchange,
        _ head: HTTPRequestHead,
        _ parameters: [String: String],
        _ handler: @escaping AdminRoute.Handler
    ) {
        self.exchange = exchange
        self.head = head
        self.parameters = parameters
        self.handler = handler
    }

    private var bound: NIOLoopBound<AdminExchange> { NIOLoopBound(self, eventLoop: exchange.eventLoop) }

    // MARK: The request

    func begin(_ body: ByteBuffer?) {
        exchange.delegate = self
        if let body { run(body) }
    }

    /// Answers without waiting for the content, which is dropped.
    func refuse(with error: AdminError) {
        exchange.delegate = self
        isRefused = true
        respond(error.response)
    }

    func requestBody(_ bytes: ByteBuffer) {
        if !isRefused { content.writeImmutableBuffer(bytes) }
        exchange.consumedRequestBody(bytes.readableBytes)
    }

    func requestBodyEnd() { if !isRefused { run(content) } }

    private func run(_ body: ByteBuffer) {
        var request = ServeRequest(head: head, body: HTTPBody(body))
        request.parameters = parameters
        let (loop, bound, handler) = (exchange.eventLoop, bound, handler)
        // Unstructured: ends with the exchange, which cancels it when the client is gone.
        task = Task {
            let response: ServeResponse
            do { response = try await handler(request) } catch { response = AdminError(error).response }
            loop.execute { bound.value.respond(response) }
        }
    }

    func cancelled(_ reason: HTTPCancellation) {
        task?.cancel()
        writer?.cancel()
    }

    // MARK: The answer

    private func respond(_ response: ServeResponse) {
        var block = ByteBuffer()
        do { try response.headers.encodeBlock(into: &block) } catch {
            return exchange.fail(status: 500, message: "\(error)")
        }
        switch response.body.storage {
        case .bytes(let bytes): exchange.respond(status: response.status.code, headerBlock: block, body: bytes)
        case .stream where head.method == .head:
            exchange.respond(status: response.status.code, headerBlock: block, body: ByteBuffer())
        case .stream(let length, let write):
            exchange.respondHead(status: response.status.code, headerBlock: block, contentLength: length)
            stream(write)
        }
    }

    private func stream(_ write: @escaping @Sendable (HTTPBodyWriter) async throws -> Void) {
        let (loop, bound) = (exchange.eventLoop, bound)
        let writer = HTTPBodyWriter(window: Self.window, clock: loop) { bytes in
            loop.execute { bound.value.send(bytes) }
        }
        self.writer = writer
        // Unstructured: as above.
        task = Task {
            do {
                try await write(writer)
                loop.execute { bound.value.exchange.respondEnd() }
            } catch {
                loop.execute { bound.value.exchange.abort() }
            }
        }
    }

    private func send(_ bytes: ByteBuffer) {
        if exchange.respondBody(bytes) { writer?.grant(bytes.readableBytes) } else { unsent += bytes.readableBytes }
    }

    func responseWritable() {
        let taken = unsent
        unsent = 0
        if taken > 0 { writer?.grant(taken) }
    }
}
