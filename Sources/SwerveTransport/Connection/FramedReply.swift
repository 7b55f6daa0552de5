internal import NIOCore
internal import SwerveActors
internal import SwerveCore
internal import SwerveHTTPTypes
internal import Synchronization

/// The replica's end of a request that came over a connection: turns what the replica says into frames, and what the
/// caller sends into the request's body.
final class FramedReply: Reply {
    let stream: UInt64
    private let connection: PeerConnection
    /// `nil` for the fetch of a kept result.
    private let replica: HostedReplica?
    private let state = Mutex(State())

    private struct State {
        var request: HostedRequest?
        /// A long call whose arguments are on their way.
        var longCall: LongCall?
        var mayKeep = false
        /// Of the answer's body.
        var sender = CreditedSender()
        /// Of the request's body.
        var taken = ConsumedBytes()
    }

    private struct LongCall {
        let target: String
        var value: ValueAssembly
    }

    init(_ stream: UInt64, _ connection: PeerConnection, _ replica: HostedReplica?) {
        self.stream = stream
        self.connection = connection
        self.replica = replica
    }

    var request: HostedRequest? { state.withLock { $0.request } }

    // MARK: The request, on the event loop

    func begin(http frame: inout ByteBuffer) throws {
        guard let replica else { preconditionFailure("a request has a replica") }
        let request = try HTTPFrames.readRequest(&frame, now: connection.eventLoop.now)
        let hosted = HostedRequest(replica, request, self)
        state.withLock { $0.request = hosted }
    }

    func begin(call frame: ByteBuffer, _ target: String) throws {
        guard let replica else { preconditionFailure("a request has a replica") }
        let received = try CallFrame.read(frame, of: replica.id, now: connection.eventLoop.now)
        let hosted = connection.hosted
        var references: (@Sendable () async throws -> [(Int, EncodedValue)])?
        if !received.references.isEmpty {
            references = { try await hosted.kept.fetch(received.references, into: hosted) }
        }
        let call = HostedCall(target: target, arguments: received.arguments, references: references)
        let request = HostedRequest(replica, call, context: received.context, self)
        state.withLock { state in
            state.request = request
            state.mayKeep = received.mayKeep
        }
    }

    func begin(longCall target: String, firstPart: ByteBuffer, length: UInt64) throws {
        guard length <= StreamLimits.maximumValueBytes, length > firstPart.readableBytes else {
            throw ServeError(.protocolViolation, "a long call of \(length) bytes")
        }
        guard connection.hosted.reserve(Int(length)) else {
            connection.remove(self)
            let drained = replica?.finish()
            connection.send(.responseRefused, stream: stream) { _ in }
            drained?()
            return
        }
        state.withLock { $0.longCall = LongCall(target: target, value: ValueAssembly(length: Int(length))) }
        _ = try receivedBody(firstPart, isLast: false)
    }

    /// - Returns: whether a long call is whole and is to be started.
    func receivedBody(_ bytes: ByteBuffer, isLast: Bool) throws -> Bool {
        enum Next { case deliver(HostedRequest?), wait(credit: Int), start(LongCall) }
        let next = try state.withLock { state throws -> Next in
            guard state.taken.received(bytes.readableBytes) else {
                throw ServeError(.protocolViolation, "a body came faster than it was asked for")
            }
            guard var long = state.longCall.take() else { return .deliver(state.request) }
            guard long.value.append(bytes), !isLast || long.value.isWhole else {
                // It stays: its room and its place in the replica are given back when the connection closes.
                state.longCall = long
                throw ServeError(.protocolViolation, "a long call of another length than announced")
            }
            if isLast { return .start(long) }
            let credit = state.taken.consumed(bytes.readableBytes)
            state.longCall = long
            return .wait(credit: credit)
        }
        switch next {
        case .deliver(let request):
            request?.send(bytes)
            if isLast { request?.end() }
        case .wait(let credit):
            if credit > 0 { connection.sendCredit(.requestCredit, stream: stream, credit) }
        case .start(let long):
            connection.hosted.giveBack(long.value.length)
            do { try begin(call: long.value.bytes, long.target) } catch {
                fail(error)
                return false
            }
            return true
        }
        return false
    }

    /// The caller took so many bytes of the answer.
    func consumed(_ bytes: Int) throws {
        let request = try state.withLock { state throws in
            guard state.sender.consumed(bytes) else {
                throw ServeError(.protocolViolation, "more of an answer was taken than was sent")
            }
            sendParts(&state)
            return state.request
        }
        request?.consumed(bytes)
    }

    func callerIsGone() {
        let (request, isLongCall) = state.withLock { ($0.request, $0.longCall != nil) }
        if isLongCall { fail(CancellationError()) }
        request?.cancel()
    }

    /// The connection ended before the request began.
    func abandon() {
        connection.remove(self)
        guard let request = state.withLock({ $0.request.take() }) else { return }
        request.abandon()
    }

    /// The request cannot begin.
    func fail(_ error: any Error) {
        if let long = state.withLock({ $0.longCall.take() }) { connection.hosted.giveBack(long.value.length) }
        let drained = replica?.finish()
        send(.failure(error))
        drained?()
    }

    // MARK: The answer, from any thread

    func makeResultBuffer() -> ByteBuffer? { Frame.open() }

    func send(_ event: StreamEvent) {
        switch event {
        case .accepted: connection.send(.requestAccepted, stream: stream) { _ in }
        case .consumed(let bytes):
            let credit = state.withLock { $0.taken.consumed(bytes) }
            if credit > 0 { connection.sendCredit(.requestCredit, stream: stream, credit) }
        case .head(let head, let contentLength):
            connection.send(.responseHead, stream: stream) {
                HTTPFrames.write(head, contentLength: contentLength, to: &$0)
            }
        case .bytes(let bytes):
            state.withLock { state in
                state.sender.push(bytes)
                sendParts(&state)
            }
        case .end:
            state.withLock { state in
                state.sender.end()
                sendParts(&state)
            }
        case .response(let head, let body):
            over()
            connection.send(.responseHTTP, stream: stream, bytes: body) {
                HTTPFrames.write(head, contentLength: body.readableBytes, to: &$0)
            }
        case .value(let result): send(result)
        case .failure(let error):
            over()
            connection.send(.responseFailure, stream: stream, Failures.encode(error, thrownBy: replica?.id))
        case .refused, .lost: preconditionFailure("a replica that began says neither")
        }
    }

    private func send(_ result: CallResult) {
        guard case .encoded(var frame) = result else { preconditionFailure("the result was encoded for the frame") }
        let size = frame.readableBytes - Frame.headerBytes
        guard size <= StreamLimits.maximumValueBytes else {
            return send(
                .failure(
                    ServeError(
                        .tooLarge,
                        "the result has \(size) bytes; \(StreamLimits.maximumValueBytes) are the most",
                        replica: replica?.id
                    )
                )
            )
        }
        if size <= StreamLimits.window, !state.withLock({ $0.mayKeep }) {
            over()
            return connection.send(.responseValue, stream: stream, frame)
        }
        frame.moveReaderIndex(forwardBy: Frame.headerBytes)
        if state.withLock({ $0.mayKeep }),
            let (address, number) = connection.hosted.kept.keep(frame, for: connection)
        {
            over()
            return connection.send(.responseKept, stream: stream) {
                $0.writeMultipleIntegers(number, UInt64(frame.readableBytes), endianness: .little)
                $0.writeString(address)
            }
        }
        send(region: frame)
    }

    /// Sends an encoded value, in parts as the caller takes it when it is long.
    func send(region: ByteBuffer) {
        guard region.readableBytes > StreamLimits.window else {
            over()
            return connection.send(.responseValue, stream: stream, bytes: region)
        }
        var rest = region
        let first = rest.readSlice(length: StreamLimits.part) ?? ByteBuffer()
        state.withLock { state in
            state.request = nil
            // Before the first part leaves: the caller may report that it took it while this goes on.
            state.sender = CreditedSender(sent: first.readableBytes)
            state.sender.push(rest)
            state.sender.end()
            connection.send(.responseLongValue, stream: stream, bytes: first) {
                $0.writeInteger(UInt64(region.readableBytes), endianness: .little)
            }
            sendParts(&state)
        }
    }

    /// Called with the lock held, so that parts keep their order.
    private func sendParts(_ state: inout State) {
        while let part = state.sender.next() {
            if part.isLast {
                state.request = nil
                connection.remove(self)
            }
            connection.send(part.isLast ? .responseEnd : .responseData, stream: stream, bytes: part.bytes)
        }
    }

    /// The last frame is about to be sent. The request is let go, which holds this reply.
    private func over() {
        state.withLock { $0.request = nil }
        connection.remove(self)
    }
}
