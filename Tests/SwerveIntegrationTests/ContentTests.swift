import Foundation
import NIOCore
import Subprocess
import Swerve
import SwerveHTTPTypes
import TestSupport
import Testing

/// Answers with what it read, and with content that compresses.
@Deployment
distributed actor Coder: HTTPIngress {
    static let long = (0..<2000).map { "line \($0) of a text that compresses\n" }.joined()
    private let journal: Journal

    init(journal: Journal) {
        self.journal = journal
    }

    func respond(to request: ServeRequest) async throws -> ServeResponse {
        switch request.path {
        case "/echo":
            let body = try await request.body.collect(upTo: 4 << 20)
            let names = request.headers.map(\.name).filter { $0.hasPrefix("content-") }.joined(separator: ",")
            return ServeResponse(
                headers: [
                    "content-type": "application/octet-stream", "x-seen": names,
                    "x-sent": request.sentHeaders["content-encoding"] ?? "none",
                ],
                body: .bytes(body)
            )
        case "/count":
            var count = 0
            for try await piece in request.body { count += piece.readableBytes }
            return .text("\(count)")
        case "/unread": return .text("not read")
        case "/text": return .text(Self.long)
        case "/short": return .text("short")
        case "/large": return .text(String(repeating: Self.long, count: 50))
        case "/lines":
            return ServeResponse(
                headers: ["content-type": "application/x-ndjson"],
                body: .stream { writer in
                    try await writer.write("{\"line\":1}\n")
                    try await self.journal.wait(for: "read")
                    try await writer.write("{\"line\":2}\n")
                }
            )
        default: throw ServeHTTPError(.notFound)
        }
    }
}

extension IntegrationTests {
    /// Codings of requests and answers, as curl and Python see them.
    @Suite struct Content {
        private func withCoder(
            _ way: Way,
            _ body: (Journal, String) async throws -> Void
        ) async throws {
            let bound = Coder.options(placement: way.placement, directIngress: way.isDirect).bind(
                journal: Journal.options(maxOngoingRequests: 1000, placement: way.placement).bind()
            )
            try await withApplication(bound, routePrefix: "/") { _, name in
                try await eventuallyHealthy(name, way)
                let port = try #require(await instance.port)
                let journal = try await instance.deploymentHandle("Journal", application: name, as: Journal.self)
                try await body(journal, "http://127.0.0.1:\(port)")
            }
        }

        private func run(_ program: String, _ arguments: [String]) async throws -> String {
            let result = try await Subprocess.run(
                .name(program),
                arguments: Arguments(arguments),
                output: .string(limit: 16 << 20),
                error: .string(limit: 1 << 16)
            )
            #expect(result.terminationStatus == .exited(0), "\(result.standardError)")
            return result.standardOutput
        }

        private static let requests = """
            import gzip, http.client, sys, zlib
            url = sys.argv[1]
            def ask(path, body, coding, pieces=None):
                connection = http.client.HTTPConnection(url.removeprefix("http://"))
                data = body if pieces is None else [body[i:i + pieces] for i in range(0, len(body), pieces)]
                connection.request("POST", path, data, {"content-encoding": coding}, encode_chunked=pieces is not None)
                answer = connection.getresponse()
                return answer, answer.read()
            def raw(data):
                encoder = zlib.compressobj(6, zlib.DEFLATED, -15)
                return encoder.compress(data) + encoder.flush()
            text = b"some text " * 50_000
            for coding, encode in [("gzip", gzip.compress), ("x-gzip", gzip.compress), ("deflate", zlib.compress),
                                   ("deflate", raw), ("deflate, gzip", lambda data: gzip.compress(raw(data))),
                                   ("gzip", lambda data: gzip.compress(data[:9]) + gzip.compress(data[9:]))]:
                for pieces in [None, 100]:
                    answer, body = ask("/echo", encode(text), coding, pieces)
                    assert (answer.status, body) == (200, text), (coding, pieces, answer.status, body[:200])
                    assert (answer.headers["x-seen"], answer.headers["x-sent"]) == ("", coding), answer.headers
            def refused(status, path, body, coding, words, pieces=None):
                answer, body = ask(path, body, coding, pieces)
                assert answer.status == status and words in body, (status, coding, answer.status, body[:200])
                return answer
            for coding in ["br", "zstd", "gzip, br", "gzip, gzip, gzip, gzip"]:
                for pieces in [None, 3]:
                    answer = refused(415, "/unread", b"anything", coding, b"content-encoding", pieces)
                    assert answer.headers["accept-encoding"] == "gzip, deflate"
            whole = gzip.compress(text)
            refused(400, "/echo", whole[:-5], "gzip", b"ends in the middle")
            refused(400, "/echo", whole[:-5], "gzip", b"ends in the middle", 10)
            refused(400, "/echo", whole + b"more", "gzip", b"follow the end")
            refused(400, "/echo", b"plain", "gzip", b"not valid gzip data")
            refused(400, "/echo", b"plain", "deflate", b"not valid deflate data")
            bomb = gzip.compress(bytes(42 << 20))
            assert len(bomb) < 42 << 10
            for path in ["/echo", "/count"]:
                refused(413, path, bomb, "gzip", b"")
                refused(413, path, gzip.compress(bomb), "gzip, gzip", b"")
            refused(413, "/count", bomb, "gzip", b"200 times")
            many = b"".join(b"%d " % number for number in range(700_000))
            answer, body = ask("/count", gzip.compress(many), "gzip")
            assert (answer.status, body) == (200, b"%d" % len(many)), (answer.status, body)
            answer, body = ask("/echo", b"", "br")
            assert answer.status == 200
            print("ok")
            """

        @Test(arguments: ways)
        func codedRequestsOfPythonAreDecodedAndBadOnesRefused(way: Way) async throws {
            try await withCoder(way) { _, url async throws in
                #expect(try await run("python3", ["-c", Self.requests, url]) == "ok\n")
            }
        }

        @Test(arguments: ways)
        func curlDecodesCompressedAnswers(way: Way) async throws {
            try await withCoder(way) { _, url async throws in
                func curl(_ path: String, _ options: String...) async throws -> (head: String, body: String) {
                    let text = try await run("curl", ["-sS", "-i"] + options + [url + path])
                    let end = try #require(text.range(of: "\r\n\r\n"))
                    return (text[..<end.lowerBound].lowercased(), String(text[end.upperBound...]))
                }
                let whole = try await curl("/text", "--compressed")
                #expect(whole.body == Coder.long)
                #expect(whole.head.contains("content-encoding: gzip\r\n"))
                #expect(whole.head.contains("vary: accept-encoding"))
                #expect(whole.head.contains("content-length: "))
                let large = try await curl("/large", "--compressed")
                #expect(large.body == String(repeating: Coder.long, count: 50))
                #expect(large.head.contains("content-encoding: gzip\r\n"))
                #expect(large.head.contains("transfer-encoding: chunked"))
                let head = try await curl("/text", "--compressed", "-I")
                #expect(head.head.contains("content-encoding: gzip"))
                #expect(!head.head.contains("content-length"))
                for (path, options) in [("/text", []), ("/text", ["-H", "accept-encoding: gzip;q=0, *"])] {
                    let plain = try await run("curl", ["-sS", "-i"] + options + [url + path])
                    #expect(plain.hasSuffix("\r\n\r\n" + Coder.long))
                }
                let short = try await curl("/short", "--compressed")
                #expect(!short.head.contains("encoding"))
                #expect(short.body == "short")
            }
        }

        @Test(arguments: ways)
        func aCompressedLineArrivesBeforeTheNextIsWritten(way: Way) async throws {
            try await withCoder(way) { journal, _ async throws in
                try await Connection.open { connection async throws in
                    try await connection.send("GET /lines HTTP/1.1\r\nhost: x\r\naccept-encoding: gzip\r\n\r\n")
                    #expect(try await connection.head().headers["content-encoding"] == "gzip")
                    var decoder = ContentDecoder(ContentDecoding(codings: [.gzip], maximumRatio: 200))
                    decoder.feed(try await connection.chunk())
                    #expect(try decoder.next() == .bytes(ByteBuffer(string: "{\"line\":1}\n")))
                    #expect(try decoder.next() == .needsMore)
                    try await journal.note("read")
                    var rest = ByteBuffer()
                    while let chunk = try await connection.chunk() { rest.writeImmutableBuffer(chunk) }
                    decoder.feed(rest)
                    #expect(try decoder.next() == .bytes(ByteBuffer(string: "{\"line\":2}\n")))
                    decoder.feed(nil)
                    #expect(try decoder.next() == .end)
                }
            }
        }
    }
}
