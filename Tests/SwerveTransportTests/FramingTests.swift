import NIOCore
import NIOEmbedded
import SwerveActors
import SwerveCore
import Synchronization
import Testing

@testable import SwerveTransport

/// Records what a connection reports.
final class Recorder: PeerDelegate {
    private let state = Mutex<(messages: [String], closed: [String])>(([], []))
    var messages: [String] { state.withLock { $0.messages } }
    /// The reasons why the connection was closed; more than one is a mistake.
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

/// A wire that takes everything and records it.
final class RecordingWire: Wire {
    let eventLoop: any EventLoop
    private let state = Mutex(State())
    private struct State {
        var sent = ByteBuffer()
        var isClosed = false
        var isWritingClosed = false
    }

    init(_ eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    func write(_ bytes: WireBytes) -> WireOutcome {
        state.withLock { state in
            for part in bytes.parts { state.sent.writeImmutableBuffer(part) }
            state.sent.writeImmutableBuffer(bytes.tail)
        }
        return .written(bytes.count)
    }
    func writeEventually(_ bytes: WireBytes, done: @escaping @Sendable () -> Void) {
        Issue.record("this wire is never full")
    }
    func closeWriting() {
        state.withLock { state in
            #expect(!state.isWritingClosed)
            state.isWritingClosed = true
        }
    }
    func close() { state.withLock { $0.isClosed = true } }

    var isClosed: Bool { state.withLock { $0.isClosed } }
    func takeSent() -> ByteBuffer {
        state.withLock { state in
            defer { state.sent = ByteBuffer() }
            return state.sent
        }
    }
}

/// One end of a connection; the test plays the other end.
struct TestPeer {
    let loop = EmbeddedEventLoop()
    let wire: RecordingWire
    let recorder = Recorder()
    let connection: PeerConnection

    init(_ hosted: HostedReplicas = HostedReplicas(.detached)) throws {
        wire = RecordingWire(loop)
        connection = PeerConnection(wire: wire, delegate: recorder, hosted: hosted)
    }

    func receive(_ bytes: some Sequence<UInt8>) {
        connection.received(ByteBuffer(bytes: bytes))
        connection.readComplete()
        loop.run()
    }

    /// The kinds of the frames that were sent.
    func sentKinds() throws -> [FrameKind?] {
        loop.run()
        var all = wire.takeSent()
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
        let published = PublishedReplica(id: replica, address: "/x", maxOngoingRequests: 3)
        let messages: [ControlMessage] = [
            .ready, .drained(replica), .initializationFailed(message: String(repeating: "long ", count: 30)),
            .publish(replica.deployment, [published], PoolOptions()), .probe,
            .load([replica.deployment: Load(queued: 1, ongoing: 2)]),
        ]
        let hello = Hello(replica: replica, processID: 42)
        let bytes = try frame(.hello, encoding: hello) + messages.flatMap { try frame(.control, encoding: $0) }
        return (bytes, ["hello 42"] + messages.map { "\($0)" })
    }

    @Test func framesMayBeCutAnywhere() throws {
        let (bytes, messages) = try conversation()
        for cut in 0...bytes.count {
            let peer = try TestPeer()
            peer.receive(bytes[..<cut])
            peer.receive(bytes[cut...])
            #expect(peer.recorder.messages == messages, "cut at \(cut)")
            #expect(peer.recorder.closed == [])
        }
    }

    @Test func framesMayComeByteByByteOrAllAtOnce() throws {
        let (bytes, messages) = try conversation()
        for size in [1, 2, 3, 5, 7, 11, 64, bytes.count] {
            let peer = try TestPeer()
            for start in stride(from: 0, to: bytes.count, by: size) {
                peer.receive(bytes[start..<min(start + size, bytes.count)])
            }
            #expect(peer.recorder.messages == messages, "in pieces of \(size)")
        }
    }

    @Test func aFrameAsLargeAsSeveralReadsIsPutTogether() throws {
        let peer = try TestPeer()
        let text = String(repeating: "x", count: 3 << 20)
        let bytes = try frame(.control, encoding: ControlMessage.initializationFailed(message: text))
        for start in stride(from: 0, to: bytes.count, by: 64 << 10) {
            peer.receive(bytes[start..<min(start + 64 << 10, bytes.count)])
        }
        #expect(peer.recorder.messages.map(\.count) == ["\(ControlMessage.initializationFailed(message: text))".count])
    }

    // MARK: Violations

    private func expectViolation(
        _ bytes: [UInt8],
        _ reason: String,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let peer = try TestPeer()
        // A good message after the bad one must be ignored.
        peer.receive(try bytes + frame(.control, encoding: ControlMessage.ready))
        peer.receive(try frame(.control, encoding: ControlMessage.ready))
        #expect(peer.recorder.messages == [], sourceLocation: sourceLocation)
        try #require(peer.recorder.closed.count == 1, sourceLocation: sourceLocation)
        #expect(peer.recorder.closed[0].contains(reason), "\(peer.recorder.closed)", sourceLocation: sourceLocation)
        #expect(peer.wire.isClosed, sourceLocation: sourceLocation)
        #expect(peer.connection.isClosed, sourceLocation: sourceLocation)
    }

    @Test func aFrameBeyondTheLimitClosesTheConnectionBeforeItsContentComes() throws {
        for (kind, limit) in [
            (FrameKind.requestCall, ConnectionLimits.maximumFrameBytes),
            (.control, ConnectionLimits.maximumControlBytes),
        ] {
            let tooLong = UInt32(limit + 1)
            let header = withUnsafeBytes(of: tooLong.littleEndian) { Array($0) } + [kind.rawValue]
            try expectViolation(header, "\(tooLong) bytes")
        }
    }

    @Test func aFrameShorterThanItsHeaderClosesTheConnection() throws {
        for length in 0..<9 as Range<UInt8> {
            try expectViolation([length, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0], "\(length) bytes")
        }
    }

    @Test func aFrameOfAnUnknownKindClosesTheConnection() throws {
        for kind in [0, UInt8(FrameKind.allCases.count + 1), 255] {
            var bytes = frame(.control)
            bytes[4] = kind
            try expectViolation(bytes, "kind \(kind)")
        }
    }

    @Test func anotherVersionOfTheProtocolClosesTheConnection() throws {
        var hello = Hello(replica: nil, processID: 1)
        hello.version = 99
        try expectViolation(frame(.hello, encoding: hello), "version 99")
    }

    @Test func aProgramKnowsItsBuild() {
        #expect(BuildID.own.description.count == 16)
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
            let peer = try TestPeer()
            for _ in 0..<20 {
                var bytes = frame(
                    FrameKind.allCases[random.next(below: FrameKind.allCases.count)],
                    stream: random.next()
                ) {
                    for _ in 0..<random.next(below: 60) { $0.writeInteger(UInt8(truncatingIfNeeded: random.next())) }
                }
                if random.next(below: 4) == 0 { bytes[random.next(below: bytes.count)] ^= 1 << random.next(below: 8) }
                peer.receive(bytes)
            }
            #expect(peer.recorder.closed.count <= 1, "seed \(seed)")
        }
    }

    // MARK: Streams

    @Test func aRequestForAReplicaThatIsNotHereIsRefused() throws {
        let peer = try TestPeer()
        peer.receive(frame(.define, stream: 1) { $0.writeString("a/D\07\0target") })
        peer.receive(frame(.requestCall, stream: 5) { $0.writeInteger(1 as UInt32, endianness: .little) })
        peer.receive(frame(.requestCall, stream: 6) { $0.writeInteger(99 as UInt32, endianness: .little) })
        peer.receive(frame(.requestHTTP, stream: 7))
        peer.receive(frame(.requestFetch, stream: 8))
        #expect(try peer.sentKinds() == [.responseRefused, .responseRefused, .responseRefused, .responseRefused])
        #expect(peer.recorder.closed == [])
    }

    @Test func answersAndDataOfUnknownStreamsAreDropped() throws {
        let peer = try TestPeer()
        for kind in [
            .requestData, .requestEnd, .requestCancel, .requestAccepted, .requestCredit, .responseCredit,
            .responseRefused, .responseValue, .responseLongValue, .responseKept, .responseFailure, .responseHTTP,
            .responseHead, .responseData, .responseEnd,
        ] as [FrameKind] {
            peer.receive(frame(kind, stream: .max))
            peer.receive(frame(kind, stream: 1))
        }
        #expect(peer.recorder.closed == [])
        #expect(try peer.sentKinds() == [])
    }

    @Test func framesOfOneTickLeaveTogetherInOrder() throws {
        let peer = try TestPeer()
        peer.connection.send(.ready)
        peer.connection.send(.responseValue, stream: 1, bytes: ByteBuffer(repeating: 1, count: 100_000))
        peer.connection.send(.probe)
        #expect(peer.wire.takeSent().readableBytes == 0)
        #expect(try peer.sentKinds() == [.control, .responseValue, .control])
    }

    @Test func aClosedConnectionSendsNothingAndOpensNothing() throws {
        let peer = try TestPeer()
        peer.connection.close(because: "a test wants it")
        peer.connection.close(because: "again")
        peer.connection.send(.ready)
        #expect(try peer.sentKinds() == [])
        #expect(peer.recorder.closed == ["a test wants it"])
        guard case .closed(let reason)? = peer.connection.open(.requestCall, NoOwner(), { _ in }) else {
            Issue.record("a stream was opened")
            return
        }
        #expect(reason == "a test wants it")
    }
}

private final class NoOwner: StreamOwner {
    let number = Atomic<UInt64>(0)
    func received(_ kind: FrameKind, _ body: ByteBuffer, shared: ByteBuffer?) throws {}
    func lost(started: Bool, reason: String) {}
}
