import NIOCore
import NIOPosix
import SwerveHTTP
import SwerveHTTPTypes
import Synchronization
import Testing

/// Sockets that take only a part of what a connection writes.
@Suite struct PartialWriteTests {
    /// Pseudorandom, so that nothing repeats.
    private static let bytes: ByteBuffer = {
        var state: UInt64 = 1
        return ByteBuffer(
            bytes: (0..<65_536).map { _ in
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return UInt8(state >> 56)
            }
        )
    }()

    /// The content of an answer: no part of it looks like another part of it, or of the answers around it.
    private static func content(_ number: Int) -> ByteBuffer {
        bytes.getSlice(at: number * 1021 % 49_157, length: number * 7919 % 16_381)!
    }

    /// Answers at once.
    private final class ContentService: HTTPService {
        private let begun: Progress

        init(_ begun: Progress) { self.begun = begun }

        func begin(_ head: SwerveHTTPTypes.HTTPRequestHead, body: ByteBuffer?, exchange: HTTPExchange) {
            let number = Int(head.target.dropFirst()) ?? 0
            begun.count.wrappingAdd(1, ordering: .relaxed)
            exchange.respond(status: 200, headerBlock: ByteBuffer(), body: PartialWriteTests.content(number))
        }
    }

    private final class Taker: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private var all = ByteBuffer()
        private let promise: EventLoopPromise<ByteBuffer>
        private let received: Progress

        init(_ promise: EventLoopPromise<ByteBuffer>, _ received: Progress) {
            self.promise = promise
            self.received = received
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            var bytes = unwrapInboundIn(data)
            received.count.wrappingAdd(bytes.readableBytes, ordering: .relaxed)
            all.writeBuffer(&bytes)
        }
        func channelInactive(context: ChannelHandlerContext) { promise.succeed(all) }
    }

    /// Something that is counted.
    private final class Progress: Sendable {
        let count = Atomic(0)

        /// Waits until the count has a value, or does not change any more.
        func wait(for value: Int = .max) async {
            var last = -1
            while count.load(ordering: .relaxed) < value, count.load(ordering: .relaxed) != last {
                last = count.load(ordering: .relaxed)
                for _ in 0..<10_000 where count.load(ordering: .relaxed) < value { await Task.yield() }
            }
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `answers to a client that reads late arrive whole and in order`() async throws {
        let count = 3000
        let begun = Progress()
        let received = Progress()
        // Of its own, because it keeps its threads busy.
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let server = try await HTTPServer.start(
            at: .address(host: "127.0.0.1", port: 0),
            group: group,
            service: ContentService(begun)
        )
        let answers = group.any().makePromise(of: ByteBuffer.self)
        let client = try await ClientBootstrap(group: group)
            .channelOption(.socketOption(.so_rcvbuf), value: 4096)
            .channelOption(.autoRead, value: false)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Taker(answers, received))
                }
            }
            .connect(to: try #require(server.localAddress)).get()
        // One after another, because the server gives an answer to the socket itself only if the channel holds none: the
        // one that fills the socket is cut, nearly always. Then the client reads until the channel is empty again.
        var stops = 0
        for number in 0..<count {
            let last = number == count - 1 ? "Connection: close\r\n" : ""
            let request = ByteBuffer(string: "GET /\(number) HTTP/1.1\r\nHost: a\r\n\(last)\r\n")
            try await client.writeAndFlush(request)
            await begun.wait(for: number + 1)
            if begun.count.load(ordering: .relaxed) <= number {
                try await client.setOption(.autoRead, value: true).get()
                await received.wait()
                try await client.setOption(.autoRead, value: false).get()
                stops += 1
            }
        }
        #expect(stops > 0, "the server's socket was never full")
        try await client.setOption(.autoRead, value: true).get()
        var all = try await answers.futureResult.get()
        for number in 0..<count {
            let bytes = all.readableBytesView
            let end = try #require(bytes.firstRange(of: Array("\r\n\r\n".utf8))).upperBound
            let length = end - all.readerIndex
            let head = all.readString(length: length)
            #expect(head?.hasPrefix("HTTP/1.1 200") == true, "answer \(number)")
            let content = Self.content(number)
            guard all.readSlice(length: content.readableBytes) == content else {
                Issue.record("answer \(number) has other content")
                break
            }
        }
        #expect(all.readableBytes == 0)
        await server.drain(deadline: .seconds(10))
        try await group.shutdownGracefully()
    }
}
