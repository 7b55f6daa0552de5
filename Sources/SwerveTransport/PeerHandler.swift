internal import NIOCore
internal import SwerveActors
internal import SwerveCore
internal import Synchronization

/// Cuts the byte stream of a connection into frames and hands them on.
final class PeerHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let connection: PeerConnection
    /// The beginning of a frame whose rest has not come.
    private var partial = ByteBuffer()
    private var methods: [UInt32: IncomingMethod] = [:]
    private var batch: [IncomingStream] = []

    init(_ connection: PeerConnection) {
        self.connection = connection
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        if partial.readableBytes > 0 {
            partial.writeBuffer(&bytes)
            bytes = partial
            partial = ByteBuffer()
        }
        while let length = bytes.getInteger(at: bytes.readerIndex, endianness: .little, as: UInt32.self) {
            guard length >= Frame.headerBytes - Frame.lengthBytes, length <= ConnectionLimits.maximumFrameBytes else {
                return violation("a frame of \(length) bytes")
            }
            guard bytes.readableBytes >= Frame.lengthBytes + Int(length) else { break }
            bytes.moveReaderIndex(forwardBy: Frame.lengthBytes)
            guard let kind: UInt8 = bytes.readInteger(), let stream: UInt64 = bytes.readInteger(endianness: .little),
                let body = bytes.readSlice(length: Int(length) - (Frame.headerBytes - Frame.lengthBytes))
            else { return violation("a frame without its header") }
            guard let kind = FrameKind(rawValue: kind) else { return violation("a frame of kind \(kind)") }
            do {
                try handle(kind, stream, body)
            } catch {
                return violation("\(error)")
            }
        }
        keep(bytes)
    }

    /// Keeps the rest in a buffer that has room for the whole frame, so that a large one is copied once.
    private func keep(_ bytes: ByteBuffer) {
        guard bytes.readableBytes > 0 else { return }
        let length = bytes.getInteger(at: bytes.readerIndex, endianness: .little, as: UInt32.self).map(Int.init) ?? 0
        // The length is the peer's word: room is made for a part of it only, and more as it comes.
        let needed = max(bytes.readableBytes, min(length + Frame.lengthBytes, 16 << 20))
        if bytes.storageCapacity - bytes.readerIndex >= needed {
            partial = bytes
            return
        }
        partial = ByteBufferAllocator().buffer(capacity: needed)
        partial.writeImmutableBuffer(bytes)
    }

    private func handle(_ kind: FrameKind, _ stream: UInt64, _ body: ByteBuffer) throws {
        switch kind {
        case .hello:
            let hello = try BinaryReader(body, system: .current).nextRegion(Hello.self)
            guard hello.version == Hello.currentVersion else {
                throw ServeError(.protocolViolation, "protocol version \(hello.version), not \(Hello.currentVersion)")
            }
            connection.delegate.received(hello, on: connection)
        case .control:
            let message = try BinaryReader(body, system: .current).nextRegion(ControlMessage.self)
            connection.delegate.received(message, on: connection)
        case .define:
            guard methods.count < Self.maximumMethods else { throw ServeError(.protocolViolation, "too many methods") }
            methods[UInt32(truncatingIfNeeded: stream)] = try IncomingMethod(body)
        case .requestCall, .requestHTTP:
            begin(kind, stream, body)
        case .requestData, .requestEnd, .requestCancel, .responseCredit:
            connection.incoming.withLock { $0[stream] }?.received(kind, body)
        case .requestKept: sendKept(stream, body)
        case .requestRelease:
            if let number = Self.number(in: body) { connection.hosted.kept.release(number, by: connection) }
        case .requestCredit, .responseValue, .responseFailure, .responseRefused, .responseHTTP, .responseData,
            .responseEnd, .responseAbort, .responseKept:
            connection.receivedResponse(kind, stream: stream, body)
        }
    }

    private static let maximumMethods = 1 << 16

    private static func number(in body: ByteBuffer) -> UInt64? {
        body.getInteger(at: body.readerIndex, endianness: .little, as: UInt64.self)
    }

    private func sendKept(_ stream: UInt64, _ body: ByteBuffer) {
        guard let number = Self.number(in: body), let region = connection.hosted.kept.region(number) else {
            return connection.send(.responseRefused, stream: stream)
        }
        connection.send(.responseValue, stream: stream, Frame.open(capacity: 0), trailing: region)
    }

    private func begin(_ kind: FrameKind, _ stream: UInt64, _ body: ByteBuffer) {
        var body = body
        guard let number = body.readInteger(endianness: .little, as: UInt32.self), let method = methods[number],
            let replica = method.replica(in: connection.hosted), replica.admit()
        else { return connection.send(.responseRefused, stream: stream) }
        let incoming: IncomingStream
        do {
            incoming = try IncomingStream(stream, kind, body, target: method.target, replica: replica, connection)
        } catch {
            replica.finish()?()
            return connection.send(.responseFailure, stream: stream, Failures.encode(error, thrownBy: replica.id))
        }
        guard connection.incoming.withLock({ $0.insert(incoming) }) else {
            replica.finish()?()
            return violation("the stream \(stream) was begun twice")
        }
        connection.openIncoming.add(1, ordering: .relaxed)
        batch.append(incoming)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        guard let last = batch.last else { return }
        connection.noteStarted(last.stream)
        connection.start(batch)
        batch.removeAll(keepingCapacity: true)
    }

    func channelInactive(context: ChannelHandlerContext) {
        connection.markClosed("its process ended")
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        connection.close(because: "the connection failed: \(error)")
    }

    private func violation(_ what: String) {
        connection.close(because: "the peer broke the protocol: \(what)")
    }
}

/// A method that the peer gave a number to.
final class IncomingMethod {
    private let id: ReplicaID
    /// Empty for HTTP requests.
    let target: String
    private var hosted: HostedReplica?

    init(_ body: ByteBuffer) throws {
        let parts = String(buffer: body).split(separator: "\0", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, let deployment = DeploymentID(String(parts[0])), let number = UInt64(parts[1]) else {
            throw ServeError(.protocolViolation, "a method without its replica")
        }
        self.id = ReplicaID(deployment: deployment, number: number)
        self.target = String(parts[2])
    }

    func replica(in replicas: HostedReplicas) -> HostedReplica? {
        if let hosted { return hosted }
        hosted = replicas[id]
        return hosted
    }
}
