internal import NIOCore
internal import SwerveActors
internal import SwerveCore
internal import Synchronization

/// The caller's end of a call by handle to another process's replica, or of a fetch of a result that another process
/// keeps. Holds the task that waits.
final class FramedCall: StreamOwner {
    let number = Atomic<UInt64>(0)
    private let replica: ReplicaID?
    private let connection: PeerConnection
    /// Where the elements of its arguments are made.
    private let executor: (any TaskExecutor)?
    private let state: Mutex<State>

    private struct State {
        var phase = Phase.idle
        /// Whether the caller gave up before the answer.
        var isCancelled = false
        /// Sends long arguments.
        var sender: CreditedSender?
        /// Collects a long result.
        var value: ValueAssembly?
        var taken = ConsumedBytes()
        /// Receives the elements of a stream, which is the result.
        var items: FramedItems?
        /// The streams among the arguments; those that the replica asked for are `nil`.
        var streams: [(any AnyResponseStream)?]
        /// The streams that the replica reads.
        var served: [ServedStream] = []

        init(_ streams: [any AnyResponseStream]) {
            self.streams = streams
        }
    }

    private enum Phase {
        case idle
        /// Goes to over.
        case waiting(UnsafeContinuation<CallOutcome, Never>)
        /// Answered or cancelled, possibly before it began.
        case over
    }

    /// - Parameters:
    ///   - replica: `nil` for a fetch.
    ///   - streams: those among the arguments.
    init(_ replica: ReplicaID?, _ connection: PeerConnection, _ streams: [any AnyResponseStream] = []) {
        self.replica = replica
        self.connection = connection
        self.executor = streams.isEmpty ? nil : ServeContext.executor
        self.state = Mutex(State(streams))
    }

    /// Sends the frame, which ``Frame/open(capacity:)`` began, and waits for the outcome.
    func outcome(_ kind: FrameKind, _ frame: consuming ByteBuffer) async -> CallOutcome {
        let frame = frame
        return await withTaskCancellationHandler {
            await withUnsafeContinuation { start(kind, frame, $0) }
        } onCancel: {
            cancel()
        }
    }

    private func start(_ kind: FrameKind, _ frame: ByteBuffer, _ continuation: UnsafeContinuation<CallOutcome, Never>) {
        let isCancelled = state.withLock { state in
            guard case .idle = state.phase else { return true }
            state.phase = .waiting(continuation)
            return false
        }
        if isCancelled { return continuation.resume(returning: .failed(CancellationError())) }
        var body = frame
        body.moveReaderIndex(forwardBy: Frame.headerBytes)
        switch open(kind, body) {
        case nil: break
        case .closed(let reason): return end(.lost(started: false, reason: reason))
        case .tooManyStreams: return end(.failed(ServeError.tooManyStreams))
        }
        // A cancellation that came before the stream was open could not reach the replica.
        if state.withLock({ $0.isCancelled }) { sendCancel() }
    }

    private func open(_ kind: FrameKind, _ body: ByteBuffer) -> PeerConnection.OpenFailure? {
        if body.readableBytes > StreamLimits.window {
            guard body.readableBytes <= StreamLimits.maximumValueBytes else {
                end(.failed(tooLarge(body.readableBytes)))
                return nil
            }
            guard let reference = connection.memory?.share(body) else { return openLong(body) }
            return connection.open(kind, self, reference)
        }
        return connection.open(kind, self, bytes: body)
    }

    private func tooLarge(_ length: Int) -> ServeError {
        ServeError(
            .tooLarge,
            "the arguments have \(length) bytes; the maximum is \(StreamLimits.maximumValueBytes)",
            replica: replica
        )
    }

    private func openLong(_ body: ByteBuffer) -> PeerConnection.OpenFailure? {
        let length = body.readableBytes
        var rest = body
        // The method's number does not count against the window; the rest of the first part does.
        let first = rest.readSlice(length: StreamLimits.part) ?? ByteBuffer()
        var sender = CreditedSender(sent: first.readableBytes - 4)
        sender.push(rest)
        sender.end()
        state.withLock { $0.sender = sender }
        let failure = connection.open(.requestLongCall, self, trailing: first) {
            $0.writeInteger(UInt64(length - 4), endianness: .little)
        }
        if failure == nil { state.withLock { sendParts(&$0) } }
        return failure
    }

    /// Called with the lock held, so that parts keep their order.
    private func sendParts(_ state: inout State) {
        let stream = number.load(ordering: .relaxed)
        while let part = state.sender?.next() {
            connection.send(part.isLast ? .requestEnd : .requestData, stream: stream, bytes: part.bytes)
        }
    }

    // MARK: The end

    private func cancel() {
        let continuation = state.withLock { state -> UnsafeContinuation<CallOutcome, Never>? in
            defer { state.phase = .over }
            switch state.phase {
            case .idle: state.isCancelled = true
            case .waiting(let continuation):
                state.isCancelled = true
                return continuation
            case .over: break
            }
            return nil
        }
        guard let continuation else { return }
        endArguments()
        if number.load(ordering: .relaxed) != 0 { sendCancel() }
        continuation.resume(returning: .failed(CancellationError()))
    }

    /// Harmless when the call has been answered in the meantime.
    private func sendCancel() {
        connection.send(.requestCancel, stream: number.load(ordering: .relaxed)) { _ in }
    }

    private func end(_ outcome: CallOutcome) {
        let continuation = state.withLock { state -> UnsafeContinuation<CallOutcome, Never>? in
            state.sender = nil
            state.value = nil
            defer { state.phase = .over }
            if case .waiting(let continuation) = state.phase { return continuation }
            return nil
        }
        if case .result(.stream) = outcome {} else { endArguments() }
        continuation?.resume(returning: outcome)
    }

    // MARK: Streams

    /// Sends the elements of one of the arguments, which the replica asked for.
    ///
    /// - Returns: `false` if there is no such stream, or no longer.
    func serve(_ position: Int, to reply: FramedReply) -> Bool {
        let found = state.withLock { state -> (ServedStream, any AnyResponseStream)? in
            guard state.streams.indices.contains(position), let stream = state.streams[position].take() else {
                return nil
            }
            let served = ServedStream(stream, reply)
            state.served.append(served)
            return (served, stream)
        }
        guard let (served, stream) = found else { return false }
        reply.serve(served)
        served.start(stream, reply, on: executor)
        return true
    }

    /// The call is over, and with it the streams among its arguments.
    private func endArguments() {
        let served = state.withLock { state in
            state.streams = []
            defer { state.served = [] }
            return state.served
        }
        for served in served { served.cancel() }
    }

    private func receivedItems(_ body: ByteBuffer) throws {
        guard let maxAhead = body.getInteger(at: body.readerIndex, endianness: .little, as: UInt32.self) else {
            throw ServeError(.protocolViolation, "a stream without its limit")
        }
        let items = FramedItems(resultOf: number.load(ordering: .relaxed), connection)
        let reader = items.makeReader(maxAhead: max(1, Int(maxAhead)))
        state.withLock { $0.items = items }
        reader.whenOver { _ in self.endArguments() }
        // If nobody waits for it any more, dropping it ends it.
        end(.result(.stream(StreamedResult(UntypedStream(reader)))))
    }

    // MARK: The connection's side

    func received(_ kind: FrameKind, _ body: ByteBuffer, shared: ByteBuffer?) throws {
        if let items = state.withLock({ $0.items }) { return try items.received(kind, body, shared: nil) }
        switch kind {
        case .responseItems: try receivedItems(body)
        case .responseValue: end(.result(.encoded(body)))
        case .responseFailure: end(.failed(Failures.decode(body, from: replica, connection.hosted.system)))
        case .responseRefused: end(.refused)
        case .responseKept: end(try kept(body))
        case .responseLongValue:
            var body = body
            guard let length = body.readInteger(endianness: .little, as: UInt64.self),
                length <= StreamLimits.maximumValueBytes
            else { throw ServeError(.protocolViolation, "a long value without its length") }
            state.withLock { $0.value = ValueAssembly(length: Int(length)) }
            try receivedPart(body, isLast: false)
        case .responseData: try receivedPart(body, isLast: false)
        case .responseEnd: try receivedPart(body, isLast: true)
        case .requestCredit:
            try state.withLock { state throws in
                // The sender is `nil` once the call is over.
                guard state.sender?.consumed(FrameReader.credit(in: body)) != false else {
                    throw FramedHTTPStream.tookTooMuch
                }
                sendParts(&state)
            }
        default: throw ServeError(.protocolViolation, "a call was answered with \(kind)")
        }
    }

    /// Takes the parts of a long value as they come, even after a cancellation, until the stream ends.
    private func receivedPart(_ bytes: ByteBuffer, isLast: Bool) throws {
        let (credit, whole) = try state.withLock { state throws -> (Int, ByteBuffer?) in
            guard state.taken.received(bytes.readableBytes) else { throw FramedHTTPStream.cameTooFast }
            let credit = state.taken.consumed(bytes.readableBytes)
            guard var value = state.value.take() else {
                throw ServeError(.protocolViolation, "a part of a long value before its beginning")
            }
            guard value.append(bytes), !isLast || value.isWhole else {
                throw ServeError(.protocolViolation, "a long value differs from its announced length")
            }
            if isLast { return (0, value.bytes) }
            state.value = value
            return (credit, nil)
        }
        if let whole { return end(.result(.encoded(whole))) }
        if credit > 0, !isLast {
            connection.sendCredit(.responseCredit, stream: number.load(ordering: .relaxed), credit)
        }
    }

    /// Makes the result even when nobody waits for it: dropping it releases what is kept.
    private func kept(_ body: ByteBuffer) throws -> CallOutcome {
        var body = body
        guard let (number, count) = body.readMultipleIntegers(endianness: .little, as: (UInt64, UInt64).self) else {
            throw ServeError(.protocolViolation, "a kept result without its number")
        }
        let connection = connection
        return .result(
            .kept(
                KeptResult(
                    address: String(buffer: body),
                    number: number,
                    byteCount: Int(clamping: count),
                    fetch: {
                        let region = try await KeptResults.fetch(number, over: connection)
                        return EncodedValue(region: region, system: connection.hosted.system)
                    },
                    release: {
                        connection.send(.requestRelease, stream: 0) { $0.writeInteger(number, endianness: .little) }
                    }
                )
            )
        )
    }

    func lost(started: Bool, reason: String) {
        if let items = state.withLock({ $0.items }) { return items.lost(started: started, reason: reason) }
        // Elements of an argument that are gone cannot be sent again.
        if state.withLock({ !$0.served.isEmpty }) {
            let message = "the replica was lost while it read a stream: \(reason)"
            return end(.failed(ServeError(.replicaLost, message, replica: replica)))
        }
        end(.lost(started: started, reason: reason))
    }
}
