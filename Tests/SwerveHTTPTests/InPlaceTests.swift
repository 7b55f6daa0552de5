import NIOCore
import NIOPosix
import SwerveCore
import SwerveHTTP
import SwerveHTTPTypes
import Synchronization
import Testing

/// Content that is read straight to a buffer that others can read.
@Suite struct InPlaceTests {
    /// Notes which buffers were asked for, and where they are.
    private final class Places: Sendable {
        private let made = Mutex<[(count: Int, address: UInt)]>([])
        private let threshold: Int

        init(threshold: Int) { self.threshold = threshold }

        var counts: [Int] { made.withLock { $0.map(\.count) } }

        /// Whether content of that length lies in the place that was made for it. The address alone would not do: memory
        /// that was freed is soon something else.
        func has(_ count: Int, at address: UInt) -> Bool { made.withLock { $0.contains { $0 == (count, address) } } }

        func make(_ count: Int) -> ByteBuffer? {
            guard count >= threshold else { return nil }
            var buffer = ByteBufferAllocator().buffer(capacity: count)
            let address = buffer.withUnsafeMutableWritableBytes { UInt(bitPattern: $0.baseAddress) }
            made.withLock { $0.append((count, address)) }
            return buffer
        }
    }

    /// Answers with the length of the content, a sum that depends on all positions, and whether it lies in its place.
    private final class SumService: HTTPService {
        let places: Places
        init(_ places: Places) { self.places = places }

        func begin(_ head: SwerveHTTPTypes.HTTPRequestHead, body: ByteBuffer?, exchange: HTTPExchange) {
            guard let body else {
                exchange.delegate = Sum(exchange)
                return
            }
            let address = body.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) }
            Sum.answer(
                exchange,
                body.readableBytes,
                Sum.sum(0, body),
                places.has(body.readableBytes, at: address) ? "shared" : "own"
            )
        }

        private final class Sum: HTTPExchangeDelegate {
            let exchange: HTTPExchange
            var (count, sum) = (0, UInt64(0))
            init(_ exchange: HTTPExchange) { self.exchange = exchange }

            static func sum(_ sum: UInt64, _ bytes: ByteBuffer) -> UInt64 {
                bytes.readableBytesView.reduce(sum) { $0 &* 31 &+ UInt64($1) }
            }
            static func answer(_ exchange: HTTPExchange, _ count: Int, _ sum: UInt64, _ how: String) {
                let text = "\(count) \(sum) \(how)|"
                exchange.respond(status: 200, headerBlock: ByteBuffer(), body: ByteBuffer(string: text))
            }
            func requestBody(_ bytes: ByteBuffer) {
                count += bytes.readableBytes
                sum = Self.sum(sum, bytes)
                exchange.consumedRequestBody(bytes.readableBytes)
            }
            func requestBodyEnd() { Self.answer(exchange, count, sum, "streamed") }
            func cancelled(_ reason: HTTPCancellation) {}
            func responseWritable() {}
        }

        static func expected(_ bytes: ByteBuffer, _ how: String) -> String {
            "\(bytes.readableBytes) \(Sum.sum(0, bytes)) \(how)|"
        }
    }

    private func content(_ count: Int) -> ByteBuffer {
        ByteBuffer(bytes: (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7919 >> 5) })
    }

    private func start(_ places: Places) async throws -> HTTPServer {
        var options = HTTPServerOptions()
        options.contentBuffer = { places.make($0) }
        return try await HTTPServer.start(
            at: .address(host: "127.0.0.1", port: 0),
            group: MultiThreadedEventLoopGroup.singleton,
            options: options,
            service: SumService(places)
        )
    }

    @Test func `requests of all sizes on one connection get their own content, the large ones in place`() async throws {
        let places = Places(threshold: 128 << 10)
        let server = try await start(places)
        let sizes = [3, 200_000, 1 << 20, 17, 300_000, 20_000, 2_000_000, 128 << 10, (1 << 20) - 1, 0]
        var request = ByteBuffer()
        var expected: [String] = []
        for (index, size) in sizes.enumerated() {
            let close = index == sizes.count - 1 ? "Connection: close\r\n" : ""
            request.writeString("POST /b HTTP/1.1\r\nHost: a\r\n\(close)Content-Length: \(size)\r\n\r\n")
            let body = content(size)
            request.writeImmutableBuffer(body)
            expected.append(SumService.expected(body, size > 1 << 20 ? "streamed" : ""))
        }
        let all = try await Clients().exchange(server, request)
        let answers = all.split(separator: "|").compactMap { $0.split(separator: "\r\n").last }
        #expect(answers.count == sizes.count)
        for (answer, expected) in zip(answers, expected) {
            #expect(answer.hasPrefix(expected.dropLast()), "\(answer), not \(expected)")
        }
        #expect(answers.count { $0.hasSuffix("shared") } == places.counts.count)
        #expect(places.counts.allSatisfy { $0 >= 128 << 10 && sizes.contains($0) })
        // The first large one comes behind a small request, so that not all of it has arrived with its head.
        #expect(!places.counts.isEmpty)
        await server.drain(deadline: .seconds(10))
    }

    @Test func `a client that leaves in the middle of content ends the request`() async throws {
        let places = Places(threshold: 128 << 10)
        let server = try await start(places)
        let (channel, all) = try await Clients().connect(server)
        var request = ByteBuffer(string: "POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n")
        request.writeRepeatingByte(1, count: 500_000)
        try await channel.writeAndFlush(request)
        try await channel.close(mode: .output)
        #expect(try await all.get() == "")
        await server.drain(deadline: .seconds(10))
        #expect(server.bufferedBytes == 0)
    }
}
