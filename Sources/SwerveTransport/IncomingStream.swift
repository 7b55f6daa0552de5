internal import NIOCore
internal import SwerveActors
internal import SwerveCore
internal import SwerveHTTPTypes
internal import Synchronization

/// A request from the peer that a replica of this process works on.
final class IncomingStream: ReplicaWork {
    /// What is asked for, as it stands in the request's frame.
    enum Request: Sendable {
        /// The method, the reader at the first argument, and the method's generic arguments.
        case call(target: String, CallFrame.Received)
        case http(HTTPRequestHead, content: ByteBuffer?)
    }

    let stream: UInt64
    let replica: HostedReplica
    let context: RequestContext?
    private let request: Request
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
    /// - Throws: what is wrong with the frame, in the words of an answer to it.
    init(
        _ stream: UInt64,
        _ kind: FrameKind,
        _ frame: consuming ByteBuffer,
        target: String,
        replica: HostedReplica,
        _ connection: PeerConnection
    ) throws {
        self.stream = stream
        self.replica = replica
        self.connection = connection
        if kind == .requestHTTP {
            let (head, deadline, content) = try HTTPFrames.readRequest(&frame)
            self.request = .http(head, content: content)
            self.context = RequestContext(requestID: head.requestID, deadline: deadline)
        } else {
            let received = try CallFrame.read(frame, of: replica.id)
            self.request = .call(target: target, received)
            self.context = received.context
        }
    }

    // MARK: The task

    func started(_ task: Task<Void, Never>) {
        let isCancelled = state.withLock { state in
            if !state.isOver { state.task = task }
            return state.isCancelled
        }
        if isCancelled { task.cancel() }
    }

    func run(on entry: ReplicaEntry) async {
        if state.withLock({ $0.isCancelled }) {
            return end(.responseFailure, Failures.encode(CancellationError(), thrownBy: replica.id))
        }
        do { try RequestContext.checkDeadline() } catch { return refuseLate(error) }
        switch request {
        case .call(let target, let received): await call(target, received, entry)
        case .http(let head, let content): await respond(head, content, entry)
        }
    }

    /// The request's time was over before it began.
    private func refuseLate(_ error: ServeError) {
        switch request {
        case .call: end(.responseFailure, Failures.encode(error, thrownBy: replica.id))
        case .http: refuse(error)
        }
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
        context?.deadline?.end()
        let drained = replica.finish()
        connection.incoming.withLock { $0.remove(stream) }
        connection.send(kind, stream: stream, frame, trailing: trailing)
        connection.openIncoming.subtract(1, ordering: .relaxed)
        drained?()
    }

    // MARK: Calls by handle

    private func call(_ target: String, _ received: CallFrame.Received, _ entry: ReplicaEntry) async {
        do {
            var arguments = received.arguments
            if !received.kept.isEmpty { try await fetch(received.kept, into: &arguments) }
            let handler = ResultHandler(encodingInto: Frame.open())
            try await entry.call(target, &arguments, handler)
            let answer = try handler.encodedResult()
            guard answer.readableBytes <= ConnectionLimits.maximumFrameBytes else {
                throw ServeError(.tooLarge, "the result has \(answer.readableBytes) bytes", replica: replica.id)
            }
            if received.mayKeep, let frame = keep(answer) { return end(.responseKept, frame) }
            end(.responseValue, answer)
        } catch {
            end(.responseFailure, Failures.encode(error, thrownBy: replica.id))
        }
    }

    /// Brings the arguments here that other processes keep, all at the same time.
    private func fetch(_ kept: [CallFrame.Kept], into arguments: inout InvocationDecoder) async throws {
        let hosted = connection.hosted
        let fetched = try await withThrowingTaskGroup(of: (Int, ByteBuffer).self) { group in
            for kept in kept {
                group.addTask {
                    (kept.index, try await hosted.kept.fetch(kept.number, from: kept.address, into: hosted))
                }
            }
            return try await group.reduce(into: [(Int, ByteBuffer)]()) { $0.append($1) }
        }
        for (index, region) in fetched { arguments.setArgument(index, EncodedValue(region: region)) }
    }

    /// The frame that says where a result is kept; `nil` when it is to be sent.
    private func keep(_ answer: ByteBuffer) -> ByteBuffer? {
        var region = answer
        region.moveReaderIndex(forwardBy: Frame.headerBytes)
        guard let (address, number) = connection.hosted.kept.keep(region, for: connection) else { return nil }
        var frame = Frame.open()
        frame.writeInteger(number, endianness: .little)
        frame.writeInteger(UInt64(region.readableBytes), endianness: .little)
        frame.writeString(address)
        return frame
    }

    // MARK: HTTP

    private func respond(_ head: HTTPRequestHead, _ content: ByteBuffer?, _ entry: ReplicaEntry) async {
        do {
            let body = content.map { HTTPBody($0) } ?? HTTPBody(stream: openBody())
            try await answer(try await entry.respond(HTTPRequest(head: head, body: body)))
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
