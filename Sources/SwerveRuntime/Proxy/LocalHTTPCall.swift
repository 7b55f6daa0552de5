internal import NIOCore
internal import SwerveActors
internal import SwerveCore
internal import SwerveHTTP
internal import SwerveHTTPTypes
internal import Synchronization

/// An HTTP request that a replica of this process answers: its task runs on the Swift pool, and what it says is taken
/// to the exchange's event loop.
final class LocalHTTPCall: ReplicaWork {
    private let forward: HTTPForward
    private let mailbox: LoopMailbox
    let replica: HostedReplica
    let context: RequestContext?
    private let request: HTTPRequest
    private let bodyStream: HTTPBodyStream?
    private let state = Mutex(State())

    private struct State {
        var task: Task<Void, Never>?
        var isCancelled = false
        var isOver = false
        var writer: HTTPBodyWriter?
        /// Bytes that the client has not made room for.
        var ungranted = 0
    }

    private static let window = 1 << 20

    init(
        _ forward: HTTPForward,
        _ mailbox: LoopMailbox,
        _ replica: HostedReplica,
        _ head: HTTPRequestHead,
        _ body: ByteBuffer?,
        deadline: NIODeadline?
    ) {
        self.forward = forward
        self.mailbox = mailbox
        self.replica = replica
        self.context = RequestContext(requestID: head.requestID, deadline: deadline.map(RequestDeadline.init))
        if let body {
            self.bodyStream = nil
            self.request = HTTPRequest(head: head, body: HTTPBody(body))
        } else {
            let stream = HTTPBodyStream(
                window: 2 * Self.window,
                onConsumed: { bytes in mailbox.post { forward.localConsumed(bytes) } }
            )
            self.bodyStream = stream
            self.request = HTTPRequest(head: head, body: HTTPBody(stream: stream))
        }
    }

    // MARK: On the Swift pool

    func started(_ task: Task<Void, Never>) {
        let isCancelled = state.withLock { state in
            if !state.isOver { state.task = task }
            return state.isCancelled
        }
        if isCancelled { task.cancel() }
    }

    func run(on entry: ReplicaEntry) async {
        defer { replica.finish()?() }
        do {
            if state.withLock({ $0.isCancelled }) { throw CancellationError() }
            try await answer(try await entry.respond(request))
        } catch {
            finish { $0.respond(to: error) }
        }
    }

    private func answer(_ response: HTTPResponse) async throws {
        var block = ByteBuffer()
        try response.headers.encodeBlock(into: &block)
        let head = block
        switch response.body.storage {
        case .bytes(let bytes):
            finish { $0.respond(status: response.status.code, headerBlock: head, body: bytes) }
        case .stream(let contentLength, let write):
            let (forward, mailbox) = (forward, mailbox)
            // The writer is let go when the task ends, and with it this reference.
            let writer = HTTPBodyWriter(window: Self.window) { bytes in
                mailbox.post { self.sent(bytes) }
            }
            let isCancelled = state.withLock { state in
                state.writer = writer
                return state.isCancelled
            }
            if isCancelled { writer.cancel() }
            mailbox.post { forward.localHead(response.status.code, head, contentLength) }
            do {
                try await write(writer)
                finish { $0.respondEnd() }
            } catch {
                finish { $0.abort() }
            }
        }
    }

    private func finish(_ answer: @escaping @Sendable (HTTPExchange) -> Void) {
        state.withLock { state in
            state.isOver = true
            state.task = nil
            state.writer = nil
        }
        context?.deadline?.end()
        let forward = forward
        mailbox.post { forward.localResponse(answer) }
    }

    // MARK: On the event loop

    private func sent(_ bytes: ByteBuffer) {
        let count = bytes.readableBytes
        if forward.localBody(bytes) {
            state.withLock { $0.writer }?.grant(count)
        } else {
            state.withLock { $0.ungranted += count }
        }
    }
    func grant() {
        let (writer, bytes) = state.withLock { state in
            defer { state.ungranted = 0 }
            return (state.writer, state.ungranted)
        }
        if bytes > 0 { writer?.grant(bytes) }
    }
    func push(_ bytes: ByteBuffer) { bodyStream?.push(bytes) }
    func endBody() { bodyStream?.finish() }
    func cancel() {
        let (task, writer) = state.withLock { state in
            state.isCancelled = true
            return (state.task, state.writer)
        }
        task?.cancel()
        bodyStream?.fail(CancellationError())
        writer?.cancel()
    }
}
