import NIOCore
import SwerveHTTPTypes
import Synchronization
import TestSupport
import Testing

@Suite struct WriterTests {
    final class Sink: Sendable {
        private let chunks = Mutex<[String]>([])
        func take(_ bytes: ByteBuffer) { chunks.withLock { $0.append(String(buffer: bytes)) } }
        var all: [String] { chunks.withLock { $0 } }
    }

    @Test func `writes within the window do not wait`() async throws {
        let sink = Sink()
        let writer = HTTPBodyWriter(window: 4, send: sink.take)
        try await writer.write("ab")
        try await writer.write("")
        try await writer.write("cde")
        #expect(sink.all == ["ab", "cde"])
    }

    @Test func `a write beyond the window waits for a grant, and chunks keep their order`() async throws {
        let sink = Sink()
        let writer = HTTPBodyWriter(window: 1, send: sink.take)
        try await writer.write("ab")
        let second = Task { try await writer.write("c") }
        writer.grant(1)
        #expect(sink.all == ["ab"])
        writer.grant(1)
        try await second.value
        #expect(sink.all == ["ab", "c"])
    }

    @Test func `tiny chunks wait even though the window has bytes left`() async throws {
        let sink = Sink()
        let writer = HTTPBodyWriter(window: 1 << 20, send: sink.take)
        for _ in 0..<4096 { try await writer.write("ab") }
        let next = Task { try await writer.write("c") }
        // Enough time for a write that does not wait.
        for _ in 0..<1000 { await Task.yield() }
        writer.grant(1)
        #expect(sink.all.count == 4096)
        writer.grant(1)
        try await next.value
        #expect(sink.all.count == 4097)
    }

    @Test func `cancelling the writer fails waiting writes and later ones`() async throws {
        let sink = Sink()
        let writer = HTTPBodyWriter(window: 1, send: sink.take)
        try await writer.write("a")
        let second = Task { try await writer.write("b") }
        writer.cancel()
        await #expect(throws: CancellationError.self) { try await second.value }
        await #expect(throws: CancellationError.self) { try await writer.write("c") }
        writer.grant(100)
        #expect(sink.all == ["a"])
    }

    @Test func `a cancelled task does not send`() async throws {
        let sink = Sink()
        let writer = HTTPBodyWriter(window: 1, send: sink.take)
        try await writer.write("a")
        let second = Task { try await writer.write("b") }
        second.cancel()
        await #expect(throws: CancellationError.self) { try await second.value }
        writer.grant(100)
        #expect(sink.all == ["a"])
    }
}

/// Small parts that leave together.
@Suite struct GatheringTests {
    private let sink = WriterTests.Sink()

    private func append(_ text: String, to writer: HTTPBodyWriter) async throws {
        try await writer.append { $0.writeString(text) }
    }

    @Test func `the first part leaves at once, the next ones together when it was taken`() async throws {
        let writer = HTTPBodyWriter(window: 1 << 20, send: sink.take)
        for text in ["a", "b", "c"] { try await append(text, to: writer) }
        #expect(sink.all == ["a"])
        writer.grant(1)
        #expect(sink.all == ["a", "bc"])
        try await append("d", to: writer)
        writer.grant(1)
        // Half of what is on the way.
        #expect(sink.all == ["a", "bc"])
        writer.grant(1)
        #expect(sink.all == ["a", "bc", "d"])
    }

    @Test func `16 KiB leave whatever is on the way`() async throws {
        let writer = HTTPBodyWriter(window: 1 << 20, send: sink.take)
        try await append("a", to: writer)
        let half = String(repeating: "b", count: 8 << 10)
        for _ in 0..<2 { try await append(half, to: writer) }
        #expect(sink.all == ["a", half + half])
    }

    @Test func `a flush sends what is left, and other writes come after it`() async throws {
        let writer = HTTPBodyWriter(window: 1 << 20, send: sink.take)
        for text in ["a", "b"] { try await append(text, to: writer) }
        try await writer.flush()
        #expect(sink.all == ["a", "b"])
        try await append("c", to: writer)
        try await writer.write("d")
        #expect(sink.all == ["a", "b", "cd"])
        try await writer.flush()
        #expect(sink.all == ["a", "b", "cd"])
    }

    @Test func `appending waits when the client is behind, and keeps its place among other writes`() async throws {
        let writer = HTTPBodyWriter(window: 1, send: sink.take)
        try await append("a", to: writer)
        let large = String(repeating: "b", count: 16 << 10)
        try await append(large, to: writer)
        let next = Task {
            try await append("c", to: writer)
            try await append("d", to: writer)
            try await writer.flush()
        }
        for _ in 0..<1000 { await Task.yield() }
        #expect(sink.all == ["a"])
        writer.grant(1)
        for _ in 0..<1000 { await Task.yield() }
        #expect(sink.all == ["a", large])
        writer.grant(large.utf8.count)
        try await next.value
        #expect(sink.all.joined() == "a\(large)cd")
    }

    @Test func `what cannot be added leaves nothing behind`() async throws {
        struct Unwritable: Error {}
        let writer = HTTPBodyWriter(window: 1 << 20, send: sink.take)
        try await append("a", to: writer)
        try await append("b", to: writer)
        await #expect(throws: Unwritable.self) {
            try await writer.append {
                $0.writeString("half")
                throw Unwritable()
            }
        }
        try await append("c", to: writer)
        try await writer.flush()
        #expect(sink.all == ["a", "bc"])
    }

    @Test func `nothing is added for a client that is gone`() async throws {
        let writer = HTTPBodyWriter(window: 1, send: sink.take)
        try await append("a", to: writer)
        let next = Task {
            let large = String(repeating: "b", count: 16 << 10)
            for _ in 0..<3 { try await append(large, to: writer) }
        }
        for _ in 0..<1000 { await Task.yield() }
        writer.cancel()
        await #expect(throws: CancellationError.self) { try await next.value }
        await #expect(throws: CancellationError.self) { try await append("c", to: writer) }
        writer.grant(1 << 20)
        #expect(sink.all == ["a"])
    }
}

/// What is sent when nothing else is.
@Suite struct KeepAliveTests {
    private let loop = ManualLoop()
    private let sink = WriterTests.Sink()
    private let dot = ByteBuffer(string: ".")

    private func writer(window: Int = 1 << 20) -> HTTPBodyWriter {
        HTTPBodyWriter(window: window, clock: loop, send: sink.take)
    }

    @Test func `bytes are sent after each silence, which every chunk begins anew`() async throws {
        let writer = writer()
        writer.keepAlive(every: .seconds(15), dot)
        loop.advance(by: .seconds(14))
        #expect(sink.all == [])
        loop.advance(by: .seconds(1))
        #expect(sink.all == ["."])
        loop.advance(by: .seconds(5))
        try await writer.write("a")
        loop.advance(by: .seconds(10))
        loop.advance(by: .seconds(4))
        #expect(sink.all == [".", "a"])
        loop.advance(by: .seconds(1))
        #expect(sink.all == [".", "a", "."])
        #expect(loop.timerCount == 1)
        writer.endKeepAlive()
        #expect(loop.timerCount == 0)
    }

    @Test func `a client that is behind gets none`() async throws {
        let writer = writer(window: 1)
        writer.keepAlive(every: .seconds(15), dot)
        try await writer.write("ab")
        loop.advance(by: .seconds(60))
        #expect(sink.all == ["ab"])
        writer.grant(2)
        loop.advance(by: .seconds(60))
        #expect(sink.all == ["ab", "."])
    }

    @Test func `a client that is gone gets none, and no timer is left`() async throws {
        let writer = writer()
        writer.keepAlive(every: .seconds(15), dot)
        writer.cancel()
        loop.advance(by: .seconds(60))
        #expect(sink.all == [])
        #expect(loop.timerCount == 0)
        await #expect(throws: CancellationError.self) { try await writer.write("a") }
    }

    @Test func `no timer keeps a writer`() {
        weak let left: HTTPBodyWriter? = { [self] in
            let writer = writer()
            writer.keepAlive(every: .seconds(15), dot)
            return writer
        }()
        #expect(left == nil)
        loop.advance(by: .seconds(60))
        #expect(loop.timerCount == 0)
    }
}
