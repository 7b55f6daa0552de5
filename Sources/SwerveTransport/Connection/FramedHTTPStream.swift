internal import NIOCore
internal import SwerveActors
internal import SwerveCore
internal import SwerveHTTPTypes
internal import Synchronization

/// The caller's end of an HTTP request to another process's replica.
final class FramedHTTPStream: ReplicaStream, StreamOwner {
    let number = Atomic<UInt64>(0)
    private let replica: ReplicaID
    private let connection: PeerConnection
    private let receiver: any ReplicaStreamReceiver
    /// The loop on which the receiver gets its events.
    private let loop: any EventLoop
    private let state = Mutex(State())

    private struct State {
        /// Sends the request's body.
        var sender = CreditedSender()
        /// Counts the answer's body.
        var taken = ConsumedBytes()
    }

    init(
        _ replica: ReplicaID,
        _ connection: PeerConnection,
        _ receiver: any ReplicaStreamReceiver,
        _ loop: any EventLoop
    ) {
        self.replica = replica
        self.connection = connection
        self.receiver = receiver
        self.loop = loop
    }

    func begin(_ request: ReplicaRequest, method: UInt32) {
        let now = loop.now
        let failure = connection.open(.requestHTTP, self, bytes: request.body) {
            HTTPFrames.write(request, method: method, now: now, to: &$0)
        }
        // In a later tick: the caller has not recorded the stream yet.
        switch failure {
        case nil: break
        case .closed(let reason): loop.execute { self.receiver.received(.lost(started: false, reason: reason)) }
        case .tooManyStreams: loop.execute { self.receiver.received(.failure(ServeError.tooManyStreams)) }
        }
    }

    // MARK: The caller's side

    func send(_ bytes: ByteBuffer) {
        state.withLock { state in
            state.sender.push(bytes)
            sendParts(&state)
        }
    }

    func end() {
        state.withLock { state in
            state.sender.end()
            sendParts(&state)
        }
    }

    /// Called with the lock held, so that parts keep their order.
    private func sendParts(_ state: inout State) {
        let stream = number.load(ordering: .relaxed)
        while let part = state.sender.next() {
            connection.send(part.isLast ? .requestEnd : .requestData, stream: stream, bytes: part.bytes)
        }
    }

    func consumed(_ bytes: Int) {
        let credit = state.withLock { $0.taken.consumed(bytes) }
        if credit > 0 {
            connection.sendCredit(.responseCredit, stream: number.load(ordering: .relaxed), credit)
        }
    }

    func cancel() {
        connection.send(.requestCancel, stream: number.load(ordering: .relaxed)) { _ in }
    }

    // MARK: The connection's side

    func received(_ kind: FrameKind, _ body: ByteBuffer, shared: ByteBuffer?) throws {
        var body = body
        switch kind {
        case .requestAccepted: deliver(.accepted)
        case .requestCredit:
            let bytes = FrameReader.credit(in: body)
            try state.withLock { state throws in
                guard state.sender.consumed(bytes) else { throw Self.tookTooMuch }
                sendParts(&state)
            }
            deliver(.consumed(bytes))
        case .responseHTTP:
            let (head, _) = try HTTPFrames.readResponse(&body)
            deliver(.response(head, body: shared ?? body))
        case .responseHead:
            let (head, contentLength) = try HTTPFrames.readResponse(&body)
            deliver(.head(head, contentLength: contentLength))
        case .responseData, .responseEnd:
            guard state.withLock({ $0.taken.received(body.readableBytes) }) else { throw Self.cameTooFast }
            if body.readableBytes > 0 { deliver(.bytes(body)) }
            if kind == .responseEnd { deliver(.end) }
        case .responseFailure: deliver(.failure(Failures.decode(body, from: replica, connection.hosted.system)))
        case .responseRefused: deliver(.refused)
        default: throw ServeError(.protocolViolation, "an HTTP request was answered with \(kind)")
        }
    }

    static let tookTooMuch = ServeError(.protocolViolation, "the peer reports more of a request as taken than was sent")
    static let cameTooFast = ServeError(.protocolViolation, "the peer sent more of an answer than its credit allows")

    func lost(started: Bool, reason: String) {
        deliver(.lost(started: started, reason: reason))
    }

    @inline(__always)
    private func deliver(_ event: StreamEvent) {
        if loop.inEventLoop { return receiver.received(event) }
        loop.execute { self.receiver.received(event) }
    }
}

extension ServeError {
    static var tooManyStreams: ServeError {
        ServeError(.queueFull, "a connection carries at most \(ConnectionLimits.maximumStreams) requests at a time")
    }
}
