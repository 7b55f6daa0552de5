import Dispatch
import NIOCore
import SwerveActors
import SwerveCore
import Synchronization
import Testing

@testable import SwerveTransport

/// Real sockets with the smallest buffers that the system allows, so that writes stop in the middle of frames.
@Suite struct SmallBufferTests {
    private static let sizes = [0, 1, 2_000, 16_383, 16_384, 70_000, 1 << 20, (1 << 20) + 1, 3 << 20]

    @Test func `bodies of all sizes travel in both directions at once`() async throws {
        let ends = try await SocketEnds(small: true)
        ends.left.hosted.addIngress()
        ends.right.hosted.addIngress()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (index, size) in Self.sizes.enumerated() {
                for (end, path) in [(ends.left, "/echo"), (ends.right, "/echo"), (ends.left, "/whole")] {
                    group.addTask {
                        let body = pattern(size, seed: UInt64(index))
                        let client = SeamClient(body: body, part: 1 + (index * 7_919) % 300_000)
                        try await client.begin(end.remote(TestIngress.id), path, whole: size < 1_000 && index % 2 == 0)
                        await client.ended()
                        #expect(client.answer == body, "\(path) of \(size): \(client.events)")
                        #expect(client.end == "end" || client.end == "response", "\(path) of \(size): \(client.events)")
                    }
                }
            }
            try await group.waitForAll()
        }
        try await ends.close()
    }

    @Test func `values of all sizes travel in both directions at once`() async throws {
        let ends = try await SocketEnds(small: true)
        ends.left.hosted.addIngress()
        ends.right.hosted.addIngress()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (index, size) in (Self.sizes + Self.sizes).enumerated() {
                let end = index < Self.sizes.count ? ends.left : ends.right
                group.addTask {
                    let value = pattern(size, seed: UInt64(index))
                    let arguments = Arguments()
                    arguments.append(value)
                    let call = OutgoingCall(target: "echo(_:)", arguments: arguments)
                    guard case .result(.encoded(let region)) = await end.remote(TestIngress.id).call(call) else {
                        Issue.record("no result of \(size) bytes: \(end.recorder.closed)")
                        return
                    }
                    let answer = try BinaryReader(region, system: .detached).nextRegion(ByteBuffer.self)
                    #expect(answer == value, "\(size) bytes")
                }
            }
            try await group.waitForAll()
        }
        try await ends.close()
    }

    // MARK: Many senders

    /// Sends numbered frames on its own stream.
    private struct Sender: Sendable {
        let connection: PeerConnection
        let stream: UInt64
        static let frames = 500
        static let noise = pattern(40_000)

        static func content(_ number: Int, _ stream: UInt64) -> ByteBuffer {
            var random = SplitMix64(seed: stream << 32 | UInt64(number))
            let size = random.next(below: [10, 300, 3_000, 30_000][random.next(below: 4)])
            return noise.getSlice(at: random.next(below: 10_000), length: size) ?? ByteBuffer()
        }

        func send(_ number: Int) {
            let kind: FrameKind = number == Self.frames - 1 ? .responseEnd : .responseData
            let content = Self.content(number, stream)
            if number % 3 == 0 {
                connection.send(kind, stream: stream, bytes: content) {
                    $0.writeInteger(UInt32(number), endianness: .little)
                }
            } else {
                connection.send(kind, stream: stream) {
                    $0.writeInteger(UInt32(number), endianness: .little)
                    $0.writeImmutableBuffer(content)
                }
            }
        }

        /// Sends `count` frames in each tick of the loop, starting with `number`.
        func sendTicks(of count: Int, from number: Int = 0) {
            for next in number..<min(number + count, Self.frames) { send(next) }
            if number + count < Self.frames {
                connection.eventLoop.execute { sendTicks(of: count, from: number + count) }
            }
        }
    }

    /// - Parameter isBusy: whether so many requests are ongoing that threads leave the writing to the loop.
    @Test(arguments: [false, true])
    func `when threads and the loop send at the same time, each stream's frames stay whole and in order`(
        isBusy: Bool
    ) async throws {
        let (peer, connection, recorder) = try await RawPeer.connected(small: true)
        if isBusy {
            for _ in 0..<3 { _ = connection.open(.requestCall, Nobody(), { _ in }) }
            for _ in 0..<3 { _ = try await peer.expect(.requestCall) }
        }
        let threads = 4
        DispatchQueue.global().async {
            DispatchQueue.concurrentPerform(iterations: threads) { thread in
                let sender = Sender(connection: connection, stream: UInt64(thread))
                for number in 0..<Sender.frames {
                    // Batches hold frames back, as they do while requests begin.
                    let isBatch = number % 11 == thread
                    if isBatch { connection.hold() }
                    sender.send(number)
                    if isBatch { connection.release() }
                }
            }
        }
        connection.eventLoop.execute { Sender(connection: connection, stream: UInt64(threads)).sendTicks(of: 12) }
        var next = [Int](repeating: 0, count: threads + 1)
        while next.contains(where: { $0 < Sender.frames }) {
            let frame = try #require(try await peer.next(), "\(recorder.closed)")
            var body = frame.body
            let stream = Int(frame.stream)
            let number = Int(body.readInteger(endianness: .little, as: UInt32.self) ?? .max)
            guard number == next[stream], body == Sender.content(number, frame.stream) else {
                Issue.record("stream \(stream): frame \(number) where \(next[stream]) is due, or wrong bytes")
                return
            }
            #expect((frame.kind == .responseEnd) == (number == Sender.frames - 1))
            next[stream] += 1
        }
        #expect(connection.load.bytes == 0)
        #expect(recorder.closed == [])
        connection.close(because: "the test is over")
    }
}

/// The owner of a stream that is never answered.
final class Nobody: StreamOwner {
    let number = Atomic<UInt64>(0)
    func received(_ kind: FrameKind, _ body: ByteBuffer, shared: ByteBuffer?) throws {}
    func lost(started: Bool, reason: String) {}
}
