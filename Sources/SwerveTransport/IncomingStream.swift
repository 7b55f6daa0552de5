internal import NIOCore
internal import SwerveActors
internal import SwerveCore
internal import SwerveHTTPTypes
internal import Synchronization

/// A request from the peer that a replica of this process works on.
final class IncomingStream: Sendable {
    let stream: UInt64
    private let kind: FrameKind
    private let frame: ByteBuffer
    private let target: String
    private let replica: HostedReplica
    private let connection: PeerConnection
    private let state = Mutex(State())

    private struct State {
        var task: Task<Void, Never>?
        var isCancelled = false
        var isOver = false
        var requestBody: HTTPBodyStream?
        var writer: HTTPBodyWriter?
    }

    /// - Parameter frame: the request behind its method number.
    init(
        _ stream: UInt64,
        _ kind: FrameKind,
        _ frame: ByteBuffer,
        target: String,
        replica: HostedReplica,
        _ connection: PeerConnection
    ) {
        self.stream = stream
        self.kind = kind
        self.frame = frame
        self.target = target
        self.replica = replica
        self.connection = connection
    }

    /// Starts the request's task.
    func start(on executor: BatchExecutor?) {
        // Unstructured: a request lives as long as its caller wants, and is cancelled through the table of incoming
        // streams.
        let task = Task(executorPreference: executor) {
            let start = NIODeadline.now()
            if self.kind == .requestHTTP { await self.runHTTP() } else { await self.runCall() }
            self.connection.noteRequestTime((NIODeadline.now() - start).nanoseconds)
        }
        let isCancelled = state.withLock { state in
            if !state.isOver { state.task = task }
            return state.isCancelled
        }
        if isCancelled { task.cancel() }
    }

    // MARK: What the caller sends after the request

    func received(_ kind: FrameKind, _ body: ByteBuffer) {
        let (requestBody, writer) = state.withLock { ($0.requestBody, $0.writer) }
        switch kind {
        case .requestData: requestBody?.push(body)
        case .requestEnd: requestBody?.finish()
        case .responseCredit: writer?.grant(PeerConnection.credit(in: body))
        default: callerIsGone()
        }
    }

    func callerIsGone() {
        let (task, requestBody, writer) = state.withLock { state in
            state.isCancelled = true
            return (state.task, state.requestBody, state.writer)
        }
        task?.cancel()
        requestBody?.fail(CancellationError())
        writer?.cancel()
    }

    // MARK: The end

    /// The place in the replica is free before the answer is on its way, so that the caller's next request finds it.
    private func end(_ kind: FrameKind, _ frame: ByteBuffer, trailing: ByteBuffer? = nil) {
        state.withLock { state in
            state.isOver = true
            state.task = nil
        }
        let drained = replica.finish()
        connection.incoming.withLock { $0.remove(stream) }
        connection.send(kind, stream: stream, frame, trailing: trailing)
        connection.openIncoming.subtract(1, ordering: .relaxed)
        drained?()
    }

    // MARK: Calls by handle

    private func runCall() async {
        do {
            var frame = frame
            let length = Int(frame.readInteger(as: UInt8.self) ?? 0)
            guard let requestID = frame.readString(length: length), let generics = frame.readInteger(as: UInt8.self)
            else {
                throw ServeError(.protocolViolation, "a call that is cut off", replica: replica.id)
            }
            let result =
                length == 0
                ? try await execute(frame, Int(generics))
                : try await RequestContext.$current.withValue(RequestContext(requestID: requestID)) {
                    try await execute(frame, Int(generics))
                }
            var answer = Frame.open(
                capacity: result.readableBytes < ConnectionLimits.copyLimit ? result.readableBytes : 0
            )
            guard result.readableBytes <= ConnectionLimits.maximumFrameBytes - Frame.headerBytes else {
                throw ServeError(.tooLarge, "the result has \(result.readableBytes) bytes", replica: replica.id)
            }
            if result.readableBytes < ConnectionLimits.copyLimit {
                answer.writeImmutableBuffer(result)
                end(.responseValue, answer)
            } else {
                end(.responseValue, answer, trailing: result)
            }
        } catch {
            end(.responseFailure, Failures.encode(error, thrownBy: replica.id))
        }
    }

    private func execute(_ frame: ByteBuffer, _ generics: Int) async throws -> ByteBuffer {
        let reader = BinaryReader(frame, system: .current)
        var types: [any Any.Type] = []
        for _ in 0..<generics {
            let name = try reader.nextRegion(String.self)
            guard let type = _typeByName(name) else {
                throw ServeError(.invalidArgument, "no type is named '\(name)' in the replica's executable")
            }
            types.append(type)
        }
        var decoder = InvocationDecoder(reader, genericSubstitutions: types)
        let handler = ResultHandler(encodesResult: true)
        try await replica.execute(target, &decoder, handler)
        return try handler.encodedResult()
    }

    // MARK: HTTP

    private func runHTTP() async {
        do {
            var frame = frame
            let (head, content) = try HTTPFrames.readRequest(&frame)
            guard let respond = replica.respond else {
                throw HTTPError(.notImplemented, "\(replica.id.deployment) does not answer HTTP requests")
            }
            let request = HTTPRequest(head: head, body: content.map(HTTPBody.init) ?? HTTPBody(stream: openBody()))
            let response = try await RequestContext.$current.withValue(RequestContext(requestID: head.requestID)) {
                try await respond(request)
            }
            try await answer(response)
        } catch {
            refuse(error)
        }
    }

    private func openBody() -> HTTPBodyStream {
        let (connection, stream) = (connection, stream)
        let body = HTTPBodyStream(
            window: ConnectionLimits.bodyWindow,
            onConsumed: { connection.sendCredit(.requestCredit, stream: stream, $0) }
        )
        let isCancelled = state.withLock { state in
            state.requestBody = body
            return state.isCancelled
        }
        if isCancelled { body.fail(CancellationError()) }
        // The caller sends nothing before this, so that a request which was refused can be given to another replica.
        connection.sendCredit(.requestCredit, stream: stream, ConnectionLimits.bodyWindow)
        return body
    }

    private func answer(_ response: HTTPResponse) async throws {
        switch response.body.storage {
        case .bytes(let bytes):
            var frame = try HTTPFrames.response(response, bodyFollows: false, contentLength: bytes.readableBytes)
            if bytes.readableBytes < ConnectionLimits.copyLimit {
                frame.writeImmutableBuffer(bytes)
                end(.responseHTTP, frame)
            } else {
                end(.responseHTTP, frame, trailing: bytes)
            }
        case .stream(let contentLength, let write):
            let frame = try HTTPFrames.response(response, bodyFollows: true, contentLength: contentLength)
            let (connection, stream) = (connection, stream)
            let writer = HTTPBodyWriter(window: ConnectionLimits.bodyWindow) { bytes in
                connection.send(.responseData, stream: stream, Frame.open(capacity: 0), trailing: bytes)
            }
            let isCancelled = state.withLock { state in
                state.writer = writer
                return state.isCancelled
            }
            if isCancelled { writer.cancel() }
            connection.send(.responseHTTP, stream: stream, frame)
            do {
                try await write(writer)
                end(.responseEnd, Frame.open(capacity: 0))
            } catch {
                end(.responseAbort, Failures.encode(error, thrownBy: replica.id))
            }
        }
    }

    /// Answers with the status that stands for the error.
    private func refuse(_ error: any Error) {
        if error is CancellationError, state.withLock({ $0.isCancelled }) {
            return end(.responseFailure, Failures.encode(error, thrownBy: replica.id))
        }
        let response = HTTPResponse(for: error)
        let bytes = response.body.completeBytes ?? ByteBuffer()
        do {
            var frame = try HTTPFrames.response(response, bodyFollows: false, contentLength: bytes.readableBytes)
            frame.writeImmutableBuffer(bytes)
            end(.responseHTTP, frame)
        } catch {
            end(.responseFailure, Failures.encode(error, thrownBy: replica.id))
        }
    }
}

/// The requests of the peer that are under way, by the slot that the caller's numbering has.
struct IncomingTable {
    private var slots: [IncomingStream?] = []

    private func slot(_ stream: UInt64) -> Int { Int(stream & ((1 << StreamTable.slotBits) - 1)) }

    mutating func insert(_ incoming: IncomingStream) -> Bool {
        let slot = slot(incoming.stream)
        while slots.count <= slot { slots.append(nil) }
        guard slots[slot] == nil else { return false }
        slots[slot] = incoming
        return true
    }
    subscript(stream: UInt64) -> IncomingStream? {
        let slot = slot(stream)
        guard slot < slots.count, let incoming = slots[slot], incoming.stream == stream else { return nil }
        return incoming
    }
    mutating func remove(_ stream: UInt64) {
        if self[stream] != nil { slots[slot(stream)] = nil }
    }
    mutating func removeAll() -> [IncomingStream] {
        defer { slots = [] }
        return slots.compactMap { $0 }
    }
}
