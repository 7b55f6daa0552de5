import NIOCore
import SwerveCore
import SwerveHTTP
import SwerveHTTPTypes
import Testing

@Suite struct ParserTests {
    private static let host = "Host: a\r\n"
    private static let time = "x-request-timeout-seconds: "

    @Test func `a simple request is parsed`() throws {
        var buffer = ByteBuffer(
            string: "GET /a/b?x=1 HTTP/1.1\r\nHost: example.com:80\r\nX-Request-ID: abc\r\nAccept:\t*/* \r\n\r\nrest"
        )
        var parser = HTTPRequestParser()
        let parsed = try #require(try parser.parseHead(&buffer))
        #expect(parsed.head.method == .get)
        #expect(parsed.head.target == "/a/b?x=1")
        #expect(parsed.head.fullPath == "/a/b")
        #expect(parsed.head.headers["accept"] == "*/*")
        #expect(parsed.framing == .none)
        #expect(parsed.isKeepAlive)
        #expect(!parsed.expectsContinue)
        let id = try #require(parsed.requestID)
        #expect(
            parsed.head.bytes.getString(at: parsed.head.bytes.readerIndex + id.lowerBound, length: id.count) == "abc"
        )
        #expect(String(buffer: buffer) == "rest")
    }

    @Test func `priority, session and model are read from the headers when there are any`() throws {
        func attributes(_ lines: String) throws -> RequestAttributes? {
            var buffer = ByteBuffer(string: "GET / HTTP/1.1\r\n\(Self.host)\(lines)\r\n")
            var parser = HTTPRequestParser()
            return try #require(try parser.parseHead(&buffer)).head.attributes
        }
        #expect(try attributes("") == nil)
        #expect(try attributes("x-request-priority: High\r\n") == RequestAttributes(priority: .high))
        #expect(try attributes("X-Session-ID: a b\r\n") == RequestAttributes(sessionKey: "a b"))
        let all = RequestAttributes(priority: .low, sessionKey: "s", modelID: "m")
        for name in ["serve-multiplexed-model-id", "Serve_Multiplexed_Model_ID"] {
            #expect(try attributes("x-session-id: s\r\nx-request-priority: low\r\n\(name): m\r\n") == all)
        }
    }

    @Test func `a request's place in a trace is read from its headers`() throws {
        func trace(_ lines: String) throws -> TraceContext? {
            var buffer = ByteBuffer(string: "GET / HTTP/1.1\r\n\(Self.host)\(lines)\r\n")
            var parser = HTTPRequestParser()
            let head = try #require(try parser.parseHead(&buffer)).head
            #expect(head.attributes?.trace == head.trace)
            return head.trace
        }
        let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        #expect(try trace("") == nil)
        #expect(try trace("Traceparent: \(parent)\r\n")?.traceparent == parent)
        #expect(try trace("tracestate: a=1\r\ntraceparent:\(parent)  \r\nTraceState: b=2\r\n")?.state == "a=1,b=2")
        // What is wrong has no effect, and is no error.
        #expect(try trace("traceparent: \(parent)\r\ntraceparent: \(parent)\r\n") == nil)
        #expect(try trace("traceparent: \(parent.uppercased())\r\n") == nil)
        #expect(try trace("traceparent:\r\n") == nil)
        #expect(try trace("tracestate: a=1\r\n") == nil)
    }

    static let accepted: [(text: String, target: String, body: String)] = [
        ("GET / HTTP/1.1\r\n\(host)\r\n", "/", ""),
        ("\r\n\r\nGET / HTTP/1.1\r\n\(host)\r\n", "/", ""),
        ("GET / HTTP/1.0\r\n\r\n", "/", ""),
        ("GET / HTTP/1.1\r\nHost:\r\n\r\n", "/", ""),
        ("GET / HTTP/1.1\r\nHost: [::1]:8000\r\n\r\n", "/", ""),
        ("OPTIONS * HTTP/1.1\r\n\(host)\r\n", "*", ""),
        ("GET http://a:80/b?c HTTP/1.1\r\n\(host)\r\n", "http://a:80/b?c", ""),
        ("GET HTTPS://a HTTP/1.1\r\n\(host)\r\n", "HTTPS://a", ""),
        ("GET /?a?b{}|\"<>%zz HTTP/1.1\r\n\(host)\r\n", "/?a?b{}|\"<>%zz", ""),
        ("POST / HTTP/1.1\r\n\(host)Content-Length: 5\r\n\r\nhello", "/", "hello"),
        ("POST / HTTP/1.1\r\n\(host)Content-Length: 0\r\n\r\n", "/", ""),
        ("POST / HTTP/1.1\r\n\(host)Content-Length: 0005\r\n\r\nhello", "/", "hello"),
        ("POST / HTTP/1.1\r\n\(host)Transfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "/", "hello"),
        ("POST / HTTP/1.1\r\n\(host)Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "/", ""),
        (
            "POST / HTTP/1.1\r\n\(host)Transfer-Encoding: chunked\r\n\r\n"
                + "05;a;b=c;d=\"e\\\"f;\"\r\nhello\r\nA\r\n0123456789\r\n000\r\nX: y\r\n\r\n", "/", "hello0123456789"
        ),
        ("GET / HTTP/1.1\r\n\(host)X: \u{E9}t\u{E9}\tx\r\nY:\r\nZ:    \t \r\n\r\n", "/", ""),
        ("!#$%&'*+-.^_`|~09azAZ / HTTP/1.1\r\n\(host)!#$%&'*+-.^_`|~09azAZ: x\r\n\r\n", "/", ""),
    ]

    @Test(arguments: accepted)
    func `requests that follow the standard are accepted`(text: String, target: String, body: String) {
        let outcome = parse(text)
        #expect(outcome.error == nil)
        #expect(outcome.requests.map(\.target) == [target])
        #expect(outcome.requests.map(\.body) == [body])
        #expect(outcome.rest == 0)
    }

    static let refused: [(text: String, error: HTTPParseError)] = [
        ("GET / HTTP/1.1\n\(host)\r\n", .bareLineFeed),
        ("GET / HTTP/1.1\r\nHost: a\n\r\n", .bareLineFeed),
        ("GET / HTTP/1.1\r\nHost: a\r\n\n", .bareLineFeed),
        ("GET / HTTP/1.1\rHost: a\r\n\r\n", .bareCarriageReturn),
        ("GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n", .bareCarriageReturn),
        ("\rGET / HTTP/1.1\r\n\(host)\r\n", .bareCarriageReturn),
        ("\nGET / HTTP/1.1\r\n\(host)\r\n", .bareLineFeed),
        ("\r\n\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\n", .badRequestLine),
        ("GET / HTTP/1.1\r\n\(host)X: a\0b\r\n\r\n", .controlCharacter),
        ("GET / HTTP/1.1\r\n\(host)X: a\u{1}b\r\n\r\n", .controlCharacter),
        ("GET / HTTP/1.1\r\n\(host)X: a\u{7F}b\r\n\r\n", .controlCharacter),
        ("\u{16}\u{3}\u{1}", .controlCharacter),
        ("GET /\r\n\r\n", .badRequestLine),
        ("GET\r\n\r\n", .badMethod),
        ("GET  / HTTP/1.1\r\n\r\n", .badTarget),
        ("GET / HTTP/1.1 \r\n\r\n", .badRequestLine),
        ("GET /  HTTP/1.1\r\n\r\n", .badRequestLine),
        ("GET / http/1.1\r\n\r\n", .badRequestLine),
        ("GET / HTTP/11\r\n\r\n", .badRequestLine),
        ("GET / HTTP/1.10\r\n\r\n", .badRequestLine),
        (" GET / HTTP/1.1\r\n\r\n", .badMethod),
        ("G(T / HTTP/1.1\r\n\r\n", .badMethod),
        ("GET\t/ HTTP/1.1\r\n\r\n", .badMethod),
        ("GET /a\tb HTTP/1.1\r\n\r\n", .badTarget),
        ("GET /\u{E9} HTTP/1.1\r\n\r\n", .badTarget),
        ("GET /a#b HTTP/1.1\r\n\r\n", .badTarget),
        ("GET a HTTP/1.1\r\n\r\n", .badTarget),
        ("GET * HTTP/1.1\r\n\r\n", .badTarget),
        ("GET ftp://a/ HTTP/1.1\r\n\r\n", .badTarget),
        ("GET http:///a HTTP/1.1\r\n\r\n", .badTarget),
        ("GET http://u@a/ HTTP/1.1\r\n\r\n", .badTarget),
        ("CONNECT a:80 HTTP/1.1\r\n\r\n", .connectMethod),
        ("GET / HTTP/2.0\r\n\r\n", .unknownVersion),
        ("GET / HTTP/1.2\r\n\r\n", .unknownVersion),
        ("PRI * HTTP/2.0\r\n\r\n", .unknownVersion),
        ("\(String(repeating: "M", count: 33)) / HTTP/1.1\r\n\r\n", .methodTooLong),
        ("GET / HTTP/1.1\r\n\r\n", .missingHost),
        ("GET / HTTP/1.1\r\n\(host)\(host)\r\n", .repeatedHost),
        ("GET / HTTP/1.1\r\n\(host)\(time)1\r\n\(time)1\r\n\r\n", .repeatedTimeout),
        ("GET / HTTP/1.1\r\n\(host)\(time)\r\n\r\n", .badTimeout),
        ("GET / HTTP/1.1\r\n\(host)\(time)0\r\n\r\n", .badTimeout),
        ("GET / HTTP/1.1\r\n\(host)\(time)0.000\r\n\r\n", .badTimeout),
        ("GET / HTTP/1.1\r\n\(host)\(time)-1\r\n\r\n", .badTimeout),
        ("GET / HTTP/1.1\r\n\(host)\(time)1e3\r\n\r\n", .badTimeout),
        ("GET / HTTP/1.1\r\n\(host)\(time).5\r\n\r\n", .badTimeout),
        ("GET / HTTP/1.1\r\n\(host)\(time)5.\r\n\r\n", .badTimeout),
        ("GET / HTTP/1.1\r\n\(host)\(time)1 s\r\n\r\n", .badTimeout),
        ("GET / HTTP/1.1\r\n\(host)\(time)1000000000\r\n\r\n", .badTimeout),
        ("GET / HTTP/1.1\r\n\(host)\(time)1.0000000001\r\n\r\n", .badTimeout),
        ("GET / HTTP/1.1\r\n\(host)x-request-priority: urgent\r\n\r\n", .badPriority),
        ("GET / HTTP/1.1\r\n\(host)x-request-priority: low\r\nX-Request-Priority: low\r\n\r\n", .repeatedAttribute),
        ("GET / HTTP/1.1\r\n\(host)x-session-id:\r\n\r\n", .badAttribute),
        ("GET / HTTP/1.1\r\n\(host)x-session-id: \(String(repeating: "a", count: 257))\r\n\r\n", .badAttribute),
        ("GET / HTTP/1.1\r\n\(host)x-session-id: \u{E9}\r\n\r\n", .badAttribute),
        (
            "GET / HTTP/1.1\r\n\(host)serve-multiplexed-model-id: a\r\nserve_multiplexed_model_id: b\r\n\r\n",
            .repeatedAttribute
        ),
        ("GET / HTTP/1.0\r\n\(host)host: b\r\n\r\n", .repeatedHost),
        ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", .badHost),
        ("GET / HTTP/1.1\r\nHost: a,b\r\n\r\n", .badHost),
        ("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", .badHost),
        ("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", .badHost),
        ("GET / HTTP/1.1\r\n Host: a\r\n\r\n", .foldedHeader),
        ("GET / HTTP/1.1\r\n\(host)X: a\r\n b\r\n\r\n", .foldedHeader),
        ("GET / HTTP/1.1\r\n\(host)X: a\r\n\tb\r\n\r\n", .foldedHeader),
        ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", .badHeaderName),
        ("GET / HTTP/1.1\r\n\(host)X\r\n\r\n", .badHeaderName),
        ("GET / HTTP/1.1\r\n\(host): a\r\n\r\n", .badHeaderName),
        ("GET / HTTP/1.1\r\n\(host)X\u{E9}: a\r\n\r\n", .badHeaderName),
        ("GET / HTTP/1.1\r\n\(host)X(: a\r\n\r\n", .badHeaderName),
        ("POST / HTTP/1.1\r\n\(host)Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", .lengthAndEncoding),
        ("POST / HTTP/1.1\r\n\(host)Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", .lengthAndEncoding),
        ("POST / HTTP/1.1\r\n\(host)Content-Length: 5\r\nContent-Length: 6\r\n\r\n", .repeatedContentLength),
        ("POST / HTTP/1.1\r\n\(host)Content-Length: 5\r\nContent-Length: 5\r\n\r\n", .repeatedContentLength),
        ("POST / HTTP/1.1\r\n\(host)Content-Length: 5, 5\r\n\r\n", .badContentLength),
        ("POST / HTTP/1.1\r\n\(host)Content-Length: +5\r\n\r\n", .badContentLength),
        ("POST / HTTP/1.1\r\n\(host)Content-Length: -5\r\n\r\n", .badContentLength),
        ("POST / HTTP/1.1\r\n\(host)Content-Length: 5 5\r\n\r\n", .badContentLength),
        ("POST / HTTP/1.1\r\n\(host)Content-Length: 0x5\r\n\r\n", .badContentLength),
        ("POST / HTTP/1.1\r\n\(host)Content-Length:\r\n\r\n", .badContentLength),
        ("POST / HTTP/1.1\r\n\(host)Content-Length: 5\t\r\n\r\n", .badContentLength),
        ("POST / HTTP/1.1\r\n\(host)Transfer-Encoding: chunked\t\r\n\r\n", .unknownEncoding),
        ("POST / HTTP/1.1\r\n\(host)Content-Length: 18446744073709551617\r\n\r\n", .badContentLength),
        ("POST / HTTP/1.1\r\n\(host)Content-Length: 999999999999\r\n\r\n", .bodyTooLarge),
        ("POST / HTTP/1.1\r\n\(host)Transfer-Encoding: gzip\r\n\r\n", .unknownEncoding),
        ("POST / HTTP/1.1\r\n\(host)Transfer-Encoding: gzip, chunked\r\n\r\n", .unknownEncoding),
        ("POST / HTTP/1.1\r\n\(host)Transfer-Encoding: chunked, chunked\r\n\r\n", .unknownEncoding),
        ("POST / HTTP/1.1\r\n\(host)Transfer-Encoding: xchunked\r\n\r\n", .unknownEncoding),
        ("POST / HTTP/1.1\r\n\(host)Transfer-Encoding: identity\r\n\r\n", .unknownEncoding),
        ("POST / HTTP/1.1\r\n\(host)Transfer-Encoding:\u{B}chunked\r\n\r\n", .controlCharacter),
        (
            "POST / HTTP/1.1\r\n\(host)Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
            .repeatedEncoding
        ),
        ("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", .encodingInHTTP10),
        ("POST / HTTP/1.1\r\n\(host)Expect: 200-ok\r\n\r\n", .unknownExpectation),
    ]

    @Test(arguments: refused)
    func `requests that break the standard are refused`(text: String, error: HTTPParseError) {
        #expect(parse(text).error == error)
        #expect(parse(text).requests.isEmpty)
    }

    static let refusedChunks: [(text: String, error: HTTPParseError)] = [
        ("\r\n", .badChunkLine), ("g\r\n", .badChunkLine), (" 5\r\n", .badChunkLine), ("5 \r\n", .badChunkLine),
        ("+5\r\n", .badChunkLine), ("-5\r\n", .badChunkLine), ("0x5\r\n", .badChunkLine), ("5;\r\n", .badChunkLine),
        ("5; a\r\n", .badChunkLine), ("5;a=\r\n", .badChunkLine), ("5;a=\"b\r\n", .badChunkLine),
        ("5;a=\"b\\\r\n", .badChunkLine), ("5\n", .bareLineFeed), ("5\r5\r\n", .bareCarriageReturn),
        ("5;\0\r\n", .controlCharacter), ("10000000000000000\r\n", .badChunkLine),
        ("fffffffffffffff\r\n", .bodyTooLarge),
        ("5\r\nhelloX\r\n", .badChunkEnd), ("5\r\nhello\n", .badChunkEnd), ("5\r\nhello\rX", .badChunkEnd),
        ("0\r\nContent-Length: 5\r\n\r\n", .badTrailer), ("0\r\nHOST: a\r\n\r\n", .badTrailer),
        ("0\r\nTransfer-Encoding: chunked\r\n\r\n", .badTrailer), ("0\r\nX\r\n\r\n", .badHeaderName),
        ("0\r\n X: y\r\n\r\n", .foldedHeader), ("0\r\nX: y\n\r\n", .bareLineFeed),
        ("5;\(String(repeating: "a", count: 300))\r\n", .chunkLineTooLong),
        ("0\r\nX: \(String(repeating: "a", count: 9000))\r\n\r\n", .headTooLarge),
        ("0\r\n\(String(repeating: "X: y\r\n", count: 101))\r\n", .tooManyHeaders),
        (String(repeating: "1;\(String(repeating: "a", count: 250))\r\nx\r\n", count: 100), .chunkOverhead),
    ]

    @Test(arguments: refusedChunks)
    func `malformed chunks are refused`(text: String, error: HTTPParseError) {
        let whole = "POST / HTTP/1.1\r\n\(Self.host)Transfer-Encoding: chunked\r\n\r\n" + text
        #expect(parse(whole).error == error)
    }

    @Test func `every table entry has the same outcome byte by byte and at random splits`() {
        let chunkHead = "POST / HTTP/1.1\r\n\(Self.host)Transfer-Encoding: chunked\r\n\r\n"
        let texts =
            Self.accepted.map(\.text) + Self.refused.map(\.text) + Self.refusedChunks.map { chunkHead + $0.text }
            + [Self.accepted.map(\.text).joined()]
        var random = SplitMix64(seed: 1)
        for text in texts {
            let bytes = Array(text.utf8)
            let whole = parse([bytes])
            #expect(parse(bytes.map { [$0] }) == whole, "\(text.debugDescription)")
            for _ in 0..<20 { #expect(parse(split(bytes, using: &random)) == whole, "\(text.debugDescription)") }
        }
    }

    @Test func `consecutive requests are kept apart`() {
        let outcome = parse(Self.accepted.map(\.text).joined())
        #expect(outcome.error == nil)
        #expect(outcome.requests.map(\.target) == Self.accepted.map(\.target))
        #expect(outcome.requests.map(\.body) == Self.accepted.map(\.body))
    }

    @Test(arguments: [
        ("HTTP/1.1", "", true), ("HTTP/1.1", "Connection: close\r\n", false),
        ("HTTP/1.1", "Connection: foo , CLOSE,bar\r\n", false), ("HTTP/1.1", "Connection: keep-alive\r\n", true),
        ("HTTP/1.1", "Connection: a\r\nConnection: close\r\n", false), ("HTTP/1.1", "Connection: closed\r\n", true),
        ("HTTP/1.0", "", false), ("HTTP/1.0", "Connection: Keep-Alive\r\n", true),
        ("HTTP/1.0", "Connection: keep-alive, close\r\n", false),
    ])
    func `keep-alive follows the version and the connection header`(version: String, header: String, keepsAlive: Bool) {
        #expect(parse("GET / \(version)\r\n\(Self.host)\(header)\r\n").requests.first?.isKeepAlive == keepsAlive)
    }

    @Test func `each limit has its status, whole and byte by byte`() {
        var limits = HTTPLimits()
        limits.maxHeadBytes = 400
        limits.maxTargetBytes = 40
        limits.maxHeaderCount = 5
        limits.maxBodyBytes = 10
        let long = String(repeating: "a", count: 500)
        let cases: [(String, UInt16?)] = [
            ("GET /\(long.prefix(39)) HTTP/1.1\r\n\(Self.host)\r\n", nil),
            ("GET /\(long.prefix(40)) HTTP/1.1\r\n\(Self.host)\r\n", 414),
            ("GET /\(long)", 414),
            ("GET / HTTP/1.1\r\n\(Self.host)X: \(long)", 431),
            ("GET / HTTP/1.1\r\n\(Self.host)X: \(long.prefix(300))\r\nY: \(long.prefix(70))\r\n\r\n", 431),
            ("GET / HTTP/1.1\r\n\(Self.host)\(String(repeating: "x: y\r\n", count: 4))\r\n", nil),
            ("GET / HTTP/1.1\r\n\(Self.host)\(String(repeating: "x: y\r\n", count: 5))\r\n", 431),
            ("GET / HTTP/1.1\r\n\(Self.host)Content-Length: 10\r\n\r\n0123456789", nil),
            ("GET / HTTP/1.1\r\n\(Self.host)Content-Length: 11\r\n\r\n", 413),
            ("GET / HTTP/1.1\r\n\(Self.host)Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n", 413),
        ]
        for (text, status) in cases {
            let whole = parse(text, limits: limits)
            #expect(whole.error?.status == status, "\(text)")
            #expect(parse(Array(text.utf8).map { [$0] }, limits: limits) == whole, "\(text)")
        }
    }

    @Test(arguments: ["", "a b", "\u{E9}", String(repeating: "a", count: 129)])
    func `an unusable request id is not kept`(id: String) throws {
        var buffer = ByteBuffer(string: "GET / HTTP/1.1\r\n\(Self.host)X-Request-Id: \(id)\r\n\r\n")
        var parser = HTTPRequestParser()
        #expect(try parser.parseHead(&buffer)?.requestID == nil)
    }
}
