internal import NIOCore
internal import SwerveActors
internal import SwerveCore
internal import SwerveReplica

/// Routes the frames that arrive on a connection. Confined to the connection's event loop.
final class FrameReader {
    // The properties on the request path skip run-time exclusivity checks: only the event loop's thread uses them, and
    // no access spans a call to other code.
    @exclusivity(unchecked) private var decoder = FrameDecoder()
    @exclusivity(unchecked) private var methods: [UInt32: IncomingMethod] = [:]
    /// Requests that arrived in this read; they begin together at its end.
    @exclusivity(unchecked) private var arrived: [FramedReply] = []
    /// The newest stream that has begun. A long call that completes late has a lower number than streams that began
    /// before it.
    @exclusivity(unchecked) private var lastStarted: UInt64 = 0
    private let executor: LoopExecutor
    @exclusivity(unchecked) private var isEnded = false
    private var hasGreeted = false

    init(_ executor: LoopExecutor) {
        self.executor = executor
    }

    /// - Throws: an error that says how the peer broke the protocol.
    func read(_ bytes: ByteBuffer, _ connection: PeerConnection) throws {
        decoder.feed(bytes)
        while !isEnded, let frame = try decoder.next() { try handle(frame, connection) }
    }

    /// Starts the requests of one read.
    func startArrived(_ connection: PeerConnection) {
        guard !arrived.isEmpty else { return }
        for reply in arrived { lastStarted = max(lastStarted, reply.stream) }
        // `false` means that the connection's end is about to be reported, which drops these requests.
        guard connection.noteStarted(lastStarted) else { return }
        let requests = arrived.compactMap { $0.request }
        arrived.removeAll(keepingCapacity: true)
        HostedReplica.start(requests, holding: ConnectionBurst(connection: connection), on: executor)
    }

    /// The connection is over: requests that have not begun never will.
    func end() {
        isEnded = true
        for reply in arrived { reply.abandon() }
        arrived = []
        methods = [:]
        decoder = FrameDecoder()
    }

    private struct ConnectionBurst: Burst {
        let connection: PeerConnection
        func hold() { connection.hold() }
        func release() { connection.release() }
    }

    private func handle(_ frame: FrameDecoder.Frame, _ connection: PeerConnection) throws {
        if frame.isShared { return try handleShared(frame, connection) }
        let (stream, body) = (frame.stream, frame.body)
        switch frame.kind {
        case .hello:
            let hello = try BinaryReader(body, system: connection.hosted.system).nextRegion(Hello.self)
            guard hello.version == Hello.currentVersion else {
                throw ServeError(
                    .protocolViolation,
                    "the peer speaks protocol version \(hello.version), this process \(Hello.currentVersion)"
                )
            }
            guard !hasGreeted else { throw ServeError(.protocolViolation, "a second hello") }
            hasGreeted = true
            connection.delegate.received(hello, on: connection)
        case .control:
            let message = try BinaryReader(body, system: connection.hosted.system).nextRegion(ControlMessage.self)
            connection.delegate.received(message, on: connection)
        case .define:
            guard methods.count < ConnectionLimits.maximumMethods else {
                throw ServeError(.protocolViolation, "too many methods")
            }
            methods[UInt32(truncatingIfNeeded: stream)] = try IncomingMethod(body)
        case .requestCall, .requestHTTP, .requestLongCall: try begin(frame.kind, stream, body, connection)
        case .requestFetch: try fetch(frame, connection)
        case .requestItems: try serveItems(frame, connection)
        case .requestRelease:
            if let number = Self.number(in: body) { connection.hosted.kept.release(number, by: connection) }
        case .requestData, .requestEnd:
            try receivedBody(body, frame, connection)
        case .requestCancel: connection.incoming(stream)?.callerIsGone()
        case .responseCredit: try connection.incoming(stream)?.consumed(Self.credit(in: body))
        case .requestAccepted, .requestCredit, .responseRefused, .responseValue, .responseLongValue, .responseKept,
            .responseItems, .responseFailure, .responseHTTP, .responseHead, .responseData, .responseEnd:
            try connection.receivedResponse(frame.kind, stream: stream, body)
        case .memoryOffer:
            if let memory = connection.memory { return try memory.receivedOffer(body) }
            connection.send(.memoryAnswer, stream: 0) { $0.writeInteger(0 as UInt8) }
        case .memoryAnswer: try connection.memory?.receivedAnswer(body)
        case .memoryRelease: try connection.memory?.receivedReleases(body)
        case .memoryForget: try connection.memory?.receivedForget(body)
        }
    }

    /// A frame whose bytes lie in shared memory.
    private func handleShared(_ frame: FrameDecoder.Frame, _ connection: PeerConnection) throws {
        guard let memory = connection.memory else {
            throw ServeError(.protocolViolation, "shared memory where there is none")
        }
        var body = frame.body
        let bytes = try memory.bytes(at: &body)
        switch frame.kind {
        case .requestHTTP: try begin(.requestHTTP, frame.stream, body, shared: bytes, connection)
        case .requestCall: try begin(.requestCall, frame.stream, bytes, connection)
        case .requestData, .requestEnd: try receivedBody(bytes, frame, connection)
        case .responseHTTP: try connection.receivedResponse(frame.kind, stream: frame.stream, body, shared: bytes)
        default: try connection.receivedResponse(frame.kind, stream: frame.stream, bytes)
        }
    }

    private func receivedBody(
        _ bytes: ByteBuffer,
        _ frame: FrameDecoder.Frame,
        _ connection: PeerConnection
    ) throws {
        guard let reply = connection.incoming(frame.stream) else { return }
        if try reply.receivedBody(bytes, isLast: frame.kind == .requestEnd) { arrived.append(reply) }
    }

    static func credit(in body: ByteBuffer) -> Int {
        Int(body.getInteger(at: body.readerIndex, endianness: .little, as: UInt32.self) ?? 0)
    }

    private static func number(in body: ByteBuffer) -> UInt64? {
        body.getInteger(at: body.readerIndex, endianness: .little, as: UInt64.self)
    }

    // MARK: Requests

    /// - Parameter shared: the content of an HTTP request if it lies in shared memory.
    private func begin(
        _ kind: FrameKind,
        _ stream: UInt64,
        _ body: ByteBuffer,
        shared: ByteBuffer? = nil,
        _ connection: PeerConnection
    ) throws {
        var body = body
        let length = kind == .requestLongCall ? body.readInteger(endianness: .little, as: UInt64.self) : 0
        guard let length, let number = body.readInteger(endianness: .little, as: UInt32.self),
            let method = methods[number], let replica = method.replica(in: connection.hosted), replica.admit()
        else { return connection.send(.responseRefused, stream: stream) { _ in } }
        let reply = FramedReply(stream, connection, replica)
        guard connection.insert(reply) else {
            replica.finish()?()
            throw ServeError(.protocolViolation, "stream \(stream) was opened twice")
        }
        do {
            switch kind {
            case .requestHTTP: try reply.begin(http: &body, shared: shared)
            case .requestLongCall:
                return try reply.begin(longCall: method.target, firstPart: body, length: length)
            default: try reply.begin(call: body, method.target)
            }
        } catch {
            return reply.fail(error)
        }
        arrived.append(reply)
    }

    private func serveItems(_ frame: FrameDecoder.Frame, _ connection: PeerConnection) throws {
        var body = frame.body
        guard let (call, position) = body.readMultipleIntegers(endianness: .little, as: (UInt64, UInt32).self) else {
            throw ServeError(.protocolViolation, "a request for elements without its stream")
        }
        let reply = FramedReply(frame.stream, connection, nil)
        guard connection.insert(reply) else {
            throw ServeError(.protocolViolation, "stream \(frame.stream) was opened twice")
        }
        let owner = connection.owner(of: call) as? FramedCall
        if owner?.serve(Int(position), to: reply) == true { return }
        connection.remove(reply)
        connection.send(.responseRefused, stream: frame.stream) { _ in }
    }

    private func fetch(_ frame: FrameDecoder.Frame, _ connection: PeerConnection) throws {
        guard let number = Self.number(in: frame.body), let region = connection.hosted.kept.region(number) else {
            return connection.send(.responseRefused, stream: frame.stream) { _ in }
        }
        let reply = FramedReply(frame.stream, connection, nil)
        guard connection.insert(reply) else {
            throw ServeError(.protocolViolation, "stream \(frame.stream) was opened twice")
        }
        reply.send(region: region)
    }
}

/// A method that the peer has numbered.
private struct IncomingMethod {
    private let id: ReplicaID
    /// Empty for HTTP requests.
    let target: String

    init(_ body: ByteBuffer) throws {
        let parts = String(buffer: body).split(separator: "\0", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, let deployment = DeploymentID(String(parts[0])), let number = UInt64(parts[1]) else {
            throw ServeError(.protocolViolation, "a method without its replica")
        }
        self.id = ReplicaID(deployment: deployment, number: number)
        self.target = String(parts[2])
    }

    func replica(in replicas: HostedReplicas) -> HostedReplica? { replicas[id] }
}
