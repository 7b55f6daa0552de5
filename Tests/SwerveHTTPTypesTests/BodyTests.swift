import NIOCore
import SwerveCore
import Synchronization
import Testing

@testable import SwerveHTTPTypes

@Suite struct BodyTests {
    @Test func `a complete body is collected as it is`() async throws {
        let body = HTTPBody("hello")
        #expect(try await body.text() == "hello")
        #expect(body.completeBytes == ByteBuffer(string: "hello"))
        var chunks: [ByteBuffer] = []
        for try await chunk in body { chunks.append(chunk) }
        #expect(chunks == [ByteBuffer(string: "hello")])
    }

    @Test func `an empty body has no chunks`() async throws {
        for try await chunk in HTTPBody.empty { Issue.record("unexpected \(chunk)") }
        #expect(try await HTTPBody.empty.collect().readableBytes == 0)
    }

    @Test func `a body over the limit is refused with code tooLarge`() async throws {
        await expectCode(.tooLarge) { _ = try await HTTPBody("hello").collect(upTo: 4) }
        #expect(try await HTTPBody("hello").collect(upTo: 5).readableBytes == 5)
        let stream = HTTPBodyStream()
        let body = HTTPBody(stream: stream)
        stream.push(ByteBuffer(string: "abc"))
        stream.push(ByteBuffer(string: "de"))
        await expectCode(.tooLarge) { _ = try await body.collect(upTo: 4) }
    }

    @Test func `no more is collected than a buffer can hold`() async throws {
        #expect(HTTPBody.collectLimit(.max) == Int(UInt32.max))
        #expect(HTTPBody.collectLimit(5) == 5)
        let stream = HTTPBodyStream()
        stream.push(ByteBuffer(string: "abc"))
        stream.finish()
        #expect(try await HTTPBody(stream: stream).collect(upTo: .max) == ByteBuffer(string: "abc"))
    }

    @Test func `a stream delivers what was pushed and reports what was consumed`() async throws {
        let consumed = Mutex<[Int]>([])
        let stream = HTTPBodyStream(onConsumed: { bytes in consumed.withLock { $0.append(bytes) } })
        let body = HTTPBody(stream: stream)
        stream.push(ByteBuffer(string: "abc"))
        stream.push(ByteBuffer())
        stream.push(ByteBuffer(string: "de"))
        stream.finish()
        stream.push(ByteBuffer(string: "late"))
        #expect(try await body.text() == "abcde")
        #expect(consumed.withLock { $0.reduce(0, +) } == 5)
    }

    @Test func `a waiting reader gets what is pushed later`() async throws {
        let stream = HTTPBodyStream()
        let body = HTTPBody(stream: stream)
        async let text = body.text()
        for letter in ["a", "b", "c"] {
            await Task.yield()
            stream.push(ByteBuffer(string: letter))
        }
        stream.finish()
        #expect(try await text == "abc")
    }

    @Test func `a reader gets the bytes before a failure first`() async throws {
        let stream = HTTPBodyStream()
        let body = HTTPBody(stream: stream)
        stream.push(ByteBuffer(string: "a"))
        stream.fail(ServeError(.replicaLost, "gone"))
        var iterator = body.makeAsyncIterator()
        #expect(try await iterator.next() == ByteBuffer(string: "a"))
        await #expect(throws: ServeError(.replicaLost, "gone")) { try await iterator.next() }
        #expect(try await iterator.next() == nil)
    }

    @Test func `a producer that ignores the window fails the stream`() async throws {
        let stream = HTTPBodyStream(window: 4)
        let body = HTTPBody(stream: stream)
        stream.push(ByteBuffer(string: "abcd"))
        stream.push(ByteBuffer(string: "e"))
        var iterator = body.makeAsyncIterator()
        #expect(try await iterator.next() == ByteBuffer(string: "abcd"))
        await expectCode(.protocolViolation) { _ = try await iterator.next() }
    }

    @Test func `a window full of single bytes waits in few buffers`() async throws {
        let stream = HTTPBodyStream(window: 1 << 16)
        let body = HTTPBody(stream: stream)
        for _ in 0..<(1 << 16) { stream.push(ByteBuffer(string: "a")) }
        stream.finish()
        var count = 0
        for try await chunk in body {
            count += 1
            #expect(chunk.readableBytes == ByteQueue.mergedBytes)
        }
        #expect(count == 4)
    }

    @Test func `a second reader is refused`() async throws {
        let stream = HTTPBodyStream()
        let body = HTTPBody(stream: stream)
        stream.push(ByteBuffer(string: "a"))
        stream.finish()
        #expect(try await body.text() == "a")
        await expectCode(.invalidOptions) { _ = try await body.text() }
    }

    @Test func `dropping the body unread abandons the stream once`() {
        let count = Mutex(0)
        let stream = HTTPBodyStream(onAbandon: { count.withLock { $0 += 1 } })
        do {
            let body = HTTPBody(stream: stream)
            _ = body.completeBytes
        }
        stream.push(ByteBuffer(string: "dropped"))
        stream.abandon()
        #expect(count.withLock { $0 } == 1)
    }

    @Test func `leaving the loop early abandons the stream even though the body lives`() async throws {
        let count = Mutex(0)
        let stream = HTTPBodyStream(onAbandon: { count.withLock { $0 += 1 } })
        let body = HTTPBody(stream: stream)
        stream.push(ByteBuffer(string: "a"))
        for try await _ in body { break }
        #expect(count.withLock { $0 } == 1)
        withExtendedLifetime(body) {}
    }

    @Test func `a stream that was read to its end is not abandoned`() async throws {
        let count = Mutex(0)
        let stream = HTTPBodyStream(onAbandon: { count.withLock { $0 += 1 } })
        do {
            let body = HTTPBody(stream: stream)
            stream.push(ByteBuffer(string: "a"))
            stream.finish()
            #expect(try await body.text() == "a")
        }
        #expect(count.withLock { $0 } == 0)
    }

    @Test func `cancelling a waiting reader abandons the stream`() async throws {
        let (abandoned, signal) = AsyncStream.makeStream(of: Void.self)
        let stream = HTTPBodyStream(onAbandon: { signal.yield() })
        let body = HTTPBody(stream: stream)
        let reader = Task { try await body.collect() }
        reader.cancel()
        await #expect(throws: CancellationError.self) { try await reader.value }
        for await _ in abandoned { break }
    }

    @Test func `the stream releases its callbacks at the end`() async throws {
        final class Token: Sendable {}
        weak var weakToken: Token?
        let stream: HTTPBodyStream
        do {
            let token = Token()
            weakToken = token
            stream = HTTPBodyStream(onConsumed: { _ in withExtendedLifetime(token) {} })
        }
        #expect(weakToken != nil)
        let body = HTTPBody(stream: stream)
        stream.finish()
        _ = try await body.collect()
        #expect(weakToken == nil)
    }
}

func expectCode(
    _ code: ServeError.Code,
    sourceLocation: SourceLocation = #_sourceLocation,
    _ body: () async throws -> Void
) async {
    let error = await #expect(throws: ServeError.self, sourceLocation: sourceLocation) { try await body() }
    #expect(error?.code == code, sourceLocation: sourceLocation)
}
