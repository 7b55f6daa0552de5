import Foundation
import NIOCore
import NIOPosix
import SwerveActors
import SwerveCore
import SwerveReplica
import TestSupport
import Testing

@testable import SwerveTransport

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Peers that close at every moment of a request: every request ends exactly once, and nothing is left over.
@Suite struct ClosedPeerTests {
    /// An HTTP request and a call through a handle on one connection, and their outcomes.
    private struct Callers {
        let client: SeamClient
        let call: Task<CallOutcome, Never>

        init(_ connection: PeerConnection, body: ByteBuffer, part: Int = 100_000) async throws {
            let replica = RemoteReplica(TestIngress.id, [connection])
            client = SeamClient(body: body, part: part)
            let arguments = Arguments()
            arguments.append(body)
            let outgoing = OutgoingCall(target: "echo(_:)", arguments: arguments)
            call = Task { await replica.call(outgoing) }
            try await client.begin(replica, "/echo")
        }

        func expectLost(_ what: @autoclosure () -> String, sourceLocation: SourceLocation = #_sourceLocation) async {
            await client.ended()
            #expect(client.end == "lost", "\(what()): \(client.events)", sourceLocation: sourceLocation)
            // The call may begin after the connection has ended.
            guard case .lost = await call.value else {
                Issue.record("\(what()): the call was not lost", sourceLocation: sourceLocation)
                return
            }
        }
    }

    private func expectNothingLeft(
        _ connection: PeerConnection,
        _ recorder: Recorder,
        _ what: String,
        hosted: HostedReplicas? = nil,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        try await eventually("\(what): nothing is left over except \(connection.load)") {
            connection.load == (0, 0, 0) && recorder.closed.count == 1
                && (hosted?[TestIngress.id].map { $0.ongoing == 0 } ?? true)
        }
        #expect(recorder.closed.count == 1, "\(what)", sourceLocation: sourceLocation)
        #expect((hosted?.assembledBytes ?? 0) == 0, "\(what)", sourceLocation: sourceLocation)
    }

    // MARK: The replica's process closes

    @Test func `it closes after an answer that is still unread when a write to it fails`() async throws {
        let (peer, connection, recorder) = try await RawPeer.connected()
        let client = SeamClient(body: pattern(100))
        try await client.begin(RemoteReplica(TestIngress.id, [connection]), "/echo", whole: true)
        _ = try await peer.expect(.define)
        let stream = try await peer.expect(.requestHTTP).stream
        // The loop is held meanwhile, so it does not read.
        let loop = await HeldLoop(connection.eventLoop)
        try await peer.send(answers(stream)[0].frames)
        peer.close()
        // On this thread, which finds that the socket is broken.
        connection.sendCredit(.responseCredit, stream: stream, 1)
        loop.release()
        await client.ended()
        #expect(client.end == "response")
        #expect(String(buffer: client.answer) == "whole")
        try await expectNothingLeft(connection, recorder, "answered")
    }

    @Test func `it closes before it accepts the connection`() async throws {
        let path = "/tmp/swerve-test-\(UUID().uuidString).sock"
        let listener = try RawListener(at: path)
        let recorder = Recorder()
        let connection = try await UnixSocketNetwork().connect(
            to: path,
            on: MultiThreadedEventLoopGroup.singleton.next(),
            delegate: recorder,
            hosted: HostedReplicas(.detached)
        ).get()
        let callers = try await Callers(connection, body: pattern(100))
        listener.close()
        await callers.expectLost("not accepted")
        try await expectNothingLeft(connection, recorder, "not accepted")
    }

    @Test(arguments: [100, 200_000, 3 << 20])
    func `it closes while the requests are on their way to it`(size: Int) async throws {
        let body = pattern(size)
        for read in [0, 1, 12, 13, 40, 200, 3_000, 20_000, 150_000, 900_000] where read < 2 * size {
            let (peer, connection, recorder) = try await RawPeer.connected(small: true)
            let callers = try await Callers(connection, body: body)
            var count = 0
            try await eventually("\(read) bytes are read") {
                count += peer.read(upTo: read - count).readableBytes
                return count >= read
            }
            peer.close()
            await callers.expectLost("after \(read) bytes")
            try await expectNothingLeft(connection, recorder, "after \(read) bytes")
        }
    }

    @Test func `it closes while it reads a body`() async throws {
        for frames in 0..<12 {
            let (peer, connection, recorder) = try await RawPeer.connected(small: true)
            let client = SeamClient(body: pattern(6 << 20))
            try await client.begin(RemoteReplica(TestIngress.id, [connection]), "/x")
            _ = try await peer.expect(.define)
            let stream = try await peer.expect(.requestHTTP).stream
            try await peer.send(.requestAccepted, stream: stream)
            for _ in 0..<frames {
                let part = try await peer.expect(.requestData)
                try await peer.sendCredit(.requestCredit, stream: stream, part.body.readableBytes)
            }
            peer.close()
            await client.ended()
            #expect(client.end == "lost", "after \(frames) frames: \(client.events)")
            try await expectNothingLeft(connection, recorder, "after \(frames) frames")
        }
    }

    /// The frames of a replica's answer, and how a client sees the whole answer.
    private struct Answer {
        let frames: [UInt8]
        let end: String
        let bytes: String
    }

    private func answers(_ stream: UInt64) -> [Answer] {
        let head = ResponseHead(status: 200, headerBlock: ByteBuffer(string: "a: b\r\n"))
        let whole = frame(.responseHTTP, stream: stream) {
            HTTPFrames.write(head, contentLength: 5, to: &$0)
            $0.writeString("whole")
        }
        let streamed =
            frame(.requestAccepted, stream: stream)
            + frame(.responseHead, stream: stream) { HTTPFrames.write(head, contentLength: nil, to: &$0) }
            + frame(.responseData, stream: stream) { $0.writeString("one ") }
            + frame(.responseEnd, stream: stream) { $0.writeString("two") }
        return [
            Answer(frames: whole, end: "response", bytes: "whole"),
            Answer(frames: streamed, end: "end", bytes: "one two"),
            Answer(frames: frame(.responseRefused, stream: stream), end: "refused", bytes: ""),
        ]
    }

    @Test(arguments: 0..<3)
    func `it closes after any byte of an answer`(index: Int) async throws {
        var cut = 0
        while true {
            let (peer, connection, recorder) = try await RawPeer.connected()
            let client = SeamClient(body: ByteBuffer(string: "body"))
            try await client.begin(RemoteReplica(TestIngress.id, [connection]), "/x", whole: true)
            _ = try await peer.expect(.define)
            let answer = answers(try await peer.expect(.requestHTTP).stream)[index]
            try await peer.send(Array(answer.frames.prefix(cut)))
            peer.close()
            await client.ended()
            try await expectNothingLeft(connection, recorder, "cut at \(cut)")
            let isWhole = cut == answer.frames.count
            #expect(client.end == (isWhole ? answer.end : "lost"), "cut at \(cut): \(client.events)")
            #expect(answer.bytes.hasPrefix(String(buffer: client.answer)), "cut at \(cut)")
            if isWhole {
                #expect(String(buffer: client.answer) == answer.bytes)
                return
            }
            cut += 1
        }
    }

    @Test func `it closes after any byte of a result`() async throws {
        let long = [UInt8](repeating: 5, count: 30)
        var cut = 0
        var isWhole = false
        while !isWhole {
            for isLong in [false, true] {
                let (peer, connection, recorder) = try await RawPeer.connected()
                let call = Task {
                    await RemoteReplica(TestIngress.id, [connection])
                        .call(OutgoingCall(target: "x", arguments: Arguments()))
                }
                _ = try await peer.expect(.define)
                let stream = try await peer.expect(.requestCall).stream
                var frames = frame(.responseValue, stream: stream) { $0.writeBytes(long) }
                if isLong {
                    frames = frame(.responseLongValue, stream: stream) {
                        $0.writeInteger(UInt64(long.count), endianness: .little)
                        $0.writeBytes(long.prefix(10))
                    }
                    frames += frame(.responseData, stream: stream) { $0.writeBytes(long.prefix(15)) }
                    frames += frame(.responseEnd, stream: stream) { $0.writeBytes(long.prefix(5)) }
                }
                try await peer.send(Array(frames.prefix(cut)))
                peer.close()
                switch await call.value {
                case .result(.encoded(let region)):
                    #expect(cut >= frames.count && Array(region.readableBytesView) == long, "cut at \(cut)")
                case .lost(started: true, _): #expect(cut < frames.count, "cut at \(cut)")
                case let other: Issue.record("cut at \(cut): \(other)")
                }
                try await expectNothingLeft(connection, recorder, "cut at \(cut)")
                isWhole = cut >= frames.count
            }
            cut += 1
        }
    }

    @Test func `its board tells which requests it may have begun, and which it has not`() async throws {
        let test = try TestBoard()
        let slot = try #require(test.board.claim())
        let (peer, connection, recorder) = try await RawPeer.connected()
        connection.setPeerBoard(try test.mapped(slot))
        let clients = (0..<4).map { _ in SeamClient(body: ByteBuffer(string: "x")) }
        for client in clients {
            try await client.begin(RemoteReplica(TestIngress.id, [connection]), "/x", whole: true)
        }
        var streams: [UInt64] = []
        for _ in 0..<8 {
            let frame = try #require(try await peer.next())
            if frame.kind == .requestHTTP { streams.append(frame.stream) }
        }
        slot.noteStarted(streams[1])
        peer.close()
        for client in clients { await client.ended() }
        #expect(clients.map(\.end) == ["lost", "lost", "lost before it began", "lost before it began"])
        try await expectNothingLeft(connection, recorder, "with a board")
    }

    @Test func `requests to a peer that was cut off but may still read them count as begun`() async throws {
        let test = try TestBoard()
        let slot = try #require(test.board.claim())
        let (peer, connection, recorder) = try await RawPeer.connected()
        connection.setPeerBoard(try test.mapped(slot))
        let client = SeamClient(body: ByteBuffer(string: "x"))
        try await client.begin(RemoteReplica(TestIngress.id, [connection]), "/x", whole: true)
        connection.close(because: "the test closes it")
        await client.ended()
        #expect(client.end == "lost")
        try await expectNothingLeft(connection, recorder, "closed by the test")
        peer.close()
    }

    // MARK: The caller's process closes

    @Test func `nothing begins after the connection's end, because the caller may have read the board`() async throws {
        let hosted = HostedReplicas(.detached)
        let replica = hosted.addIngress()
        let (peer, connection, recorder) = try await RawPeer.connected(hosted)
        let test = try TestBoard()
        let slot = try #require(test.board.claim())
        connection.setOwnBoard(slot)
        let stream = RawPeer.stream(1)
        var bytes = frame(.define, stream: 1) { $0.writeString("\(TestIngress.id.deployment)\01\0") }
        let request = ReplicaRequest(head: .post("/whole"), body: ByteBuffer(), deadline: nil)
        bytes += frame(.requestHTTP, stream: stream) { HTTPFrames.write(request, method: 1, now: .now(), to: &$0) }
        let received = bytes
        try await connection.eventLoop.submit {
            connection.received(ByteBuffer(bytes: received))
            connection.close(because: "the test is over")
            connection.readComplete()
        }.get()
        try await expectNothingLeft(connection, recorder, "closed during a read", hosted: hosted)
        #expect(slot.lastStarted == 0)
        #expect(replica.ongoing == 0)
        peer.close()
    }

    @Test(arguments: ["/echo", "/whole", "/gate", "/none"])
    func `the caller closes after any byte of its request`(path: String) async throws {
        var whole = frame(.define, stream: 1) { $0.writeString("\(TestIngress.id.deployment)\01\0") }
        let request = ReplicaRequest(head: .post(path), body: nil, deadline: nil)
        let stream = RawPeer.stream(1)
        whole += frame(.requestHTTP, stream: stream) { HTTPFrames.write(request, method: 1, now: .now(), to: &$0) }
        whole += frame(.requestData, stream: stream) { $0.writeString("some") }
        whole += frame(.requestEnd, stream: stream) { $0.writeString("more") }
        for cut in 0...whole.count where path == "/echo" || cut % 5 == 0 || cut == whole.count {
            let hosted = HostedReplicas(.detached)
            let gate = Gate()
            hosted.addIngress(gate)
            let (peer, connection, recorder) = try await RawPeer.connected(hosted)
            try await peer.send(Array(whole.prefix(cut)))
            peer.close()
            try await eventually("the end is noticed") { recorder.closed.count == 1 }
            gate.open()
            try await expectNothingLeft(connection, recorder, "\(path) cut at \(cut)", hosted: hosted)
        }
    }

    @Test func `the caller closes in the middle of a long call`() async throws {
        let call = try RawPeer.call("echo(_:)", pattern(3_000))
        for sent in [0, 1, 1_000, call.count - 1] {
            let hosted = HostedReplicas(.detached)
            hosted.addIngress()
            let (peer, connection, recorder) = try await RawPeer.connected(hosted)
            try await peer.define(1, TestIngress.id, target: "echo(_:)")
            try await peer.send(.requestLongCall, stream: RawPeer.stream(1)) {
                $0.writeInteger(UInt64(call.count), endianness: .little)
                $0.writeInteger(1 as UInt32, endianness: .little)
                $0.writeBytes(call.prefix(sent))
            }
            try await eventually("it has arrived") { connection.load.incoming == 1 }
            peer.close()
            try await expectNothingLeft(connection, recorder, "after \(sent) bytes", hosted: hosted)
        }
    }

    @Test func `the caller closes while it gets its answers`() async throws {
        for read in [0, 1, 50, 3_000, 100_000, 1_000_000] {
            let hosted = HostedReplicas(.detached)
            hosted.addIngress()
            let (peer, connection, recorder) = try await RawPeer.connected(hosted, small: true)
            try await peer.define(1, TestIngress.id)
            for number in 1...3 as ClosedRange<UInt64> {
                let stream = RawPeer.stream(number, slot: number)
                try await peer.request("/download/4000000/\(20_000 * number)", stream: stream, body: ByteBuffer())
            }
            var count = 0
            try await eventually("\(read) bytes are read") {
                count += peer.read(upTo: read - count).readableBytes
                return count >= read
            }
            // The unread bytes make this a reset.
            peer.close()
            try await expectNothingLeft(connection, recorder, "after \(read) bytes", hosted: hosted)
        }
    }
}

/// A socket that listens, but never accepts.
private final class RawListener {
    private var socket: Int32
    private let path: String

    init(at path: String) throws {
        self.path = path
        socket = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let fd = socket
        let isBound = withUnsafePointer(to: address) { address in
            address.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(fd, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
            }
        }
        guard isBound, listen(socket, 4) == 0 else { throw TestSockets.Failed(call: "listen", code: errno) }
    }

    func close() {
        if socket >= 0 { Glibc.close(socket) }
        socket = -1
        unlink(path)
    }
    deinit { close() }
}
