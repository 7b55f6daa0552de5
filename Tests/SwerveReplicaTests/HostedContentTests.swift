import Distributed
import NIOCore
import SwerveActors
import SwerveCore
import SwerveHTTPTypes
import SwerveReplica
import TestSupport
import Testing

/// Answers with what it read, as text that compresses.
private distributed actor Repeater: HTTPIngress {
    typealias ActorSystem = ServeSystem
    struct InitArguments: Codable, Sendable {}
    static func _make(_ arguments: InitArguments, actorSystem: ServeSystem) async throws -> Repeater { Repeater() }
    static var _deploymentOptions: DeploymentOptions { DeploymentOptions() }
    static var _deploymentMethods: [DeploymentMethod<Repeater>] { [] }
    init() {
        self.actorSystem = .ofNewActor
    }

    func respond(to request: ServeRequest) async throws -> ServeResponse {
        let word = try await request.body.text()
        return .text(String(repeating: word, count: 2000))
    }
}

/// Gathers the events of one request.
private final class EventReply: Reply {
    let events: AsyncStream<StreamEvent>
    private let report: AsyncStream<StreamEvent>.Continuation

    init() {
        (events, report) = AsyncStream.makeStream()
    }

    func send(_ event: StreamEvent) { report.yield(event) }
    func end(_ event: StreamEvent, of replica: HostedReplica) {
        replica.finish()?()
        report.yield(event)
        report.finish()
    }
    func makeResultBuffer() -> ByteBuffer? { nil }
    var clock: any EventLoop { ManualLoop() }
}

private struct Unexpected: Error {
    let events: [StreamEvent]
}

private struct NoBurst: Burst {
    func hold() {}
    func release() {}
}

/// Codings of HTTP requests and answers in a replica.
@Suite(.timeLimit(.minutes(5))) struct HostedContentTests {
    /// "word", coded by Python's gzip.
    private static let word = ByteBuffer(bytes: [
        0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 2, 3, 0x2B, 0xCF, 0x2F, 0x4A, 1, 0, 0x11, 0x75, 0xF1, 0xC3, 4, 0, 0, 0,
    ])

    /// - Parameter body: `nil` streams a body that never comes.
    private func events(
        method: HTTPMethod = .post,
        _ headers: HTTPHeaders,
        body: ByteBuffer? = word,
        compression: DeploymentOptions.Compression = .gzip(),
        requestDecoding: DeploymentOptions.RequestDecoding = .on()
    ) async throws -> [StreamEvent] {
        let id = ReplicaID(deployment: DeploymentID(application: "hosted", deployment: "Repeater"), number: 1)
        let replica = HostedReplica(
            id: id,
            actor: Repeater(),
            limit: 1,
            compression: compression,
            requestDecoding: requestDecoding
        )
        let loop = ManualLoop()
        let reply = EventReply()
        let head = try ServeRequest(method: method, headers: headers).head
        #expect(replica.admit())
        let request = HostedRequest(
            replica,
            ReplicaRequest(head: head, body: body, deadline: nil),
            on: loop,
            reply
        )
        HostedReplica.start([request], holding: NoBurst(), on: LoopExecutor(loop))
        var events: [StreamEvent] = []
        for await event in reply.events { events.append(event) }
        return events
    }

    private func answer(_ events: [StreamEvent]) throws -> (status: UInt16, headers: String, body: ByteBuffer) {
        #expect(events.count == 1)
        guard case .response(let head, let body) = try #require(events.last) else {
            throw Unexpected(events: events)
        }
        return (head.status, String(buffer: head.headerBlock), body)
    }

    @Test func `coded content is decoded, and the answer compressed for a client that accepts it`() async throws {
        let plain = try answer(try await events(["content-encoding": "gzip"]))
        #expect(String(buffer: plain.body) == String(repeating: "word", count: 2000))
        #expect(!plain.headers.contains("content-encoding"))
        let coded = try answer(try await events(["content-encoding": "gzip", "accept-encoding": "gzip"]))
        #expect(coded.headers.contains("content-encoding: gzip\r\n"))
        #expect(coded.body.readableBytes < 100)
        let again = HTTPBody(coded.body)
        let request = try ServeRequest(headers: ["content-encoding": "gzip"], body: again).decodingContent(.on())
        #expect(try await request.body.text() == String(repeating: "word", count: 2000))
    }

    // A stream would wait for ever: the refusal comes before `accepted`.
    @Test func `an unknown coding is refused before the body is asked for`() async throws {
        let refused = try answer(try await events(["content-encoding": "br"], body: nil))
        #expect(refused.status == 415)
        #expect(refused.headers.contains("accept-encoding: gzip, deflate\r\n"))
    }

    @Test func `damaged content is answered with 400`() async throws {
        let answer = try answer(try await events(["content-encoding": "gzip"], body: ByteBuffer(string: "word")))
        #expect(answer.status == 400)
    }

    @Test func `the answer to HEAD is a head without a length`() async throws {
        let events = try await events(method: .head, ["accept-encoding": "gzip"], body: ByteBuffer(string: "word"))
        #expect(events.count == 2)
        guard case .head(let head, contentLength: nil) = events[0], case .end = events[1] else {
            throw Unexpected(events: events)
        }
        #expect(String(buffer: head.headerBlock).contains("content-encoding: gzip\r\n"))
    }

    @Test func `a deployment can leave both off`() async throws {
        let answer = try answer(
            try await events(
                ["content-encoding": "br", "accept-encoding": "gzip"],
                body: ByteBuffer(string: "as it is"),
                compression: .off,
                requestDecoding: .off
            )
        )
        #expect(String(buffer: answer.body) == String(repeating: "as it is", count: 2000))
    }
}
