package import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import SwerveCore

/// Sends exports to the collector: HTTP/1.1, one connection for each export. Exports are seconds apart, so a connection
/// that is kept would mostly be one that the collector has closed meanwhile.
package struct CollectorClient: SpanTransport {
    private let settings: TracingSettings
    private let loop: any EventLoop
    /// The largest answer that is read: 64 KiB. It may have a message about spans that were rejected.
    static let maximumAnswerBytes = 64 << 10

    package init(_ settings: TracingSettings, on loop: any EventLoop) {
        self.settings = settings
        self.loop = loop
    }

    package func send(_ body: [UInt8], _ done: @escaping @Sendable (SpanQueue.Outcome) -> Void) {
        let (settings, loop) = (settings, loop)
        let timeout = TimeAmount.nanoseconds(settings.limits.exportTimeout.nanoseconds)
        let answer = loop.makePromise(of: SpanQueue.Outcome.self)
        let timer = loop.scheduleTask(in: timeout) {
            let limit = settings.limits.exportTimeout
            answer.succeed(.failed(reason: "the collector did not answer within \(limit)", retryAfter: nil))
        }
        ClientBootstrap(group: loop).connectTimeout(timeout)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHTTPClientHandlers()
                    try channel.pipeline.syncOperations.addHandler(AnswerHandler(answer))
                }
            }
            .connect(host: settings.endpoint.host, port: settings.endpoint.port)
            .whenComplete { result in
                switch result {
                case .success(let channel):
                    answer.futureResult.whenComplete { _ in channel.close(promise: nil) }
                    Self.write(body, settings, to: channel)
                case .failure(let error):
                    answer.succeed(.failed(reason: "the collector cannot be reached: \(error)", retryAfter: nil))
                }
            }
        answer.futureResult.whenSuccess { outcome in
            timer.cancel()
            done(outcome)
        }
    }

    private static func write(_ body: [UInt8], _ settings: TracingSettings, to channel: any Channel) {
        var headers = HTTPHeaders([
            ("host", settings.endpoint.authority), ("content-type", "application/x-protobuf"),
            ("content-length", "\(body.count)"), ("connection", "close"), ("user-agent", "swerve"),
        ])
        for (name, value) in settings.headers { headers.replaceOrAdd(name: name, value: value) }
        let head = HTTPRequestHead(version: .http1_1, method: .POST, uri: settings.endpoint.target, headers: headers)
        channel.write(HTTPClientRequestPart.head(head), promise: nil)
        channel.write(HTTPClientRequestPart.body(.byteBuffer(ByteBuffer(bytes: body))), promise: nil)
        channel.writeAndFlush(HTTPClientRequestPart.end(nil), promise: nil)
    }

    /// What an answer means for the export.
    package static func outcome(status: UInt, retryAfter: String?, body: [UInt8]) -> SpanQueue.Outcome {
        switch status {
        case 200..<300:
            let (count, reason) = OTLP.rejected(in: body)
            return .taken(rejected: count, reason: reason)
        case 429, 502, 503, 504:
            let pause = retryAfter.flatMap { Int($0) }.map { Duration.seconds(max(0, min($0, 3600))) }
            return .failed(reason: "the collector answered with status \(status)", retryAfter: pause)
        default: return .refused(reason: "the collector answered with status \(status)")
        }
    }

    private final class AnswerHandler: ChannelInboundHandler {
        typealias InboundIn = HTTPClientResponsePart
        private let answer: EventLoopPromise<SpanQueue.Outcome>
        private var head: HTTPResponseHead?
        private var body: [UInt8] = []

        init(_ answer: EventLoopPromise<SpanQueue.Outcome>) {
            self.answer = answer
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let head): self.head = head
            case .body(let bytes):
                guard body.count + bytes.readableBytes <= CollectorClient.maximumAnswerBytes else {
                    return fail("the collector's answer is longer than \(CollectorClient.maximumAnswerBytes) bytes")
                }
                body.append(contentsOf: bytes.readableBytesView)
            case .end:
                guard let head else { return fail("the collector's answer has no head") }
                let retryAfter = head.headers.first(name: "retry-after")
                answer.succeed(
                    CollectorClient.outcome(status: head.status.code, retryAfter: retryAfter, body: body)
                )
            }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            fail("the collector's connection failed: \(error)")
        }

        func channelInactive(context: ChannelHandlerContext) {
            fail("the collector closed the connection before it answered")
        }

        /// Without effect after an answer.
        private func fail(_ reason: String) {
            answer.succeed(.failed(reason: reason, retryAfter: nil))
        }
    }
}
