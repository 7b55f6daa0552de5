import NIOCore
import SwerveActors
import SwerveCore
import SwerveReplica
import TestSupport
import Testing

@testable import SwerveTransport

/// Peers that stop reading for a while: the bytes held for them stay within the windows, and all of them arrive in the
/// end.
@Suite struct StalledPeerTests {
    private let window = StreamLimits.window
    /// The bytes that may be held in addition to a window of content: heads of frames.
    private let slack = 16 << 10

    private func accept(_ peer: RawPeer) async throws -> UInt64 {
        _ = try await peer.expect(.define)
        let stream = try await peer.expect(.requestHTTP).stream
        try await peer.send(.requestAccepted, stream: stream)
        return stream
    }

    /// Takes the parts of a body as they arrive, and sends credit for them if `telling` is a kind of frame.
    private func take(
        _ count: Int,
        _ kinds: [FrameKind],
        from peer: RawPeer,
        into bytes: inout ByteBuffer,
        telling: FrameKind?
    ) async throws {
        while bytes.readableBytes < count {
            let frame = try #require(try await peer.next())
            try #require(kinds.contains(frame.kind), "\(frame.kind)")
            bytes.writeImmutableBuffer(frame.body)
            if let telling { try await peer.sendCredit(telling, stream: frame.stream, frame.body.readableBytes) }
        }
    }

    @Test func `at most a window of a body leaves while the peer takes nothing, and the rest when it does`()
        async throws
    {
        let (peer, connection, recorder) = try await RawPeer.connected(small: true)
        let body = pattern(4 * window + 5)
        let client = SeamClient(body: body, part: window)
        try await client.begin(RemoteReplica(TestIngress.id, [connection]), "/x")
        let stream = try await accept(peer)
        // The peer does not even read its socket.
        try await eventually("a window has left the client") { client.unsent == body.readableBytes - window }
        #expect(connection.load.bytes <= window + slack)
        // The peer reads its socket, but sends no credit.
        var taken = ByteBuffer()
        try await take(window, [.requestData], from: peer, into: &taken, telling: nil)
        #expect(taken.readableBytes == window)
        #expect(connection.load.bytes == 0)
        #expect(client.unsent == body.readableBytes - window)
        // The peer continues.
        try await peer.sendCredit(.requestCredit, stream: stream, window)
        try await take(
            body.readableBytes,
            [.requestData, .requestEnd],
            from: peer,
            into: &taken,
            telling: .requestCredit
        )
        #expect(taken == body)
        try await peer.send(.responseHTTP, stream: stream) {
            HTTPFrames.write(ResponseHead(status: 200, headerBlock: ByteBuffer()), contentLength: 0, to: &$0)
        }
        await client.ended()
        #expect(client.end == "response", "\(client.events), \(recorder.closed)")
        try await eventually("nothing is left over") { connection.load == (0, 0, 0) }
    }

    @Test func `a caller that takes nothing gets at most a window of each answer`() async throws {
        let hosted = HostedReplicas(.detached)
        let replica = hosted.addIngress()
        let (peer, connection, recorder) = try await RawPeer.connected(hosted, small: true)
        let (size, streams) = (3 * window + 7, 4)
        try await peer.define(1, TestIngress.id)
        for number in 1...streams {
            try await peer.request(
                "/download/\(size)/30000",
                stream: RawPeer.stream(UInt64(number), slot: UInt64(number)),
                body: ByteBuffer()
            )
        }
        try await eventually("all are ongoing") { connection.load.incoming == streams }
        // Nobody reads until nothing more is written.
        var last = -1
        try await eventually("the answers wait") {
            defer { last = connection.load.bytes }
            return last > 0 && last == connection.load.bytes
        }
        #expect(connection.load.bytes <= streams * (window + slack))
        var taken = [UInt64: ByteBuffer]()
        var heads = 0
        func isStalled() -> Bool { taken.count == streams && taken.values.allSatisfy { $0.readableBytes >= window } }
        while !isStalled() {
            let frame = try #require(try await peer.next(), "\(recorder.closed)")
            if frame.kind == .responseHead {
                heads += 1
                taken[frame.stream] = ByteBuffer()
            } else {
                try #require(frame.kind == .responseData)
                taken[frame.stream]?.writeImmutableBuffer(frame.body)
            }
        }
        #expect(heads == streams)
        #expect(taken.values.allSatisfy { $0.readableBytes == window })
        #expect(connection.load == (0, streams, 0))
        for stream in taken.keys { try await peer.sendCredit(.responseCredit, stream: stream, window) }
        var ends = 0
        while ends < streams {
            let frame = try #require(try await peer.next(), "\(recorder.closed)")
            taken[frame.stream]?.writeImmutableBuffer(frame.body)
            if frame.kind == .responseEnd { ends += 1 }
            if frame.kind == .responseData {
                try await peer.sendCredit(.responseCredit, stream: frame.stream, frame.body.readableBytes)
            }
        }
        let wanted = pattern(size)
        #expect(taken.values.allSatisfy { $0 == wanted })
        try await eventually("nothing is left over") { connection.load == (0, 0, 0) && replica.ongoing == 0 }
    }

    @Test func `a caller that takes nothing gets at most a window of a long value`() async throws {
        let hosted = HostedReplicas(.detached)
        let replica = hosted.addIngress()
        let (peer, connection, recorder) = try await RawPeer.connected(hosted, small: true)
        try await peer.define(1, TestIngress.id, target: "echo(_:)")
        let value = pattern(2 * window + 9)
        let whole = ByteBuffer(bytes: try RawPeer.call("echo(_:)", value))
        let stream = RawPeer.stream(1)
        // The arguments are also long, so they are sent as the replica takes them.
        var rest = whole
        var room = window
        try await peer.send(.requestLongCall, stream: stream) {
            $0.writeInteger(UInt64(whole.readableBytes), endianness: .little)
            $0.writeInteger(1 as UInt32, endianness: .little)
        }
        while rest.readableBytes > 0 {
            while room == 0 { room += FrameReader.credit(in: try await peer.expect(.requestCredit).body) }
            let part = rest.readSlice(length: min(room, 200_000, rest.readableBytes)) ?? ByteBuffer()
            room -= part.readableBytes
            try await peer.send(rest.readableBytes == 0 ? .requestEnd : .requestData, stream: stream) {
                $0.writeImmutableBuffer(part)
            }
        }
        var taken = ByteBuffer()
        var length: UInt64?
        while taken.readableBytes < window {
            let frame = try #require(try await peer.next(), "\(recorder.closed)")
            if frame.kind == .requestCredit { continue }
            var body = frame.body
            if frame.kind == .responseLongValue { length = body.readInteger(endianness: .little) }
            taken.writeImmutableBuffer(body)
        }
        #expect(taken.readableBytes == window)
        #expect(connection.load.bytes == 0)
        try await peer.sendCredit(.responseCredit, stream: stream, window)
        let all = Int(try #require(length))
        try await take(all, [.responseData, .responseEnd], from: peer, into: &taken, telling: .responseCredit)
        #expect(taken.readableBytes == all)
        #expect(try BinaryReader(taken, system: .detached).nextRegion(ByteBuffer.self) == value)
        try await eventually("nothing is left") { connection.load == (0, 0, 0) && replica.ongoing == 0 }
        #expect(hosted.assembledBytes == 0)
    }

    @Test func `a replica that does not read a body gets a window of it, and the rest when it reads`()
        async throws
    {
        let ends = try await SocketEnds(small: true)
        let gate = Gate()
        ends.right.hosted.addIngress(gate)
        let body = pattern(3 * window)
        let client = SeamClient(body: body, part: 60_000)
        try await client.begin(ends.left.remote(TestIngress.id), "/gate")
        try await eventually("a window has left the client") { client.unsent == body.readableBytes - window }
        try await eventually("it has arrived") { ends.left.connection.load.bytes == 0 }
        #expect(client.unsent == body.readableBytes - window)
        gate.open()
        await client.ended()
        #expect(client.answer == body)
        try await ends.close()
    }

    @Test func `a caller that does not read gets a window of an answer, and the rest when it reads`() async throws {
        let ends = try await SocketEnds(small: true)
        ends.right.hosted.addIngress()
        let size = 3 * window + 1
        let client = SeamClient(isReading: false)
        try await client.begin(ends.left.remote(TestIngress.id), "/download/\(size)/5000", whole: true)
        // The last parts of a window wait for more if they are small.
        try await eventually("a window has arrived") { client.answer.readableBytes > window - StreamLimits.smallPart }
        try await eventually("nothing more arrives") { ends.right.connection.load.bytes == 0 }
        #expect(client.answer.readableBytes <= window)
        #expect(client.ends.isEmpty)
        client.read()
        await client.ended()
        #expect(client.answer == pattern(size))
        #expect(client.end == "end")
        try await ends.close()
    }
}
