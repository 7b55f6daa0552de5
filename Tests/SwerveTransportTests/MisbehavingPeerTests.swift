import NIOCore
import SwerveActors
import SwerveCore
import SwerveReplica
import TestSupport
import Testing

@testable import SwerveTransport

/// Peers that break the protocol: they are cut off with a reason, their ongoing requests end exactly once, and nothing
/// is left over.
@Suite struct MisbehavingPeerTests {
    private let window = StreamLimits.window
    private let stream = RawPeer.stream(1)

    // MARK: Callers

    /// Lets a peer send frames to a process with a replica.
    ///
    /// - Parameter reason: why the peer is cut off; `nil` when it is not.
    private func expectCallerCutOff(
        _ reason: String?,
        sourceLocation: SourceLocation = #_sourceLocation,
        _ send: (RawPeer) async throws -> Void
    ) async throws {
        let (hosted, gate) = (HostedReplicas(.detached), Gate())
        let replica = hosted.addIngress(gate)
        let (peer, connection, recorder) = try await RawPeer.connected(hosted)
        try await peer.define(1, TestIngress.id)
        try await peer.define(2, TestIngress.id, target: "echo(_:)")
        try await send(peer)
        if reason == nil {
            // The peer's other requests are still answered.
            let other = RawPeer.stream(99, slot: 99)
            try await peer.request("/whole", stream: other, body: ByteBuffer(string: "still there"))
            while let frame = try await peer.next(), frame.stream != other {}
            #expect(!peer.isEnded, "\(recorder.closed)", sourceLocation: sourceLocation)
            peer.close()
        }
        try await eventually("it is disconnected", sourceLocation) { recorder.closed.count == 1 }
        #expect(recorder.closed[0].contains(reason ?? "ended"), "\(recorder.closed)", sourceLocation: sourceLocation)
        if reason != nil { #expect(try await peer.isCutOff(), sourceLocation: sourceLocation) }
        gate.open()
        try await eventually("nothing is left over: \(connection.load), \(replica.ongoing)", sourceLocation) {
            connection.load == (0, 0, 0) && replica.ongoing == 0
        }
        #expect(hosted.assembledBytes == 0, sourceLocation: sourceLocation)
        #expect(recorder.closed.count == 1, sourceLocation: sourceLocation)
    }

    private func longCall(_ peer: RawPeer, length: Int, first: Int, method: UInt32 = 2) async throws {
        try await peer.send(.requestLongCall, stream: stream) {
            $0.writeInteger(UInt64(length), endianness: .little)
            $0.writeInteger(method, endianness: .little)
            $0.writeRepeatingByte(0, count: first)
        }
    }

    @Test func `a caller that says hello twice`() async throws {
        try await expectCallerCutOff("a second hello") { peer in
            for _ in 0..<2 {
                try await peer.send(.hello) { body in
                    let writer = BinaryWriter(body)
                    try writer.region(Hello(replica: nil, processID: 1))
                    body = writer.buffer
                }
            }
        }
    }

    @Test func `a caller that sends more than a window ahead of the reader`() async throws {
        try await expectCallerCutOff("more of a body than its credit allows") { peer in
            try await peer.request("/gate", stream: stream)
            for _ in 0..<4 { try await peer.send(.requestData, stream: stream, bytes: window / 4) }
            try await peer.send(.requestData, stream: stream, bytes: 1)
        }
    }

    @Test func `a caller that sends a whole body of one byte more than a window`() async throws {
        try await expectCallerCutOff("more of a body than its credit allows") { peer in
            try await peer.request("/gate", stream: stream)
            try await peer.send(.requestEnd, stream: stream, bytes: window + 1)
        }
    }

    @Test func `a caller that reports more of an answer as taken than was sent`() async throws {
        try await expectCallerCutOff("more of an answer as taken than was sent") { peer in
            try await peer.request("/gate", stream: stream)
            try await peer.sendCredit(.responseCredit, stream: stream, 1)
        }
    }

    @Test func `a caller that begins a stream twice, or two in one slot`() async throws {
        for second in [stream, RawPeer.stream(2)] {
            try await expectCallerCutOff("was opened twice") { peer in
                try await peer.request("/gate", stream: stream)
                try await peer.request("/gate", stream: second)
            }
        }
    }

    @Test func `a caller that sends more or less of a long call than announced`() async throws {
        try await expectCallerCutOff("announced length") { peer in
            try await longCall(peer, length: 100, first: 50)
            try await peer.send(.requestData, stream: stream, bytes: 51)
        }
        try await expectCallerCutOff("its announced length") { peer in
            try await longCall(peer, length: 100, first: 50)
            try await peer.send(.requestEnd, stream: stream, bytes: 49)
        }
    }

    @Test func `a caller that sends a part of a long call that is larger than a window`() async throws {
        try await expectCallerCutOff("more of a body than its credit allows") { peer in
            try await longCall(peer, length: 3 * window, first: 50)
            try await peer.send(.requestData, stream: stream, bytes: window + 1)
        }
    }

    /// Such a call fails, but the connection stays open.
    @Test func `a long call with an impossible beginning`() async throws {
        try await expectCallerCutOff(nil) { try await longCall($0, length: 50, first: 50) }
        try await expectCallerCutOff(nil) { try await longCall($0, length: .max, first: 50) }
        try await expectCallerCutOff(nil) { try await longCall($0, length: 3 * window, first: window + 1) }
        try await expectCallerCutOff(nil) { try await longCall($0, length: 100, first: 50, method: 77) }
    }

    @Test func `a long call for which there is no room is refused, and gives back its place`() async throws {
        let hosted = HostedReplicas(.detached)
        let replica = hosted.addIngress()
        #expect(hosted.reserve(ConnectionLimits.maximumAssembledBytes))
        let (peer, connection, recorder) = try await RawPeer.connected(hosted)
        try await peer.define(2, TestIngress.id, target: "echo(_:)")
        try await longCall(peer, length: 100, first: 50)
        #expect(try await peer.expect(.responseRefused).stream == stream)
        #expect(replica.ongoing == 0)
        #expect(connection.load == (0, 0, 0))
        #expect(recorder.closed == [])
        hosted.giveBack(ConnectionLimits.maximumAssembledBytes)
    }

    /// Frames after a long call's last byte, or of a stream that is over, are allowed: they may have been on their way.
    @Test func `frames of streams that are over`() async throws {
        try await expectCallerCutOff(nil) { peer in
            try await longCall(peer, length: 100, first: 50)
            try await peer.send(.requestEnd, stream: stream, bytes: 50)
            try await peer.send(.requestEnd, stream: stream, bytes: 50)
            try await peer.send(.requestData, stream: stream, bytes: 50)
            try await peer.send(.requestCancel, stream: stream)
            try await peer.send(.requestCancel, stream: RawPeer.stream(5, slot: 1_000_000))
        }
    }

    @Test func `a caller that resets the connection in the middle of a frame`() async throws {
        let hosted = HostedReplicas(.detached)
        let replica = hosted.addIngress()
        let (peer, connection, recorder) = try await RawPeer.connected(hosted)
        try await peer.define(1, TestIngress.id)
        try await peer.request("/echo", stream: stream)
        // The unread answer makes the end a reset.
        try await eventually("the request has begun") { connection.load.incoming == 1 && connection.load.bytes == 0 }
        try await peer.send(
            Array(frame(.requestData, stream: stream) { $0.writeRepeatingByte(1, count: 1_000) }.prefix(500))
        )
        peer.close()
        try await eventually("the end is noticed once") { recorder.closed.count == 1 }
        try await eventually("nothing is left over") { connection.load == (0, 0, 0) && replica.ongoing == 0 }
    }

    @Test func `a caller that sends byte by byte is served like any other`() async throws {
        let hosted = HostedReplicas(.detached)
        hosted.addIngress()
        let (peer, connection, recorder) = try await RawPeer.connected(hosted)
        var bytes = frame(.define, stream: 1) { $0.writeString("\(TestIngress.id.deployment)\01\0") }
        let request = ReplicaRequest(head: .post("/whole"), body: nil, deadline: nil)
        bytes += frame(.requestHTTP, stream: stream) { HTTPFrames.write(request, method: 1, now: .now(), to: &$0) }
        bytes += frame(.requestData, stream: stream) { $0.writeString("byte by ") }
        bytes += frame(.requestEnd, stream: stream) { $0.writeString("byte") }
        for byte in bytes { try await peer.send([byte]) }
        _ = try await peer.expect(.requestAccepted)
        var answer = try await peer.next()
        while answer?.kind == .requestCredit { answer = try await peer.next() }
        var body = try #require(answer?.kind == .responseHTTP ? answer?.body : nil)
        let (head, _) = try HTTPFrames.readResponse(&body)
        #expect(head.status == 200)
        #expect(String(buffer: body) == "byte by byte")
        #expect(recorder.closed == [])
        connection.close(because: "the test is over")
    }

    // MARK: Replicas

    /// Lets a peer answer an HTTP request or a call through a handle.
    private func expectReplicaCutOff(
        _ reason: String,
        http: Bool,
        body: Int = 10,
        sourceLocation: SourceLocation = #_sourceLocation,
        _ answer: (RawPeer, UInt64) async throws -> Void
    ) async throws {
        let (peer, connection, recorder) = try await RawPeer.connected()
        let replica = RemoteReplica(TestIngress.id, [connection])
        let client = SeamClient(body: pattern(body), isReading: false)
        let call = http ? nil : Task { await replica.call(OutgoingCall(target: "x", arguments: Arguments())) }
        if http { try await client.begin(replica, "/x") }
        _ = try await peer.expect(.define)
        try await answer(peer, try await peer.expect(http ? .requestHTTP : .requestCall).stream)
        try await eventually("it is disconnected", sourceLocation) { recorder.closed.count == 1 }
        #expect(recorder.closed[0].contains(reason), "\(recorder.closed)", sourceLocation: sourceLocation)
        #expect(try await peer.isCutOff(), sourceLocation: sourceLocation)
        if http {
            await client.ended()
            #expect(client.end == "lost", "\(client.events)", sourceLocation: sourceLocation)
        } else if let call {
            switch await call.value {
            case .lost(started: true, _): break
            case .result(.stream(let result)): result.stream.open.abandon()
            default: Issue.record("the call was not lost", sourceLocation: sourceLocation)
            }
        }
        try await eventually("nothing is left: \(connection.load)", sourceLocation) { connection.load == (0, 0, 0) }
    }

    private func head(_ status: UInt16 = 200, contentLength: Int? = nil, to frame: inout ByteBuffer) {
        HTTPFrames.write(
            ResponseHead(status: status, headerBlock: ByteBuffer()),
            contentLength: contentLength,
            to: &frame
        )
    }

    @Test func `a replica that reports more of a body as taken than was sent`() async throws {
        try await expectReplicaCutOff("more of a request as taken than was sent", http: true) { peer, stream in
            try await peer.sendCredit(.requestCredit, stream: stream, 1)
        }
        try await expectReplicaCutOff("more of a request as taken than was sent", http: true) { peer, stream in
            try await peer.send(.requestAccepted, stream: stream)
            var count = 0
            while let frame = try await peer.next() {
                count += frame.body.readableBytes
                if frame.kind == .requestEnd { break }
            }
            #expect(count == 10)
            try await peer.sendCredit(.requestCredit, stream: stream, 11)
        }
    }

    @Test func `a replica that sends more than a window ahead of the reader`() async throws {
        try await expectReplicaCutOff("more of an answer than its credit allows", http: true) { peer, stream in
            try await peer.send(.responseHead, stream: stream) { head(to: &$0) }
            for _ in 0..<4 { try await peer.send(.responseData, stream: stream, bytes: window / 4) }
            try await peer.send(.responseData, stream: stream, bytes: 1)
        }
        try await expectReplicaCutOff("more of an answer than its credit allows", http: false) { peer, stream in
            try await peer.send(.responseLongValue, stream: stream) {
                $0.writeInteger(UInt64(1 << 24), endianness: .little)
            }
            try await peer.send(.responseData, stream: stream, bytes: window + 1)
        }
    }

    @Test func `a replica that sends more of a stream than a window ahead of the reader`() async throws {
        try await expectReplicaCutOff("more of an answer than its credit allows", http: false) { peer, stream in
            try await peer.send(.responseItems, stream: stream) { $0.writeInteger(10 as UInt32, endianness: .little) }
            for _ in 0..<4 { try await peer.send(.responseData, stream: stream, bytes: window / 4) }
            try await peer.send(.responseData, stream: stream, bytes: 1)
        }
    }

    @Test func `a replica whose stream has no limit or holds another kind of frame`() async throws {
        try await expectReplicaCutOff("without its limit", http: false) { peer, stream in
            try await peer.send(.responseItems, stream: stream, bytes: 3)
        }
        try await expectReplicaCutOff("within a stream of elements", http: false) { peer, stream in
            try await peer.send(.responseItems, stream: stream) { $0.writeInteger(10 as UInt32, endianness: .little) }
            try await peer.send(.responseHead, stream: stream, bytes: 3)
        }
    }

    @Test func `a caller that asks for the elements of a call that is not ongoing`() async throws {
        try await expectCallerCutOff(nil) { peer in
            try await peer.send(.requestItems, stream: stream) {
                $0.writeMultipleIntegers(RawPeer.stream(77), 0 as UInt32, endianness: .little)
            }
            #expect(try await peer.next()?.kind == .responseRefused)
        }
    }

    @Test(arguments: [.responseValue, .responseLongValue, .responseKept, .define] as [FrameKind])
    func `a replica that answers an HTTP request with another kind of frame`(kind: FrameKind) async throws {
        let isAnswer = kind != .define
        try await expectReplicaCutOff(isAnswer ? "an HTTP request was answered with" : "a method", http: true) {
            try await $0.send(kind, stream: $1)
        }
    }

    @Test(arguments: [.responseHTTP, .responseHead, .requestAccepted] as [FrameKind])
    func `a replica that answers a call with another kind of frame`(kind: FrameKind) async throws {
        try await expectReplicaCutOff("a call was answered with", http: false) { try await $0.send(kind, stream: $1) }
    }

    @Test func `a replica whose answer has an unreadable head`() async throws {
        for kind in [FrameKind.responseHTTP, .responseHead] {
            try await expectReplicaCutOff("truncated", http: true) { try await $0.send(kind, stream: $1, bytes: 3) }
            try await expectReplicaCutOff("truncated", http: true) { peer, stream in
                try await peer.send(kind, stream: stream) { head(700, to: &$0) }
            }
        }
    }

    @Test func `a replica whose long value is longer or shorter than announced`() async throws {
        func begin(_ peer: RawPeer, _ stream: UInt64) async throws {
            try await peer.send(.responseLongValue, stream: stream) {
                $0.writeInteger(100 as UInt64, endianness: .little)
                $0.writeRepeatingByte(1, count: 60)
            }
        }
        try await expectReplicaCutOff("its announced length", http: false) { peer, stream in
            try await begin(peer, stream)
            try await peer.send(.responseData, stream: stream, bytes: 41)
        }
        try await expectReplicaCutOff("its announced length", http: false) { peer, stream in
            try await begin(peer, stream)
            try await peer.send(.responseEnd, stream: stream, bytes: 39)
        }
    }

    @Test func `a replica whose long value has no length or one beyond the limit`() async throws {
        try await expectReplicaCutOff("without its length", http: false) { peer, stream in
            try await peer.send(.responseLongValue, stream: stream, bytes: 7)
        }
        try await expectReplicaCutOff("without its length", http: false) { peer, stream in
            try await peer.send(.responseLongValue, stream: stream) {
                $0.writeInteger(UInt64(StreamLimits.maximumValueBytes + 1), endianness: .little)
            }
        }
    }

    @Test(arguments: [.responseData, .responseEnd] as [FrameKind])
    func `a replica that sends parts of a long value without its beginning`(kind: FrameKind) async throws {
        try await expectReplicaCutOff("a long value", http: false) { try await $0.send(kind, stream: $1, bytes: 5) }
    }

    @Test func `a replica that keeps a result without saying where`() async throws {
        try await expectReplicaCutOff("without its number", http: false) { peer, stream in
            try await peer.send(.responseKept, stream: stream, bytes: 15)
        }
    }

    @Test func `a replica that keeps a result that it should send`() async throws {
        let (peer, connection, _) = try await RawPeer.connected()
        let id = DeploymentID(application: "sockets", deployment: "kept where it may not be")
        let replica = ReplicaID(deployment: id, number: 1)
        let member = Pool.Member(RemoteReplica(replica, [connection]), maxOngoingRequests: 100)
        ServeSystem.detached.pools.pool(id).update([member], options: PoolOptions())
        let handle = ServeSystem.detached.handle(Echo.self, id)
        let call = Task { try await handle.echo("x") }
        _ = try await peer.expect(.define)
        let stream = try await peer.expect(.requestCall).stream
        try await peer.send(.responseKept, stream: stream) {
            $0.writeMultipleIntegers(1 as UInt64, 10 as UInt64, endianness: .little)
            $0.writeString("/nowhere")
        }
        let error = await #expect(throws: ServeError.self) { _ = try await call.value }
        #expect(error?.code == .protocolViolation)
        connection.close(because: "the test is over")
    }
}
