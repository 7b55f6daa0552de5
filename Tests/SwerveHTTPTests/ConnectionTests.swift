import NIOCore
import NIOEmbedded
import SwerveHTTP
import SwerveHTTPTypes
import Testing

@Suite struct ConnectionTests {
    @Test func `a request is answered with the server's headers added`() throws {
        let harness = try Harness { $0.answer("ok", headers: "a: b\r\n") }
        try harness.send(getRequest)
        #expect(
            try harness.received()
                == "HTTP/1.1 200 OK\r\na: b\r\ncontent-length: 2\r\nx-request-id: r\r\n\(Harness.date)\r\nok"
        )
        #expect(harness.isOpen)
        #expect(harness.counter.flushes == 1)
        harness.finish()
    }

    @Test func `a connection is kept for the next request`() throws {
        let harness = try Harness { $0.answer("ok") }
        for _ in 0..<3 {
            try harness.send(getRequest)
            #expect(try harness.received() == plainHead + "ok")
        }
        #expect(harness.calls.count == 3)
        harness.finish()
    }

    @Test func `pipelined requests begin one after another and are answered in order`() throws {
        let harness = try Harness()
        try harness.send(
            ["/1", "/2", "/3"].map { "GET \($0) HTTP/1.1\r\nHost: a\r\nx-request-id: r\r\n\r\n" }.joined()
        )
        for number in 1...3 {
            #expect(harness.calls.map(\.head.target) == (1...number).map { "/\($0)" })
            harness.calls[number - 1].answer("\(number)0")
            #expect(try harness.received() == plainHead + "\(number)0")
        }
        harness.finish()
    }

    @Test func `responses given at once to pipelined requests leave in one write`() throws {
        let harness = try Harness { $0.answer("ok") }
        try harness.send(String(repeating: getRequest, count: 3))
        let bytes = try harness.channel.readOutbound(as: ByteBuffer.self)
        #expect(bytes.map { String(buffer: $0) } == String(repeating: plainHead + "ok", count: 3))
        #expect(harness.counter.flushes == 1)
        harness.finish()
    }

    @Test func `a response given later is flushed once, at the end of the tick`() throws {
        let harness = try Harness()
        try harness.send(getRequest)
        harness.calls[0].exchange.respondHead(status: 200, headerBlock: ByteBuffer(), contentLength: 2)
        harness.calls[0].exchange.respondBody(ByteBuffer(string: "o"))
        harness.calls[0].exchange.respondBody(ByteBuffer(string: "k"))
        harness.calls[0].exchange.respondEnd()
        #expect(harness.counter.flushes == 0)
        #expect(try harness.received() == plainHead + "ok")
        #expect(harness.counter.flushes == 1)
        harness.finish()
    }

    @Test(arguments: [
        ("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "connection: close\r\n"),
        ("GET / HTTP/1.0\r\n\r\n", "connection: close\r\n"),
    ])
    func `a connection closes when the request asks for it`(request: String, header: String) throws {
        let harness = try Harness { $0.answer("ok") }
        try harness.send(request)
        let answer = try harness.received()
        #expect(answer.contains(header))
        #expect(answer.hasSuffix("\r\n\r\nok"))
        #expect(!harness.isOpen)
    }

    @Test func `an HTTP/1.0 client can ask to keep the connection`() throws {
        let harness = try Harness { $0.answer("ok") }
        try harness.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        #expect(try harness.received().contains("connection: keep-alive\r\n"))
        #expect(harness.isOpen)
        harness.finish()
    }

    @Test(
        arguments: [
            ("HEAD", 200, "content-length: 2\r\n"), ("GET", 204, ""), ("GET", 304, ""),
            ("HEAD", 404, "content-length: 2\r\n"),
        ] as [(String, UInt16, String)]
    )
    func `a response that must not have content has none`(method: String, status: UInt16, length: String) throws {
        let harness = try Harness { $0.answer("ok", status: status) }
        try harness.send("\(method) / HTTP/1.1\r\nHost: a\r\nx-request-id: r\r\n\r\n")
        let answer = try harness.received()
        #expect(answer.hasPrefix("HTTP/1.1 \(status) "))
        #expect(answer.hasSuffix("\r\n\(length)x-request-id: r\r\n\(Harness.date)\r\n"))
        #expect(answer.contains("content-length") == !length.isEmpty)
        #expect(harness.isOpen)
        harness.finish()
    }

    @Test(arguments: ["Head", "head", "HEAd", "HEADS"])
    func `only HEAD is answered without content, not methods spelled like it`(method: String) throws {
        let harness = try Harness { $0.answer("ok") }
        try harness.send("\(method) / HTTP/1.1\r\nHost: a\r\nx-request-id: r\r\n\r\n")
        #expect(try harness.received() == plainHead + "ok")
        #expect(harness.calls[0].head.method.rawValue == method)
        harness.finish()
    }

    @Test(
        arguments: [
            ("options * HTTP/1.1\r\nHost: a\r\n\r\n", 400), ("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 200),
            ("connect / HTTP/1.1\r\nHost: a\r\n\r\n", 200), ("CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n", 501),
            ("GET / http/1.1\r\nHost: a\r\n\r\n", 400), ("GET HTTP://a/ HTTP/1.1\r\nHOST: a\r\n\r\n", 200),
        ] as [(String, UInt16)]
    )
    func `methods and versions are case-sensitive, schemes and header names are not`(request: String, status: UInt16)
        throws
    {
        let harness = try Harness { $0.answer("ok") }
        try harness.send(request)
        #expect(try harness.received().hasPrefix("HTTP/1.1 \(status) "))
        harness.finish()
    }

    @Test(arguments: ["close", "Close", "x, CLOSE"])
    func `connection options are case-insensitive`(option: String) throws {
        let harness = try Harness { $0.answer("ok") }
        try harness.send("GET / HTTP/1.1\r\nhOST: a\r\nCONNECTION: \(option)\r\n\r\n")
        #expect(try harness.received().contains("connection: close\r\n"))
        #expect(!harness.isOpen)
        let kept = try Harness { $0.answer("ok") }
        try kept.send("GET / HTTP/1.0\r\nconnection: Keep-Alive\r\n\r\n")
        #expect(try kept.received().contains("connection: keep-alive\r\n"))
        kept.finish()
    }

    @Test func `content of unknown length is sent in chunks`() throws {
        let harness = try Harness()
        try harness.send(getRequest)
        let exchange = harness.calls[0].exchange
        exchange.respondHead(status: 200, headerBlock: ByteBuffer(), contentLength: nil)
        exchange.respondBody(ByteBuffer(string: "hello"))
        exchange.respondBody(ByteBuffer())
        exchange.respondBody(ByteBuffer(string: String(repeating: "x", count: 20_000)))
        exchange.respondEnd()
        let answer = try harness.received()
        #expect(answer.contains("transfer-encoding: chunked\r\n"))
        #expect(!answer.contains("content-length"))
        #expect(answer.hasSuffix("\r\n\r\n5\r\nhello\r\n4e20\r\n\(String(repeating: "x", count: 20_000))\r\n0\r\n\r\n"))
        #expect(harness.isOpen)
        harness.finish()
    }

    @Test func `an HTTP/1.0 client gets content of unknown length until the connection closes`() throws {
        let harness = try Harness()
        try harness.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        let exchange = harness.calls[0].exchange
        exchange.respondHead(status: 200, headerBlock: ByteBuffer(), contentLength: nil)
        exchange.respondBody(ByteBuffer(string: "hello"))
        exchange.respondEnd()
        let answer = try harness.received()
        #expect(!answer.contains("chunked"))
        #expect(answer.contains("connection: close\r\n"))
        #expect(answer.hasSuffix("\r\n\r\nhello"))
        #expect(!harness.isOpen)
    }

    @Test(arguments: ["a", "abcd"])
    func `content shorter or longer than announced cuts the connection`(content: String) throws {
        let harness = try Harness()
        try harness.send(getRequest)
        let exchange = harness.calls[0].exchange
        exchange.respondHead(status: 200, headerBlock: ByteBuffer(), contentLength: 3)
        exchange.respondBody(ByteBuffer(string: content))
        exchange.respondEnd()
        #expect(!harness.isOpen)
    }

    @Test func `a failure is answered in JSON, or cuts a response that has begun`() throws {
        let harness = try Harness()
        try harness.send(getRequest + getRequest)
        harness.calls[0].exchange.fail(status: 503, message: "full", retryAfter: 2)
        let answer = try harness.received()
        #expect(
            answer.hasPrefix("HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\nretry-after: 2\r\n")
        )
        #expect(answer.hasSuffix("{\"error\":\"full\",\"status\":503}\n"))
        #expect(harness.isOpen)
        harness.calls[1].exchange.respondHead(status: 200, headerBlock: ByteBuffer(), contentLength: nil)
        harness.calls[1].exchange.fail(status: 500, message: "late", retryAfter: nil)
        #expect(!harness.isOpen)
    }

    @Test func `a response whose announced content is all there is whole, also if its service fails before its end`()
        throws
    {
        let harness = try Harness()
        try harness.send(getRequest)
        let exchange = harness.calls[0].exchange
        exchange.respondHead(status: 200, headerBlock: ByteBuffer(), contentLength: 3)
        exchange.respondBody(ByteBuffer(string: "abc"))
        exchange.fail(status: 502, message: "lost", retryAfter: nil)
        #expect(try harness.received().hasSuffix("\r\n\r\nabc"))
        #expect(harness.isOpen)
        // The client may have sent its next request before.
        try harness.send(getRequest)
        harness.calls[1].answer("next")
        #expect(try harness.received().hasSuffix("next"))
    }

    @Test func `what was answered before a response that breaks off still arrives`() throws {
        let harness = try Harness()
        try harness.send(getRequest + getRequest)
        harness.calls[0].answer("first")
        harness.calls[1].exchange.respondHead(status: 200, headerBlock: ByteBuffer(), contentLength: 3)
        harness.calls[1].exchange.fail(status: 502, message: "lost", retryAfter: nil)
        #expect(try harness.received().contains("first"))
        #expect(!harness.isOpen)
    }

    @Test func `a client's request id is kept, and generated ids are unique`() throws {
        let harness = try Harness { $0.answer("") }
        try harness.send(String(repeating: "GET / HTTP/1.1\r\nHost: a\r\n\r\n", count: 100) + getRequest)
        let ids = harness.calls.map(\.head.requestID)
        #expect(Set(ids).count == 101)
        #expect(ids.last == "r")
        #expect(ids[0].utf8.count == 15)
        #expect(ids[0].hasPrefix("abcdef1"))
        #expect(try harness.received().contains("x-request-id: \(ids[0])\r\n"))
        harness.finish()
    }

    @Test func `a finished exchange cannot reach the next one`() throws {
        let harness = try Harness()
        try harness.send(getRequest + getRequest)
        let first = harness.calls[0]
        first.answer("ok")
        #expect(try harness.received() == plainHead + "ok")
        #expect(!first.exchange.isOpen)
        first.answer("xx")
        first.exchange.abort()
        #expect(try harness.received() == "")
        #expect(harness.isOpen)
        harness.calls[1].answer("ok")
        #expect(try harness.received() == plainHead + "ok")
        harness.finish()
    }

    @Test func `a service that writes more than the client takes is told to wait`() throws {
        let harness = try Harness()
        try harness.send(getRequest)
        let call = harness.calls[0]
        call.exchange.respondHead(status: 200, headerBlock: ByteBuffer(), contentLength: nil)
        #expect(call.exchange.respondBody(ByteBuffer(string: "a")))
        harness.channel.isWritable = false
        harness.channel.pipeline.fireChannelWritabilityChanged()
        #expect(!call.exchange.respondBody(ByteBuffer(string: "b")))
        #expect(call.writableCount == 0)
        harness.channel.isWritable = true
        harness.channel.pipeline.fireChannelWritabilityChanged()
        #expect(call.writableCount == 1)
        #expect(call.exchange.respondBody(ByteBuffer(string: "c")))
        harness.finish()
    }

    @Test func `no further request begins while the client takes no responses`() throws {
        let harness = try Harness { $0.answer("ok") }
        harness.channel.isWritable = false
        harness.channel.pipeline.fireChannelWritabilityChanged()
        try harness.send(getRequest)
        #expect(harness.calls.isEmpty)
        harness.channel.isWritable = true
        harness.channel.pipeline.fireChannelWritabilityChanged()
        #expect(harness.calls.count == 1)
        harness.finish()
    }

    @Test func `reading stops while too many bytes of later requests are buffered`() throws {
        var options = HTTPServerOptions()
        options.pipelineBytes = 100
        let harness = try Harness(options: options)
        try harness.send(getRequest)
        let before = harness.counter.reads
        harness.channel.read()
        #expect(harness.counter.reads == before + 1)
        try harness.send(String(repeating: getRequest, count: 5))
        let held = harness.counter.reads
        harness.channel.read()
        #expect(harness.counter.reads == held)
        harness.service.state.value.answer = { $0.answer("ok") }
        harness.calls[0].answer("ok")
        #expect(harness.calls.count == 6)
        #expect(harness.counter.reads == held + 1)
        harness.finish()
    }
}
