import NIOCore
import NIOEmbedded
import SwerveActors
import SwerveCore
import Synchronization
import Testing

@testable import SwerveTransport

/// Writes down what a connection tells it.
final class Recorder: PeerDelegate {
    private let state = Mutex<(messages: [String], closed: [String])>(([], []))
    var messages: [String] { state.withLock { $0.messages } }
    /// Why the connection was closed; more than one entry is a mistake.
    var closed: [String] { state.withLock { $0.closed } }

    func received(_ hello: Hello, on connection: PeerConnection) {
        state.withLock { $0.messages.append("hello \(hello.processID)") }
    }
    func received(_ message: ControlMessage, on connection: PeerConnection) {
        state.withLock { $0.messages.append("\(message)") }
    }
    func closed(_ connection: PeerConnection, reason: String) {
        state.withLock { $0.closed.append(reason) }
    }
}

/// One end of a connection whose other end is the test.
struct Wire {
    let channel = EmbeddedChannel()
    let recorder = Recorder()
    let connection: PeerConnection

    init() throws {
        connection = PeerConnection(channel: channel, socket: -1, delegate: recorder, hosted: HostedReplicas())
        try channel.pipeline.syncOperations.addHandler(PeerHandler(connection))
        try channel.connect(to: SocketAddress(unixDomainSocketPath: "/test")).wait()
    }

    func receive(_ bytes: some Sequence<UInt8>) {
        // What comes after the end of a connection is nobody's concern.
        guard channel.isActive else { return }
        _ = try? channel.writeInbound(ByteBuffer(bytes: bytes))
    }

    /// The kinds of the frames that were sent.
    func sentKinds() throws -> [FrameKind?] {
        channel.embeddedEventLoop.run()
        var all = ByteBuffer()
        while var part = try channel.readOutbound(as: ByteBuffer.self) { all.writeBuffer(&part) }
        var kinds: [FrameKind?] = []
        while let length: UInt32 = all.readInteger(endianness: .little), var frame = all.readSlice(length: Int(length))
        {
            kinds.append(frame.readInteger(as: UInt8.self).flatMap(FrameKind.init))
        }
        return kinds
    }
}

func frame(_ kind: FrameKind, stream: UInt64 = 0) -> [UInt8] {
    frame(kind, stream: stream) { _ in }
}

func frame(_ kind: FrameKind, stream: UInt64 = 0, _ content: (inout ByteBuffer) throws -> Void) rethrows -> [UInt8] {
    var frame = Frame.open()
    try content(&frame)
    Frame.close(&frame, kind: kind, stream: stream)
    return Array(frame.readableBytesView)
}

func frame(_ kind: FrameKind, encoding value: some Encodable) throws -> [UInt8] {
    try frame(kind) { bytes in
        let writer = BinaryWriter(bytes)
        try writer.region(value)
        bytes = writer.buffer
    }
}

@Suite struct FramingTests {
    private let replica = ReplicaID(deployment: DeploymentID(application: "a", deployment: "D"), number: 7)

    private func conversation() throws -> (bytes: [UInt8], messages: [String]) {
        let messages: [ControlMessage] = [
            .ready, .drained(replica), .initializationFailed(message: String(repeating: "long ", count: 30)),
            .publish(replica.deployment, [PublishedReplica(id: replica, address: "/x")], DeploymentOptions()), .probe,
        ]
        let hello = Hello(replica: replica, processID: 42, boardPath: nil, boardSlot: 0)
        let bytes = try frame(.hello, encoding: hello) + messages.flatMap { try frame(.control, encoding: $0) }
        return (bytes, ["hello 42"] + messages.map { "\($0)" })
    }

    @Test func framesMayBeCutAnywhere() throws {
        let (bytes, messages) = try conversation()
        for cut in 0...bytes.count {
            let wire = try Wire()
            wire.receive(bytes[..<cut])
            wire.receive(bytes[cut...])
            #expect(wire.recorder.messages == messages, "cut at \(cut)")
            #expect(wire.recorder.closed == [])
        }
    }

    @Test func framesMayComeByteByByteOrAllAtOnce() throws {
        let (bytes, messages) = try conversation()
        for size in [1, 2, 3, 5, 7, 11, 64, bytes.count] {
            let wire = try Wire()
            for start in stride(from: 0, to: bytes.count, by: size) {
                wire.receive(bytes[start..<min(start + size, bytes.count)])
            }
            #expect(wire.recorder.messages == messages, "in pieces of \(size)")
        }
    }

    @Test func aFrameAsLargeAsSeveralReadsIsPutTogether() throws {
        let wire = try Wire()
        let text = String(repeating: "x", count: 3 << 20)
        let bytes = try frame(.control, encoding: ControlMessage.initializationFailed(message: text))
        for start in stride(from: 0, to: bytes.count, by: 64 << 10) {
            wire.receive(bytes[start..<min(start + 64 << 10, bytes.count)])
        }
        #expect(wire.recorder.messages.map(\.count) == ["\(ControlMessage.initializationFailed(message: text))".count])
    }

    // MARK: Violations

    private func expectViolation(
        _ bytes: [UInt8],
        _ reason: String,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let wire = try Wire()
        // A good message behind the bad one must not be listened to.
        wire.receive(try bytes + frame(.control, encoding: ControlMessage.ready))
        wire.receive(try frame(.control, encoding: ControlMessage.ready))
        #expect(wire.recorder.messages == [], sourceLocation: sourceLocation)
        try #require(wire.recorder.closed.count == 1, sourceLocation: sourceLocation)
        #expect(wire.recorder.closed[0].contains(reason), "\(wire.recorder.closed)", sourceLocation: sourceLocation)
        #expect(!wire.channel.isActive, sourceLocation: sourceLocation)
        #expect(wire.connection.isClosed, sourceLocation: sourceLocation)
    }

    @Test func aFrameBeyondTheLimitClosesTheConnectionBeforeItsContentComes() throws {
        let tooLong = UInt32(ConnectionLimits.maximumFrameBytes + 1)
        try expectViolation(withUnsafeBytes(of: tooLong.littleEndian) { Array($0) }, "\(tooLong) bytes")
        try expectViolation([255, 255, 255, 255], "bytes")
    }

    @Test func aFrameShorterThanItsHeaderClosesTheConnection() throws {
        for length in 0..<9 as Range<UInt8> {
            try expectViolation([length, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0], "\(length) bytes")
        }
    }

    @Test func aFrameOfAnUnknownKindClosesTheConnection() throws {
        for kind in [0, 21, 255] as [UInt8] {
            var bytes = frame(.control)
            bytes[4] = kind
            try expectViolation(bytes, "kind \(kind)")
        }
    }

    @Test func anotherVersionOfTheProtocolClosesTheConnection() throws {
        var hello = Hello(replica: nil, processID: 1, boardPath: nil, boardSlot: 0)
        hello.version = 3
        try expectViolation(frame(.hello, encoding: hello), "version 3")
    }

    @Test func messagesThatCannotBeReadCloseTheConnection() throws {
        try expectViolation(frame(.control) { $0.writeBytes([1, 2, 3]) }, "malformed")
        try expectViolation(frame(.hello), "malformed")
        try expectViolation(frame(.define) { $0.writeString("no zeros") }, "method")
        try expectViolation(frame(.define) { $0.writeString("app/D\0not a number\0target") }, "method")
    }

    @Test func randomBytesCloseTheConnectionAndNeverTrap() throws {
        for seed in 0..<300 as Range<UInt64> {
            var random = SplitMix64(seed: seed)
            let wire = try Wire()
            for _ in 0..<20 {
                var bytes = frame(
                    FrameKind(rawValue: UInt8(1 + random.next(below: 17))) ?? .hello,
                    stream: random.next()
                ) {
                    for _ in 0..<random.next(below: 60) { $0.writeInteger(UInt8(truncatingIfNeeded: random.next())) }
                }
                if random.next(below: 4) == 0 { bytes[random.next(below: bytes.count)] ^= 1 << random.next(below: 8) }
                wire.receive(bytes)
            }
            #expect(wire.recorder.closed.count <= 1, "seed \(seed)")
        }
    }

    // MARK: Streams

    @Test func aRequestForAReplicaThatIsNotHereIsRefused() throws {
        let wire = try Wire()
        wire.receive(frame(.define, stream: 1) { $0.writeString("a/D\07\0target") })
        wire.receive(frame(.requestCall, stream: 5) { $0.writeInteger(1 as UInt32, endianness: .little) })
        wire.receive(frame(.requestCall, stream: 6) { $0.writeInteger(99 as UInt32, endianness: .little) })
        wire.receive(frame(.requestHTTP, stream: 7))
        #expect(try wire.sentKinds() == [.responseRefused, .responseRefused, .responseRefused])
        #expect(wire.recorder.closed == [])
    }

    @Test func answersAndDataOfUnknownStreamsAreDropped() throws {
        let wire = try Wire()
        for kind in [
            .responseValue, .responseFailure, .responseData, .responseEnd, .responseCredit, .requestData, .requestEnd,
            .requestCancel, .requestCredit, .responseHTTP,
        ] as [FrameKind] {
            wire.receive(frame(kind, stream: .max))
            wire.receive(frame(kind, stream: 1))
        }
        #expect(wire.recorder.closed == [])
        #expect(try wire.sentKinds() == [])
    }

    @Test func framesOfOneTickLeaveTogetherInOrder() throws {
        let wire = try Wire()
        wire.connection.send(.ready)
        wire.connection.send(
            .responseValue,
            stream: 1,
            Frame.open(),
            trailing: ByteBuffer(repeating: 1, count: 100_000)
        )
        wire.connection.send(.probe)
        #expect(try wire.sentKinds() == [.control, .responseValue, .control])
    }

    @Test func aClosedConnectionSendsNothingAndOpensNothing() throws {
        let wire = try Wire()
        wire.connection.close(because: "a test wants it")
        wire.connection.close(because: "again")
        wire.connection.send(.ready)
        #expect(try wire.sentKinds() == [])
        #expect(wire.recorder.closed == ["a test wants it"])
        guard case .failure(.closed(let reason)) = wire.connection.open(.requestCall, Frame.open(), owner: NoOwner())
        else {
            Issue.record("a stream was opened")
            return
        }
        #expect(reason == "a test wants it")
    }
}

private final class NoOwner: StreamOwner {
    func received(_ kind: FrameKind, _ body: ByteBuffer, on connection: PeerConnection) {}
    func connectionLost(started: Bool, reason: String) {}
}
