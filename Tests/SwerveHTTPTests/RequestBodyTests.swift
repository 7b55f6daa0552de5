import NIOCore
import NIOEmbedded
import SwerveHTTP
import SwerveHTTPTypes
import Testing

@Suite struct RequestBodyTests {
    private static let postHead = "POST / HTTP/1.1\r\nHost: a\r\nx-request-id: r\r\n"

    @Test func `small content is handed over whole however it arrives`() throws {
        let request = Self.postHead + "Content-Length: 11\r\n\r\nhello world" + getRequest
        for size in [1, 7, 1000] {
            let harness = try Harness { $0.answer("ok") }
            var rest = Substring(request)
            while !rest.isEmpty {
                try harness.send(String(rest.prefix(size)))
                rest = rest.dropFirst(size)
            }
            #expect(harness.calls.map { $0.body.map { String(buffer: $0) } } == ["hello world", ""])
            #expect(harness.calls[0].head.headers["content-length"] == "11")
            #expect(try harness.received() == plainHead + "ok" + plainHead + "ok")
            harness.finish()
        }
    }

    @Test func `chunked content that has arrived in full is handed over whole`() throws {
        let harness = try Harness { $0.answer("ok") }
        try harness.send(
            Self.postHead + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n" + getRequest
        )
        #expect(harness.calls.map { $0.body.map { String(buffer: $0) } } == ["hello!", ""])
        harness.finish()
    }

    @Test func `chunked content that has not arrived in full is streamed`() throws {
        let harness = try Harness()
        try harness.send(Self.postHead + "Transfer-Encoding: chunked\r\n\r\n5\r\nhel")
        let call = harness.calls[0]
        #expect(call.body == nil)
        #expect(call.chunks == ["hel"])
        for piece in ["lo\r", "\n", "3", "\r\nabc\r\n0\r\n", "\r\n"] { try harness.send(piece) }
        #expect(call.chunks == ["hel", "lo", "abc"])
        #expect(call.isBodyEnded)
        call.answer("ok")
        #expect(try harness.received() == plainHead + "ok")
        #expect(harness.isOpen)
        harness.finish()
    }

    @Test func `the small chunks of one read become one buffer without wasted memory`() throws {
        let harness = try Harness()
        try harness.send(Self.postHead + "Transfer-Encoding: chunked\r\n\r\n")
        let call = harness.calls[0]
        try harness.send(String(repeating: "1\r\nx\r\n", count: 100_000))
        #expect(call.chunks == [String(repeating: "x", count: 100_000)])
        #expect(call.storage[0] < 1 << 18)
        try harness.send("1\r\nx\r\n" + "8000\r\n\(String(repeating: "y", count: 1 << 15))\r\n0\r\n\r\n")
        #expect(call.chunks.dropFirst() == ["x" + String(repeating: "y", count: 1 << 15)])
        #expect(call.isBodyEnded)
        harness.finish()
    }

    @Test func `a small piece does not keep a large read buffer alive`() throws {
        var options = HTTPServerOptions()
        options.inlineBodyBytes = 1
        let harness = try Harness(options: options)
        var bytes = ByteBufferAllocator().buffer(capacity: 1 << 20)
        bytes.writeString(Self.postHead + "Content-Length: 1000\r\n\r\n")
        try harness.channel.writeInbound(bytes)
        let call = harness.calls[0]
        #expect(call.head.bytes.storageCapacity < 1 << 10)
        bytes.clear()
        bytes.writeString("abc")
        try harness.channel.writeInbound(bytes)
        #expect(call.chunks == ["abc"])
        #expect(call.storage[0] < 1 << 10)
        harness.finish()
    }

    @Test func `streamed content stops at the window until the service consumes some`() throws {
        var options = HTTPServerOptions()
        options.inlineBodyBytes = 4
        options.bodyWindowBytes = 10
        let harness = try Harness(options: options)
        try harness.send(Self.postHead + "Content-Length: 25\r\n\r\n")
        let call = harness.calls[0]
        try harness.send("0123456789ab")
        #expect(call.chunks == ["0123456789"])
        let before = harness.counter.reads
        harness.channel.read()
        #expect(harness.counter.reads == before)
        call.exchange.consumedRequestBody(4)
        #expect(call.chunks == ["0123456789", "ab"])
        #expect(harness.counter.reads == before + 1)
        try harness.send("cdefghijklmno")
        #expect(call.chunks == ["0123456789", "ab", "cd"])
        call.exchange.consumedRequestBody(10)
        #expect(call.chunks == ["0123456789", "ab", "cd", "efghijklmn"])
        #expect(!call.isBodyEnded)
        call.exchange.consumedRequestBody(10)
        #expect(call.chunks.joined() == "0123456789abcdefghijklmno")
        #expect(call.isBodyEnded)
        harness.finish()
    }

    @Test func `a client that waits to continue is told to`() throws {
        let proceed = "HTTP/1.1 100 Continue\r\n\r\n"
        let small = try Harness { $0.answer("ok") }
        try small.send(Self.postHead + "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        #expect(try small.received() == proceed)
        try small.send("hi")
        #expect(try small.received() == plainHead + "ok")
        small.finish()

        let large = try Harness()
        try large.send(Self.postHead + "Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n")
        #expect(large.calls.count == 1)
        #expect(try large.received() == proceed)
        large.finish()
    }

    @Test func `transfer codings and expectations are case-insensitive`() throws {
        let harness = try Harness { $0.answer("ok") }
        try harness.send(Self.postHead + "eXPECT: 100-Continue\r\nTRANSFER-ENCODING: Chunked\r\n\r\n")
        #expect(try harness.received().hasPrefix("HTTP/1.1 200 "))
        let waiting = try Harness()
        try waiting.send(Self.postHead + "eXPECT: 100-Continue\r\nTRANSFER-ENCODING: Chunked\r\n\r\n")
        #expect(try waiting.received() == "HTTP/1.1 100 Continue\r\n\r\n")
        try waiting.send("2\r\nhi\r\n0\r\n\r\n")
        #expect(waiting.calls[0].chunks == ["hi"])
        waiting.finish()
    }

    @Test func `a client whose content is not wanted is not told to continue`() throws {
        let harness = try Harness { $0.answer("no", status: 403) }
        try harness.send(Self.postHead + "Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n")
        let answer = try harness.received()
        #expect(answer.hasPrefix("HTTP/1.1 403 Forbidden\r\n"))
        #expect(answer.contains("connection: close\r\n"))
    }

    @Test func `a response before the end of the content closes the connection and drops the rest`() throws {
        var options = HTTPServerOptions()
        options.inlineBodyBytes = 4
        let harness = try Harness(options: options) { $0.answer("no", status: 413) }
        try harness.send(Self.postHead + "Content-Length: 100\r\n\r\n0123")
        let answer = try harness.received()
        #expect(answer.hasPrefix("HTTP/1.1 413 "))
        #expect(answer.contains("connection: close\r\n"))
        #expect(harness.isOpen)
        try harness.send(getRequest)
        #expect(harness.calls.count == 1)
        harness.closeInput()
        #expect(!harness.isOpen)
    }

    @Test func `content that turns out to be malformed is refused, and the exchange cancelled`() throws {
        let harness = try Harness()
        try harness.send(Self.postHead + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello")
        try harness.send("xx")
        #expect(harness.calls[0].cancellations == [.invalidRequest])
        let answer = try harness.received()
        #expect(answer.hasPrefix("HTTP/1.1 400 Bad Request\r\n"))
        #expect(answer.contains("x-request-id: r\r\n"))
        harness.calls[0].answer("late")
        #expect(try harness.received() == "")
        harness.finish()
    }

    @Test(
        arguments: [
            ("GET / HTTP/1.1\r\n\r\n", 400), ("GET /\(String(repeating: "a", count: 9000)) HTTP/1.1\r\n", 414),
            ("GET / HTTP/1.1\r\nX: \(String(repeating: "a", count: 66_000))", 431),
            ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 999999999999\r\n\r\n", 413),
            ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: br\r\n\r\n", 501), ("GET / HTTP/3.0\r\n\r\n", 505),
            ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n", 413),
        ] as [(String, UInt16)]
    )
    func `each refusal has its status and closes the connection`(request: String, status: UInt16) throws {
        let harness = try Harness()
        try harness.send(request)
        let answer = try harness.received()
        #expect(answer.hasPrefix("HTTP/1.1 \(status) "))
        #expect(answer.contains("connection: close\r\n"))
        #expect(answer.contains("\"status\":\(status)}"))
        harness.closeInput()
        #expect(!harness.isOpen)
    }

    @Test func `a request behind a refused one is ignored`() throws {
        let harness = try Harness { $0.answer("ok") }
        try harness.send(getRequest + "GET / HTTP/1.1\r\nHost : a\r\n\r\n" + getRequest)
        #expect(harness.calls.count == 1)
        let answer = try harness.received()
        #expect(answer.hasPrefix(plainHead + "okHTTP/1.1 400 "))
        harness.finish()
    }
}
