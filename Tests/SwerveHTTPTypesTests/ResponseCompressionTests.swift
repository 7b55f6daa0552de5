import NIOCore
import SwerveCore
import Synchronization
import TestSupport
import Testing

@testable import SwerveHTTPTypes

/// Answers that are compressed, and those that are not.
@Suite struct ResponseCompressionTests {
    private static let long = String(repeating: "a line of text\n", count: 200)

    private static func response(
        _ text: String = long,
        type: String? = "text/plain",
        status: HTTPStatus = .ok,
        headers: HTTPHeaders = [:]
    ) -> ServeResponse {
        var response = ServeResponse(status: status, headers: headers, body: .text(text))
        response.headers["content-type"] = type
        return response
    }

    private static func decision(
        _ response: ServeResponse = response(),
        accepting: String? = "gzip",
        by options: DeploymentOptions.Compression = .gzip()
    ) throws -> ResponseCompression {
        let request = try ServeRequest(headers: accepting.map { ["accept-encoding": $0] } ?? [:])
        return ResponseCompression(response, to: request.head, options)
    }

    private static func compressed(_ response: ServeResponse, isHead: Bool = false) async throws -> ServeResponse {
        guard case .gzip(let level) = try decision(response) else { return response }
        return await response.compressed(level: level, isHead: isHead)
    }

    private static func decoded(_ bytes: ByteBuffer) async throws -> String {
        let request = try ServeRequest(headers: ["content-encoding": "gzip"], body: HTTPBody(bytes))
        return try await request.decodingContent(.on(maximumRatio: 10_000)).body.text()
    }

    // MARK: - Which answers

    @Test(
        arguments: [
            ("gzip", true), ("x-gzip", true), ("deflate, GZIP;q=0.5, br", true), ("*", true), ("br;q=1, *;q=0.1", true),
            ("gzip;q=0.001", true), ("identity;q=0.5, gzip;q=1.0", true), ("identity;q=0, *", true),
            ("gzip;q=0", false), ("gzip; q=0, *", false), ("*;q=0", false), ("br", false), ("", false),
            ("identity", false), ("gzip;q=0.5, identity", false), ("gzipped", false),
        ]
    )
    func `gzip is chosen when the client accepts it`(_ accepting: String, _ isChosen: Bool) throws {
        #expect(try Self.decision(accepting: accepting) == (isChosen ? .gzip(level: 1) : .varies))
    }

    // A cache must not give it to a client that accepts gzip.
    @Test func `a client that says nothing about codings gets the answer as it is, with a note for caches`() throws {
        #expect(try Self.decision(accepting: nil) == .varies)
        #expect(try Self.decision(Self.response(type: "image/png"), accepting: nil) == .none)
        #expect(Self.response().varying().headers["vary"] == "accept-encoding")
    }

    @Test(
        arguments: [
            "text/plain", "text/html; charset=utf-8", "APPLICATION/JSON", "application/problem+json", "image/svg+xml",
            "application/javascript", "application/x-npy", "application/x-ndjson", "text/csv",
        ]
    )
    func `content of a type that compresses is compressed`(_ type: String) throws {
        #expect(try Self.decision(Self.response(type: type)) == .gzip(level: 1))
    }

    @Test(arguments: [
        "image/png", "image/jpeg", "application/zip", "application/octet-stream", "text/event-stream", nil,
    ])
    func `content of another type is not`(_ type: String?) throws {
        #expect(try Self.decision(Self.response(type: type)) == .none)
    }

    @Test(
        arguments: [
            ["content-encoding": "br"], ["content-encoding": "identity"], ["Cache-Control": "public, No-Transform"],
            ["content-range": "bytes 0-1/2"], ["content-digest": "x"], ["content-md5": "x"],
        ] as [HTTPHeaders]
    )
    func `an answer that is coded already, or bound to its bytes, is not compressed`(_ headers: HTTPHeaders) throws {
        #expect(try Self.decision(Self.response(headers: headers)) == .none)
    }

    @Test func `status, length and option decide, too`() throws {
        for status: HTTPStatus in [204, 206, 304] { #expect(try Self.decision(Self.response(status: status)) == .none) }
        #expect(try Self.decision(Self.response(status: 404)) == .gzip(level: 1))
        #expect(try Self.decision(Self.response(String(repeating: "a", count: 1023))) == .none)
        #expect(try Self.decision(Self.response(String(repeating: "a", count: 1024))) == .gzip(level: 1))
        #expect(try Self.decision(Self.response("ab"), by: .gzip(minimumBytes: 2, level: 9)) == .gzip(level: 9))
        #expect(try Self.decision(by: .off) == .none)
        func streamed(_ length: Int?) -> ServeResponse {
            ServeResponse(headers: ["content-type": "text/plain"], body: .stream(contentLength: length) { _ in })
        }
        #expect(try Self.decision(streamed(nil)) == .gzip(level: 1))
        #expect(try Self.decision(streamed(1023)) == .none)
    }

    // MARK: - What becomes of them

    @Test func `a whole answer becomes smaller, and its headers say how`() async throws {
        let response = try await Self.compressed(
            Self.response(headers: ["etag": #""x""#, "Accept-Ranges": "bytes", "vary": "origin"])
        )
        let bytes = try #require(response.body.completeBytes)
        #expect(bytes.readableBytes < 200)
        #expect(try await Self.decoded(bytes) == Self.long)
        #expect(response.headers["content-encoding"] == "gzip")
        #expect(response.headers.values(of: "vary") == ["origin", "accept-encoding"])
        #expect(response.headers["etag"] == #"W/"x""#)
        #expect(!response.headers.contains("accept-ranges"))
        let again = try await Self.compressed(response)
        #expect(again.body.completeBytes == bytes)
    }

    @Test(arguments: ["*", "Accept-Encoding", "origin,accept-encoding"])
    func `what varies already is not said twice, and a weak tag stays`(_ vary: String) async throws {
        let response = try await Self.compressed(Self.response(headers: ["etag": #"W/"x""#, "vary": vary]))
        #expect(response.headers.values(of: "vary") == [vary])
        #expect(response.headers["etag"] == #"W/"x""#)
    }

    @Test(arguments: [2000, 200_000, 3 << 20]) func `noise is sent as it is`(_ count: Int) async throws {
        var numbers = SystemRandomNumberGenerator()
        var noise = ByteBuffer()
        while noise.readableBytes < count { noise.writeInteger(numbers.next()) }
        let response = ServeResponse(headers: ["content-type": "application/x-npy"], body: .bytes(noise))
        let compressed = try await Self.compressed(response)
        #expect(compressed.body.completeBytes == noise)
        #expect(compressed.headers["content-encoding"] == nil)
        #expect(compressed.headers["vary"] == "accept-encoding")
    }

    @Test func `the answer to HEAD has the same headers and no content`() async throws {
        let response = try await Self.compressed(Self.response(), isHead: true)
        #expect(response.headers["content-encoding"] == "gzip")
        guard case .stream(let length, let write) = response.body.storage else { return #expect(Bool(false)) }
        #expect(length == nil)
        try await write(HTTPBodyWriter(window: 1) { _ in Issue.record("content is written") })
    }

    // MARK: - Streams

    /// What a transport was given.
    private final class Sent: Sendable {
        private let parts = Mutex<[ByteBuffer]>([])
        var all: [ByteBuffer] { parts.withLock { $0 } }
        func writer(window: Int = 1 << 20) -> HTTPBodyWriter {
            HTTPBodyWriter(window: window) { part in self.parts.withLock { $0.append(part) } }
        }
        var joined: ByteBuffer { all.reduce(into: ByteBuffer()) { $0.writeImmutableBuffer($1) } }
    }

    private static func stream(
        _ length: Int? = nil,
        _ write: @escaping @Sendable (HTTPBodyWriter) async throws -> Void
    ) async throws -> (contentLength: Int?, @Sendable (HTTPBodyWriter) async throws -> Void) {
        let response = ServeResponse(
            headers: ["content-type": "application/x-ndjson"],
            body: .stream(contentLength: length, write)
        )
        guard case .stream(let length, let write) = try await compressed(response).body.storage else {
            preconditionFailure("the stream was collected")
        }
        return (length, write)
    }

    @Test func `each part of a stream can be decoded when it is sent`() async throws {
        let sent = Sent()
        let (length, write) = try await Self.stream { writer in
            var decoder = ContentDecoder(ContentDecoding(codings: [.gzip], maximumRatio: 200))
            for number in 0..<5 {
                try await writer.write("line \(number)\n")
                #expect(sent.all.count == number + 1)
                decoder.feed(sent.all[number])
                #expect(try decoder.next() == .bytes(ByteBuffer(string: "line \(number)\n")))
                #expect(try decoder.next() == .needsMore)
            }
        }
        #expect(length == nil)
        try await write(sent.writer())
        #expect(try await Self.decoded(sent.joined) == (0..<5).map { "line \($0)\n" }.joined())
    }

    @Test func `parts that several tasks write stay whole`() async throws {
        let sent = Sent()
        let (_, write) = try await Self.stream { writer in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<50 {
                    group.addTask { try await writer.write(String(repeating: "\(number) ", count: 100) + "\n") }
                }
                try await group.waitForAll()
            }
        }
        try await write(sent.writer())
        let lines = try await Self.decoded(sent.joined).split(separator: "\n")
        #expect(Set(lines) == Set((0..<50).map { Substring(String(repeating: "\($0) ", count: 100)) }))
    }

    @Test func `content in memory that is long is compressed while it is sent`() async throws {
        let text = String(repeating: Self.long, count: 500)
        let response = try await Self.compressed(Self.response(text))
        guard case .stream(nil, let write) = response.body.storage else { return #expect(Bool(false)) }
        let sent = Sent()
        try await write(sent.writer())
        #expect(sent.all.count > 2)
        #expect(try await Self.decoded(sent.joined) == text)
    }

    @Test(arguments: [9, 11]) func `a stream of another length than announced fails`(_ announced: Int) async throws {
        let (length, write) = try await Self.stream(announced + 2000) { writer in
            try await writer.write(ByteBuffer(repeating: 0x61, count: 2005))
            try await writer.write(ByteBuffer(repeating: 0x61, count: 5))
        }
        #expect(length == nil)
        await #expect(throws: ServeError.self) { try await write(Sent().writer()) }
    }

    // A part that was compressed and not sent would leave a gap.
    @Test func `after a write that is cancelled the stream fails`() async throws {
        let sent = Sent()
        // The window is full after the first part.
        let base = sent.writer(window: 1)
        let (_, write) = try await Self.stream { writer in
            try await writer.write("first")
            let second = Task { try await writer.write("second") }
            try await eventually("a write waits") { base.waiting > 0 }
            second.cancel()
            await #expect(throws: CancellationError.self) { try await second.value }
            try await writer.write("third")
        }
        await #expect(throws: CancellationError.self) { try await write(base) }
        #expect(sent.all.count == 1)
    }
}
