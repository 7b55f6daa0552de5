import Logging
import NIOCore
import NIOEmbedded
import SwerveCore
import SwerveTracing
import Synchronization
import TestSupport
import Testing

@Suite struct ExporterTests {
    /// Answers when the test wants it to.
    private final class FakeTransport: SpanTransport {
        private let (stream, continuation) = AsyncStream.makeStream(
            of: (body: [UInt8], done: @Sendable (SpanQueue.Outcome) -> Void).self
        )
        func send(_ body: [UInt8], _ done: @escaping @Sendable (SpanQueue.Outcome) -> Void) {
            continuation.yield((body, done))
        }
        func next() async throws -> (body: [UInt8], done: @Sendable (SpanQueue.Outcome) -> Void) {
            for await export in stream { return export }
            throw CancellationError()
        }
    }

    private func exporter(_ loop: NIOAsyncTestingEventLoop, _ transport: FakeTransport, _ log: KeptLog) throws
        -> SpanExporter
    {
        SpanExporter(
            try settings(TracingOptions(serviceName: "words")),
            role: "replica",
            processID: 17,
            clock: loop,
            transport: transport,
            logger: Logger(label: "test") { _ in log }
        )
    }

    @Test func `spans leave together when the oldest has waited for the interval`() async throws {
        let (loop, transport) = (NIOAsyncTestingEventLoop(), FakeTransport())
        let exporter = try exporter(loop, transport, KeptLog())
        exporter.add(try span(1))
        exporter.add(try span(2))
        await loop.advanceTime(by: .seconds(5))
        let (body, done) = try await transport.next()
        let fields = try ProtobufFields(body)
        let resource = try fields.message(1).message(1)
        #expect(try resource.all(1).map { try $0.text(1) }.contains("service.name"))
        let scope = try fields.message(1).message(2)
        #expect(try scope.message(1).text(1) == "swerve")
        #expect(try scope.all(2).map { try $0.text(5) } == ["1", "2"])
        done(.taken(rejected: 0, reason: ""))
    }

    @Test func `a collector that is away is asked again, and the log says once what was dropped`() async throws {
        let (loop, transport, log) = (NIOAsyncTestingEventLoop(), FakeTransport(), KeptLog())
        let exporter = try exporter(loop, transport, log)
        for round in 0..<2 {
            exporter.add(try span(round))
            await loop.advanceTime(by: .seconds(5))
            for _ in 0..<5 {
                let (_, done) = try await transport.next()
                done(.failed(reason: "away", retryAfter: .seconds(2)))
                await loop.advanceTime(by: .seconds(2))
            }
        }
        #expect(log.lines == ["spans are dropped reason=away"])
        exporter.add(try span(2))
        await loop.advanceTime(by: .seconds(5))
        try await transport.next().done(.taken(rejected: 0, reason: ""))
        #expect(log.lines == ["spans are dropped reason=away", "spans were dropped count=2"])
    }

    @Test func `the end waits for the last export`() async throws {
        let (loop, transport) = (NIOAsyncTestingEventLoop(), FakeTransport())
        let exporter = try exporter(loop, transport, KeptLog())
        exporter.add(try span(1))
        let ends = Counter()
        exporter.end { _ = ends.next() }
        exporter.end { _ = ends.next() }
        let (_, done) = try await transport.next()
        #expect(ends.readings == 0)
        done(.taken(rejected: 0, reason: ""))
        #expect(ends.readings == 2)
        exporter.end { _ = ends.next() }
        #expect(ends.readings == 3)
    }

    @Test func `the end does not wait for ever`() async throws {
        let (loop, transport) = (NIOAsyncTestingEventLoop(), FakeTransport())
        let exporter = try exporter(loop, transport, KeptLog())
        exporter.add(try span(1))
        let ends = Counter()
        exporter.end { _ = ends.next() }
        _ = try await transport.next()
        await loop.advanceTime(by: .seconds(2))
        #expect(ends.readings == 1)
    }

    @Test(
        arguments: [
            (200, .taken(rejected: 0, reason: "")), (429, .failed(reason: "", retryAfter: .seconds(3))),
            (503, .failed(reason: "", retryAfter: .seconds(3))), (400, .refused(reason: "")),
            (500, .refused(reason: "")),
            (301, .refused(reason: "")),
        ] as [(UInt, SpanQueue.Outcome)]
    )
    func `the status of an answer says whether to try again`(_ status: UInt, _ expected: SpanQueue.Outcome) {
        let found = CollectorClient.outcome(status: status, retryAfter: "3", body: [])
        switch (found, expected) {
        case (.taken, .taken), (.refused, .refused): break
        case (.failed(_, let left), .failed(_, let right)): #expect(left == right)
        default: Issue.record("\(found) is not like \(expected)")
        }
    }
}

/// Keeps the lines of a log.
struct KeptLog: LogHandler {
    private final class Lines: Sendable {
        let list = Mutex<[String]>([])
    }
    private let kept = Lines()
    var lines: [String] { kept.list.withLock { $0 } }
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level = .info

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let facts = (event.metadata ?? [:]).sorted { $0.key < $1.key }.map { " \($0)=\($1)" }.joined()
        kept.list.withLock { $0.append("\(event.message)\(facts)") }
    }
}
