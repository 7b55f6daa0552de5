import NIOCore
import NIOPosix
import Synchronization
import TestSupport

/// A collector of spans on a raw socket. It knows OTLP by the numbers of opentelemetry-proto.
final class FakeCollector: Sendable {
    /// A span, as it arrived.
    struct Received: Sendable {
        let trace: [UInt8]
        let id: [UInt8]
        let parent: [UInt8]
        let name: String
        let isError: Bool
        let links: [[UInt8]]
    }
    private let state = Mutex<(heads: [String], spans: [Received])>(([], []))
    private let channel = Mutex<(any Channel)?>(nil)
    private let status: String

    /// The lines of the exports' heads.
    var heads: [String] { state.withLock { $0.heads } }
    /// Without the waits for a replica: whether there are any depends on how busy the machine is.
    var spans: [Received] { state.withLock { $0.spans.filter { !$0.name.hasPrefix("queue ") } } }
    var url: String { "http://127.0.0.1:\(channel.withLock { $0 }?.localAddress?.port ?? 0)/v1/traces" }

    /// - Parameter status: what to answer.
    static func open<Result>(
        status: String = "200 OK",
        isolation: isolated (any Actor)? = #isolation,
        _ body: (FakeCollector) async throws -> Result
    ) async throws -> Result {
        let collector = FakeCollector(status)
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Handler(collector))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        collector.channel.withLock { $0 = channel }
        do {
            let result = try await body(collector)
            try await channel.close()
            return result
        } catch {
            try? await channel.close()
            throw error
        }
    }

    private init(_ status: String) {
        self.status = status
    }

    private func take(_ head: String, _ body: [UInt8]) throws {
        let groups = try ProtobufFields(body).all(1)
        let spans = try groups.flatMap { try $0.all(2) }.flatMap { try $0.all(2) }.map { span in
            Received(
                trace: try span.bytes(1),
                id: try span.bytes(2),
                parent: (try? span.bytes(4)) ?? [],
                name: try span.text(5),
                isError: (try? span.message(15))?.values(3) == [.varint(2)],
                links: try span.all(13).map { try $0.bytes(2) }
            )
        }
        state.withLock { state in
            state.heads.append(head)
            state.spans += spans
        }
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer
        private let collector: FakeCollector
        private var received = ByteBuffer()

        init(_ collector: FakeCollector) {
            self.collector = collector
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            var bytes = unwrapInboundIn(data)
            received.writeBuffer(&bytes)
            let view = received.readableBytesView
            guard let end = view.firstRange(of: Array("\r\n\r\n".utf8)) else { return }
            let head = String(decoding: view[..<end.lowerBound], as: UTF8.self)
            let lines = head.lowercased().split(separator: "\r\n")
            let length = lines.compactMap { $0.hasPrefix("content-length: ") ? Int($0.dropFirst(16)) : nil }.first ?? 0
            let body = Array(view[end.upperBound...])
            guard body.count >= length else { return }
            received.clear()
            let isGood = (try? collector.take(head, body)) != nil
            let status = isGood ? collector.status : "400 Bad Request"
            let answer = ByteBuffer(string: "HTTP/1.1 \(status)\r\ncontent-length: 0\r\n\r\n")
            context.writeAndFlush(wrapOutboundOut(answer), promise: nil)
        }
    }
}
