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
