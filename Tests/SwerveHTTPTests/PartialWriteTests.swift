import NIOCore
import NIOPosix
import SwerveHTTP
import SwerveHTTPTypes
import Synchronization
import Testing

/// Sockets that take only a part of what a connection writes.
@Suite struct PartialWriteTests {
    /// The content of an answer: no part of it looks like another part of it, or of another answer.
    private static func content(_ number: Int) -> [UInt8] {
        (0..<(number * 7919 % 1009)).map { UInt8(truncatingIfNeeded: ($0 &* $0) >> 5 ^ $0 ^ number &* 151) }
    }

    /// Answers at once.
    private final class ContentService: HTTPService {
        let begun = Atomic(0)

        func begin(_ head: SwerveHTTPTypes.HTTPRequestHead, body: ByteBuffer?, exchange: HTTPExchange) {
            let number = Int(head.target.dropFirst()) ?? 0
            begun.wrappingAdd(1, ordering: .relaxed)
            let content = ByteBuffer(bytes: PartialWriteTests.content(number))
            exchange.respond(status: 200, headerBlock: ByteBuffer(), body: content)
        }
    }

    private final class Taker: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private var all = ByteBuffer()
        private let promise: EventLoopPromise<ByteBuffer>

        init(_ promise: EventLoopPromise<ByteBuffer>) { self.promise = promise }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            var bytes = unwrapInboundIn(data)
            all.writeBuffer(&bytes)
        }
        func channelInactive(context: ChannelHandlerContext) { promise.succeed(all) }
    }

    @Test(.timeLimit(.minutes(10)))
    func `answers to a client that reads late arrive whole and in order`() async throws {
        let count = 10_000
        let service = ContentService()
        // Of its own, because it keeps its threads busy.
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let server = try await HTTPServer.start(
            at: .address(host: "127.0.0.1", port: 0),
            group: group,
            service: service
        )
        let answers = group.any().makePromise(of: ByteBuffer.self)
        let client = try await ClientBootstrap(group: group)
            .channelOption(.socketOption(.so_rcvbuf), value: 4096)
            .channelOption(.autoRead, value: false)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Taker(answers))
                }
            }
            .connect(to: try #require(server.localAddress)).get()
        // So long that a server reads few at a time: it gives only short answers to the socket itself.
        let padding = "X-Padding: \(String(repeating: "x", count: 2000))\r\n"
        var requests = ByteBuffer()
        for number in 0..<count {
            let last = number == count - 1 ? "Connection: close\r\n" : ""
            requests.writeString("GET /\(number) HTTP/1.1\r\nHost: a\r\n\(padding)\(last)\r\n")
        }
        client.writeAndFlush(requests, promise: nil)
        // Until the server has nowhere to put further answers.
        var begun = -1
        while begun != service.begun.load(ordering: .relaxed) {
            begun = service.begun.load(ordering: .relaxed)
            for _ in 0..<1000 { await Task.yield() }
        }
        try await client.setOption(.autoRead, value: true).get()
        var all = try await answers.futureResult.get()
        for number in 0..<count {
            let bytes = all.readableBytesView
            let end = try #require(bytes.firstRange(of: Array("\r\n\r\n".utf8))).upperBound
            let length = end - all.readerIndex
            let head = all.readString(length: length)
            #expect(head?.hasPrefix("HTTP/1.1 200") == true, "answer \(number)")
            let content = Self.content(number)
            guard all.readBytes(length: content.count) == content else {
                Issue.record("answer \(number) has other content")
                break
            }
        }
        #expect(all.readableBytes == 0)
        await server.drain(deadline: .seconds(10))
        try await group.shutdownGracefully()
    }
}
