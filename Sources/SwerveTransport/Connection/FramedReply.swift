internal import NIOCore
internal import SwerveActors
internal import SwerveCore
internal import SwerveHTTPTypes
internal import SwerveReplica
internal import Synchronization

/// The replica's end of a request that came over a connection: turns the replica's events into frames, and the caller's
/// frames into the request's body.
final class FramedReply: Reply {
    let stream: UInt64
    private let connection: PeerConnection
    /// `nil` for the fetch of a kept result.
    private let replica: HostedReplica?
    private let state = Mutex(State())

    private struct State {
        var request: HostedRequest?
        /// A long call whose arguments are still arriving.
        var longCall: LongCall?
        /// The stream whose elements are sent, if it is an argument of the peer's call.
        var served: ServedStream?
        var mayKeep = false
        /// Sends the answer's body.
        var sender = CreditedSender()
        /// Counts the request's body.
        var taken = ConsumedBytes()
        /// Whether the answer is complete and only waits for the caller to take it.
        var isLeaving = false
        /// Whether the answer consists of elements, all of which precede an error.
        var isItems = false
        /// The error that follows the elements that wait.
        var failure: (any Error)?
        /// Whether the caller no longer wants the answer.
        var isCallerGone = false
        /// Whether the place in the replica has been given back.
        var hasLeft = false
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

    var clock: any EventLoop { connection.eventLoop }

    var request: HostedRequest? { state.withLock { $0.request } }

    // MARK: The request, on the event loop

    /// - Parameter shared: the content if it lies in shared memory.
    func begin(http frame: inout ByteBuffer, shared: ByteBuffer?) throws {
        guard let replica else { preconditionFailure("a request has a replica") }
        let request = try HTTPFrames.readRequest(&frame, shared: shared, now: connection.eventLoop.now)
        let hosted = HostedRequest(replica, request, on: connection.eventLoop, self)
        state.withLock { $0.request = hosted }
    }

    func begin(call frame: ByteBuffer, _ target: String) throws {
        guard let replica else { preconditionFailure("a request has a replica") }
        let received = try CallFrame.read(
            frame,
            of: replica.id,
            connection.hosted.system,
            on: connection.eventLoop,
            streams: { FramedArguments(of: stream, connection) }
        )
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
            let drained = state.withLock { leave(&$0) }
            connection.send(.responseRefused, stream: stream) { _ in }
            drained?()
            return
        }
        state.withLock { $0.longCall = LongCall(target: target, value: ValueAssembly(length: Int(length))) }
        _ = try receivedBody(firstPart, isLast: false)
    }

    /// - Returns: whether a long call is now complete and should start.
    func receivedBody(_ bytes: ByteBuffer, isLast: Bool) throws -> Bool {
        enum Next { case deliver(HostedRequest?), wait(credit: Int), start(LongCall) }
        let next = try state.withLock { state throws -> Next in
            guard state.taken.received(bytes.readableBytes) else {
                throw ServeError(.protocolViolation, "the peer sent more of a body than its credit allows")
            }
            guard var long = state.longCall.take() else { return .deliver(state.request) }
            guard long.value.append(bytes), !isLast || long.value.isWhole else {
                // The long call stays: its room and its place in the replica are given back when the connection closes.
                state.longCall = long
                throw ServeError(.protocolViolation, "a long call differs from its announced length")
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

    /// The caller took this many bytes of the answer.
    func consumed(_ bytes: Int) throws {
        let (request, served, drained) = try state.withLock { state throws in
            guard state.sender.consumed(bytes) else {
                throw ServeError(.protocolViolation, "the peer reports more of an answer as taken than was sent")
            }
            let drained = sendParts(&state)
            return (state.request, state.served, drained)
        }
        request?.consumed(bytes)
        served?.took(bytes)
        drained?()
    }

    func callerIsGone() {
        // A request that has not begun, or whose answer is only waiting to be sent, ends here. Others end with their
        // task.
        let (request, served, endsHere) = state.withLock { state in
            state.isCallerGone = true
            return (state.request, state.served, state.longCall != nil || state.isLeaving)
        }
        if endsHere { fail(CancellationError()) }
        request?.cancel()
        served?.cancel()
    }

    /// The connection ended before the request began.
    func abandon() {
        over()?()
    }

    /// The request cannot begin, or nobody wants its answer.
    func fail(_ error: any Error) {
        if let long = state.withLock({ $0.longCall.take() }) { connection.hosted.giveBack(long.value.length) }
        send(.failure(error))
    }

    /// The answer is the elements of this stream.
    func serve(_ stream: ServedStream) {
        state.withLock { state in
            state.served = stream
            state.isItems = true
        }
    }

    // MARK: The answer, from any thread

    func makeResultBuffer() -> ByteBuffer? { connection.makeBuffer() }

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
        case .items(let maxAhead):
            state.withLock { $0.isItems = true }
            connection.send(.responseItems, stream: stream) {
                $0.writeInteger(UInt32(clamping: maxAhead), endianness: .little)
            }
        case .bytes(let bytes):
            let drained = state.withLock { state in
                state.sender.push(bytes)
                return sendParts(&state)
            }
            drained?()
        case .end:
            let (isCallerGone, drained) = state.withLock { state -> (Bool, Drained?) in
                if state.isCallerGone { return (true, nil) }
                state.sender.end()
                state.isLeaving = true
                return (false, sendParts(&state))
            }
            drained?()
            if isCallerGone { send(.failure(CancellationError())) }
        case .response(let head, let body):
            let drained = over()
            connection.send(.responseHTTP, stream: stream, bytes: body) {
                HTTPFrames.write(head, contentLength: body.readableBytes, to: &$0)
            }
            drained?()
        case .value(let result): send(result)
        case .failure(let error):
            if follows(error) { return }
            let drained = over()
            connection.send(.responseFailure, stream: stream, Failures.encode(error, thrownBy: replica?.id))
            drained?()
        case .refused, .lost: preconditionFailure("a replica that began a request neither refuses nor loses it")
        }
    }

    /// Whether elements wait, which the error follows.
    private func follows(_ error: any Error) -> Bool {
        let (follows, drained) = state.withLock { state -> (Bool, Drained?) in
            guard state.isItems, !state.isCallerGone, state.failure == nil, state.sender.waiting > 0 else {
                return (false, nil)
            }
            state.failure = error
            state.sender.end()
            state.isLeaving = true
            return (true, sendParts(&state))
        }
        drained?()
        return follows
    }

    /// Frees the place in the replica before the last frame is sent. For a long answer, that is when the caller has
    /// taken what came before the last frame.
    func end(_ event: StreamEvent, of replica: HostedReplica) { send(event) }

    private func send(_ result: CallResult) {
        guard case .encoded(let region) = result else { preconditionFailure("the result was encoded") }
        let size = region.readableBytes
        guard size <= StreamLimits.maximumValueBytes else {
            return send(
                .failure(
                    ServeError(
                        .tooLarge,
                        "the result has \(size) bytes; the maximum is \(StreamLimits.maximumValueBytes)",
                        replica: replica?.id
                    )
                )
            )
        }
        if state.withLock({ $0.mayKeep }),
            let (address, number) = connection.hosted.kept.keep(region, for: connection)
        {
            let drained = over()
            connection.send(.responseKept, stream: stream) {
                $0.writeMultipleIntegers(number, UInt64(size), endianness: .little)
                $0.writeString(address)
            }
            drained?()
            return
        }
        send(region: region)
    }

    /// Sends an encoded value: whole in shared memory, or else a long one in parts, as the caller takes it.
    func send(region: ByteBuffer) {
        if let reference = connection.memory?.share(region) {
            let drained = over()
            connection.send(.responseValue, stream: stream, reference)
            drained?()
            return
        }
        guard region.readableBytes > StreamLimits.window else {
            let drained = over()
            connection.send(.responseValue, stream: stream, bytes: region)
            drained?()
            return
        }
        var rest = region
        let first = rest.readSlice(length: StreamLimits.part) ?? ByteBuffer()
        let (isCallerGone, drained) = state.withLock { state -> (Bool, Drained?) in
            if state.isCallerGone { return (true, nil) }
            state.request = nil
            state.isLeaving = true
            // Set before the first part is sent: the caller may report that it took the part while this still runs.
            state.sender = CreditedSender(sent: first.readableBytes)
            state.sender.push(rest)
            state.sender.end()
            connection.send(.responseLongValue, stream: stream, bytes: first) {
                $0.writeInteger(UInt64(region.readableBytes), endianness: .little)
            }
            return (false, sendParts(&state))
        }
        drained?()
        if isCallerGone { send(.failure(CancellationError())) }
    }

    private typealias Drained = @Sendable () -> Void

    /// Called with the lock held, so that parts keep their order.
    ///
    /// - Returns: what to call once the lock is released.
    private func sendParts(_ state: inout State) -> Drained? {
        var drained: Drained?
        while let part = state.sender.next() {
            if part.isLast {
                state.request = nil
                state.served = nil
                state.isLeaving = false
                connection.remove(self)
                drained = leave(&state)
            }
            if part.isLast, let failure = state.failure.take() {
                if part.bytes.readableBytes > 0 { connection.send(.responseData, stream: stream, bytes: part.bytes) }
                connection.send(.responseFailure, stream: stream, Failures.encode(failure, thrownBy: replica?.id))
                continue
            }
            connection.send(part.isLast ? .responseEnd : .responseData, stream: stream, bytes: part.bytes)
        }
        return drained
    }

    /// The last frame is about to be sent. Drops the request, which holds this reply.
    ///
    /// - Returns: what to call once the frame is sent.
    private func over() -> Drained? {
        let drained = state.withLock { state in
            state.request = nil
            state.served = nil
            state.isLeaving = false
            return leave(&state)
        }
        connection.remove(self)
        return drained
    }

    /// Gives back the place in the replica.
    private func leave(_ state: inout State) -> Drained? {
        if state.hasLeft { return nil }
        state.hasLeft = true
        return replica?.finish()
    }
}
