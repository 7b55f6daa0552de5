package import NIOCore
package import SwerveActors
internal import SwerveCore
package import SwerveHTTPTypes
internal import SwerveTracing
internal import Synchronization

/// Where a replica's answers go: to a caller in this process or in another.
package protocol Reply: Sendable {
    /// Called on any thread; events keep their order. It makes no callback before it returns.
    func send(_ event: StreamEvent)
    /// Sends the event that ends the answer, and gives back the request's place in the replica.
    func end(_ event: StreamEvent, of replica: HostedReplica)
    /// The buffer in which to encode a call's result; `nil` passes values without encoding.
    func makeResultBuffer() -> ByteBuffer?
    /// The event loop whose time and timers the answer uses.
    var clock: any EventLoop { get }
}

/// A request that a replica in this process works on, from this process or another. For a caller in this process it is
/// also the stream.
package final class HostedRequest: ReplicaStream, Sendable {
    /// What the request asks for.
    package enum Content: Sendable {
        case call(HostedCall)
        case http(HTTPRequestHead, HTTPBody)
    }

    let replica: HostedReplica
    let context: ServeContext?
    /// `nil` for a request that is not recorded.
    let span: OpenSpan?
    /// `nil` for a replica without models.
    let use: ModelUse?
    private let content: Content
    private let reply: any Reply
    private let body: HTTPBodyStream?
    /// When it began, in nanoseconds. Written before its task begins.
    private let begun = Atomic<UInt64>(0)
    private let state = Mutex(State())

    private struct State {
        var task: Task<Void, Never>?
        var isCancelled = false
        var isOver = false
        var writer: Writer?
    }

    /// Waits for the caller to take what was sent.
    private enum Writer {
        case body(HTTPBodyWriter)
        case items(ItemWriter)

        func took(_ bytes: Int) {
            switch self {
            case .body(let writer): writer.grant(bytes)
            case .items(let writer): writer.took(bytes)
            }
        }
        func cancel() {
            switch self {
            case .body(let writer): writer.cancel()
            case .items(let writer): writer.cancel()
            }
        }
    }

    /// A call from another process.
    package init(_ replica: HostedReplica, _ call: HostedCall, context: ServeContext?, _ reply: any Reply) {
        self.replica = replica
        (self.span, self.context) = replica.begin(call.target, context)
        self.use = replica.models == nil ? nil : ModelUse()
        self.content = .call(call)
        self.reply = reply
        self.body = nil
    }

    /// - Parameter loop: the clock of the request's deadline.
    package init(_ replica: HostedReplica, _ request: ReplicaRequest, on loop: any EventLoop, _ reply: any Reply) {
        self.replica = replica
        (self.span, self.context) = replica.begin(request, on: loop, reply)
        self.use = replica.models == nil ? nil : ModelUse()
        self.reply = reply
        if let body = request.body {
            self.body = nil
            self.content = .http(request.head, HTTPBody(body))
        } else {
            let stream = HTTPBodyStream(
                window: 2 * StreamLimits.window,
                onConsumed: { reply.send(.consumed($0)) }
            )
            self.body = stream
            self.content = .http(request.head, HTTPBody(stream: stream))
        }
    }

    // MARK: The caller's side

    package func send(_ bytes: ByteBuffer) { body?.push(bytes) }
    package func end() { body?.finish() }
    package func consumed(_ bytes: Int) { state.withLock { $0.writer }?.took(bytes) }

    package func cancel() {
        let (task, writer) = state.withLock { state in
            state.isCancelled = true
            return (state.task, state.writer)
        }
        task?.cancel()
        body?.fail(CancellationError())
        writer?.cancel()
    }

    // MARK: The task

    func began(at time: UInt64) { begun.store(time, ordering: .relaxed) }

    /// Stores the task that runs ``run(on:)``. The task may already have ended.
    func started(_ task: Task<Void, Never>) {
        let isCancelled = state.withLock { state in
            if !state.isOver { state.task = task }
            return state.isCancelled
        }
        if isCancelled { task.cancel() }
    }

    private var isCancelled: Bool { state.withLock { $0.isCancelled } }

    /// Does the work; called on the replica's actor.
    // Code that does not wait is in synchronous functions: the frames of async functions come from the heap, and small
    // ones cost nothing extra.
    func run(on entry: ReplicaEntry) async {
        do {
            if isCancelled { throw CancellationError() }
            try ServeContext.checkDeadline()
            if case .http = content { try await respond(on: entry) } else { try await call(on: entry) }
        } catch {
            span?.fail(error)
            finish(failure(error))
        }
    }

    // Nearly all answers end here. What the others need is not in this function's frame: then the frames of a request fit
    // in two blocks of the heap.
    @inline(never)
    private func respond(on entry: ReplicaEntry) async throws {
        if let rest = try answer(try await entry.respond(accept())) { try await complete(rest) }
    }

    /// A response that is not sent yet.
    private final class UnsentResponse: Sendable {
        let response: ServeResponse
        /// `nil` for a response that is not to be compressed.
        let level: Int?

        init(_ response: ServeResponse, level: Int? = nil) {
            self.response = response
            self.level = level
        }
    }

    /// Sends a response that needs no time.
    ///
    /// - Returns: any other response.
    @inline(never)
    private func answer(_ response: ServeResponse) throws -> UnsentResponse? {
        var response = response
        switch ResponseCompression(response, to: head, replica.compression) {
        case .none: break
        case .varies: response = response.varying()
        case .gzip(let level): return UnsentResponse(response, level: level)
        }
        return try answerWhole(response) ? nil : UnsentResponse(response)
    }

    @inline(never)
    private func complete(_ unsent: UnsentResponse) async throws {
        var response = unsent.response
        if let level = unsent.level { response = await response.compressed(level: level, isHead: head.method == .head) }
        if try !answerWhole(response) { try await stream(response) }
    }

    /// The HTTP request. Tells the caller that a streamed body is accepted.
    @inline(never)
    private func accept() throws -> ServeRequest {
        guard case .http(let head, let body) = content else { preconditionFailure("a call has no HTTP request") }
        let request = try ServeRequest(head: head, body: body).decodingContent(replica.requestDecoding)
        if self.body != nil { reply.send(.accepted) }
        return request
    }

    private var head: HTTPRequestHead {
        guard case .http(let head, _) = content else { preconditionFailure("a call has no HTTP request") }
        return head
    }

    private func call(on entry: ReplicaEntry) async throws {
        let handler = resultHandler()
        if let references {
            try await call(with: references, on: entry, handler)
        } else {
            try await entry.call(self, handler)
        }
        let result = try handler.result()
        if case .stream(let result) = result { return try await send(result.stream) }
        finish(.value(result))
    }

    /// Sends the elements of a stream at the pace of its reader. The request keeps its place in the replica until the
    /// last one is sent.
    @inline(never)
    private func send(_ stream: any AnyResponseStream) async throws {
        let reply = reply
        let writer = ItemWriter(maxAhead: stream.maxAhead) { reply.send(.bytes($0)) }
        let isCancelled = state.withLock { state in
            state.writer = .items(writer)
            return state.isCancelled
        }
        if isCancelled { writer.cancel() }
        reply.send(.items(maxAhead: stream.maxAhead))
        do {
            try await stream.send(to: writer)
        } catch {
            // The elements before the error come first.
            writer.finish()
            throw error
        }
        writer.finish()
        finish(.end)
    }

    private var call: HostedCall {
        guard case .call(let call) = content else { preconditionFailure("an HTTP request is no call") }
        return call
    }
    /// The method of a call.
    var target: String { call.target }
    @inline(never)
    func arguments() -> InvocationDecoder { call.arguments }
    private var references: HostedCall.References? { call.references }

    @inline(never)
    private func resultHandler() -> ResultHandler {
        reply.makeResultBuffer().map { ResultHandler(encodingInto: $0) } ?? ResultHandler()
    }

    @inline(never)
    private func call(
        with references: HostedCall.References,
        on entry: ReplicaEntry,
        _ handler: ResultHandler
    ) async throws {
        var arguments = arguments()
        for (index, value) in try await references() { arguments.setArgument(index, value) }
        try await entry.callWithFetched(self, arguments, handler)
    }

    /// Sends a response that fits in one message. Returns `false` for any other, and sends nothing.
    @inline(never)
    private func answerWhole(_ response: ServeResponse) throws -> Bool {
        guard case .bytes(let bytes) = response.body.storage, bytes.readableBytes <= StreamLimits.window else {
            return false
        }
        finish(.response(try ResponseHead(response), body: bytes))
        return true
    }

    private func stream(_ response: ServeResponse) async throws {
        let head = try ResponseHead(response)
        switch response.body.storage {
        case .bytes(let bytes):
            await stream(head, contentLength: bytes.readableBytes) { writer in
                var rest = bytes
                while let part = rest.readSlice(length: min(rest.readableBytes, StreamLimits.part)),
                    part.readableBytes > 0
                {
                    try await writer.write(part)
                }
            }
        case .stream(let contentLength, let write):
            await stream(head, contentLength: contentLength, write)
        }
    }

    /// Sends a response at the pace of its reader. The request keeps its place in the replica until the last part is
    /// sent.
    private func stream(
        _ head: ResponseHead,
        contentLength: Int?,
        _ write: (HTTPBodyWriter) async throws -> Void
    ) async {
        let reply = reply
        let writer = HTTPBodyWriter(window: StreamLimits.window, clock: reply.clock) { reply.send(.bytes($0)) }
        let isCancelled = state.withLock { state in
            state.writer = .body(writer)
            return state.isCancelled
        }
        if isCancelled { writer.cancel() }
        reply.send(.head(head, contentLength: contentLength))
        do {
            try await write(writer)
            finish(.end)
        } catch {
            replica.metrics?.failed(error, isCancelled: error is CancellationError && isCancelled)
            span?.fail(error)
            finish(.failure(error))
        }
    }

    /// The event that reports an error to the caller: for an HTTP request, the response that stands for the error.
    @inline(never)
    private func failure(_ error: any Error) -> StreamEvent {
        let isUnwanted = error is CancellationError && isCancelled
        guard case .http = content, !isUnwanted else {
            replica.metrics?.failed(error, isCancelled: isUnwanted)
            return .failure(error)
        }
        let response = ServeResponse(for: error)
        // An answer that tells the client of its own mistake is none of the replica.
        if response.status.code >= 500 { replica.metrics?.failed(error, isCancelled: false) }
        do {
            return .response(try ResponseHead(response), body: response.body.completeBytes ?? ByteBuffer())
        } catch {
            return .failure(error)
        }
    }

    @inline(never)
    private func finish(_ event: StreamEvent) {
        state.withLock { state in
            state.isOver = true
            state.task = nil
            state.writer = nil
        }
        context?.deadline?.end()
        use?.end()
        replica.metrics?.ended(begun.load(ordering: .relaxed))
        span?.end(with: event)
        reply.end(event, of: replica)
    }
}

/// A call as it comes from another process.
package struct HostedCall: Sendable {
    package typealias References = @Sendable () async throws -> [(Int, EncodedValue)]

    package let target: String
    package let arguments: InvocationDecoder
    /// Fetches the arguments that other processes keep.
    package let references: References?

    package init(target: String, arguments: InvocationDecoder, references: References?) {
        self.target = target
        self.arguments = arguments
        self.references = references
    }
}

/// The entry points of a replica's actor, for code that already runs on it.
struct ReplicaEntry {
    /// Calls the distributed method that the request names.
    let call: (HostedRequest, ResultHandler) async throws -> Void
    /// The same with arguments that came from other processes.
    let callWithFetched: (HostedRequest, InvocationDecoder, ResultHandler) async throws -> Void
    /// Answers an HTTP request.
    let respond: (ServeRequest) async throws -> ServeResponse
}

/// Sends answers to a caller on an event loop of this process.
struct LocalReply: Reply {
    let receiver: any ReplicaStreamReceiver
    let mailbox: Mailbox

    func send(_ event: StreamEvent) {
        mailbox.post(event, to: receiver)
    }
    /// Frees the place before it sends the answer, so that the caller's next request finds it free.
    func end(_ event: StreamEvent, of replica: HostedReplica) {
        let drained = replica.finish()
        send(event)
        drained?()
    }
    func makeResultBuffer() -> ByteBuffer? { nil }
    var clock: any EventLoop { mailbox.eventLoop }
}
