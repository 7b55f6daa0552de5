import NIOCore
import SwerveHTTPTypes
import Synchronization
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
