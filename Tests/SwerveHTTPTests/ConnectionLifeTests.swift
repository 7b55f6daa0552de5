import NIOCore
import NIOEmbedded
import SwerveCore
import SwerveHTTP
import Testing

@Suite struct ConnectionLifeTests {
    private static let longPost = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5000000\r\n\r\n"

    // MARK: - Time passes

    @Test func `an idle connection is closed without an answer`() throws {
        let harness = try Harness { $0.answer("ok") }
        try harness.send(getRequest)
        _ = try harness.received()
        harness.advance(.milliseconds(74_900))
        #expect(harness.isOpen)
        harness.advance(.milliseconds(200))
        #expect(!harness.isOpen)
        #expect(try harness.received() == "")
    }

    @Test func `a head that does not end in time is answered with 408`() throws {
        let harness = try Harness()
        try harness.send("GET / HTTP/1.1\r\n")
        harness.advance(.seconds(9))
        try harness.send("Host: a\r\n")
        harness.advance(.seconds(2))
        #expect(try harness.received().hasPrefix("HTTP/1.1 408 "))
        harness.advance(.seconds(5))
        #expect(!harness.isOpen)
    }

    @Test func `a small body that stops arriving is answered with 408`() throws {
        let harness = try Harness()
        try harness.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\na")
        harness.advance(.seconds(29))
        try harness.send("b")
        harness.advance(.seconds(29))
        #expect(try harness.received() == "")
        harness.advance(.seconds(2))
        #expect(try harness.received().hasPrefix("HTTP/1.1 408 "))
        #expect(harness.calls.isEmpty)
        harness.finish()
    }

    @Test func `a streamed body that stops arriving is cancelled and answered with 408`() throws {
        let harness = try Harness()
        try harness.send(Self.longPost + "abc")
        harness.advance(.seconds(31))
        #expect(harness.calls[0].cancellations == [.timedOut])
        #expect(try harness.received().hasPrefix("HTTP/1.1 408 "))
        harness.finish()
    }

    @Test func `a client that the service holds back does not time out`() throws {
        var options = HTTPServerOptions()
        options.inlineBodyBytes = 1
        options.bodyWindowBytes = 4
        let harness = try Harness(options: options)
        try harness.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabcd")
        harness.advance(.seconds(3600))
        #expect(harness.calls[0].cancellations == [])
        harness.calls[0].exchange.consumedRequestBody(4)
        harness.advance(.seconds(29))
        #expect(harness.calls[0].cancellations == [])
        harness.advance(.seconds(2))
        #expect(harness.calls[0].cancellations == [.timedOut])
        harness.finish()
    }

    @Test func `a request that takes too long is answered with 504 and cancelled`() throws {
        var options = HTTPServerOptions()
        options.requestTimeout = .seconds(5)
        let harness = try Harness(options: options)
        try harness.send(getRequest)
        harness.advance(.milliseconds(4900))
        #expect(harness.calls[0].cancellations == [])
        harness.advance(.milliseconds(200))
        #expect(harness.calls[0].cancellations == [.timedOut])
        #expect(try harness.received().hasPrefix("HTTP/1.1 504 Gateway Timeout\r\n"))
        harness.finish()
    }

    // Without them, a browser does not let the page see the error.
    @Test(arguments: [408, 504, 400]) func `the server's own errors carry the lines that were added to the answer`(
        status: Int
    ) throws {
        var options = HTTPServerOptions()
        if status == 504 { options.requestTimeout = .seconds(5) }
        let harness = try Harness(options: options)
        let chunked = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        try harness.send(status == 400 ? chunked : Self.longPost)
        harness.calls[0].exchange.addedHeaders = ByteBuffer(string: "vary: origin\r\n")
        if status == 400 { try harness.send("no size\r\n") }
        if status == 504 { harness.advance(.seconds(6)) }
        if status == 408 { harness.advance(.seconds(31)) }
        let answer = try harness.received()
        #expect(answer.hasPrefix("HTTP/1.1 \(status) "))
        #expect(answer.contains("\r\nvary: origin\r\n"))
        harness.finish()
    }

    @Test(arguments: [("2.5", 2500), ("0.25", 250), ("7", 5000), ("000000002", 2000), ("999999999.999999999", 5000)])
    func `a client may shorten the time limit of its request`(seconds: String, milliseconds: Int) throws {
        var options = HTTPServerOptions()
        options.requestTimeout = .seconds(5)
        let harness = try Harness(options: options)
        try harness.send("GET / HTTP/1.1\r\nhost: a\r\nX-Request-Timeout-Seconds: \(seconds)\r\n\r\n")
        harness.advance(.milliseconds(milliseconds - 100))
        #expect(harness.calls[0].cancellations == [])
        harness.advance(.milliseconds(200))
        #expect(harness.calls[0].cancellations == [.timedOut])
        #expect(try harness.received().hasPrefix("HTTP/1.1 504 Gateway Timeout\r\n"))
        harness.finish()
    }

    @Test func `a time limit counts from the request and not from the last tick`() throws {
        let harness = try Harness()
        harness.clock.now = harness.clock.now + .milliseconds(60)
        try harness.send("GET / HTTP/1.1\r\nhost: a\r\nx-request-timeout-seconds: 0.05\r\n\r\n")
        let deadline = try #require(harness.calls[0].exchange.deadline)
        #expect(deadline == .uptimeNanoseconds(UInt64((harness.clock.now + .milliseconds(50)).nanoseconds)))
        harness.finish()
    }

    @Test func `a client may set a time limit where the server has none`() throws {
        let harness = try Harness()
        try harness.send("GET / HTTP/1.1\r\nhost: a\r\nx-request-timeout-seconds: 3\r\n\r\n")
        harness.advance(.milliseconds(3100))
        #expect(harness.calls[0].cancellations == [.timedOut])
    }

    @Test func `a response that has begun is cut when it takes too long`() throws {
        var options = HTTPServerOptions()
        options.requestTimeout = .seconds(5)
        let harness = try Harness(options: options)
        try harness.send(getRequest)
        harness.calls[0].exchange.respondHead(status: 200, headerBlock: ByteBuffer(), contentLength: nil)
        harness.advance(.seconds(6))
        #expect(harness.calls[0].cancellations == [.timedOut])
        #expect(!harness.isOpen)
    }

    @Test func `without a limit a request may take any time`() throws {
        let harness = try Harness()
        try harness.send(getRequest)
        harness.advance(.seconds(100_000))
        harness.calls[0].answer("ok")
        #expect(try harness.received() == plainHead + "ok")
        harness.finish()
    }

    // MARK: - Lingering

    @Test func `what a refused client still sends is dropped, but not for long`() throws {
        var options = HTTPServerOptions()
        options.limits.maxBodyBytes = 1000
        let harness = try Harness(options: options)
        try harness.send(Self.longPost)
        #expect(try harness.received().hasPrefix("HTTP/1.1 413 "))
        for _ in 0..<29 {
            try harness.send(String(repeating: "a", count: 100_000))
            #expect(harness.loop.budget.heldBytes == 0)
            let reads = harness.counter.reads
            harness.channel.read()
            #expect(harness.counter.reads == reads + 1)
            harness.advance(.seconds(1))
        }
        #expect(harness.isOpen)
        harness.advance(.seconds(1))
        #expect(!harness.isOpen)
        #expect(harness.calls.isEmpty)
    }

    // MARK: - Draining

    @Test func `draining closes idle connections at once`() throws {
        let harness = try Harness { $0.answer("ok") }
        try harness.send(getRequest)
        _ = try harness.received()
        let drained = harness.loop.drain(for: .seconds(10))
        _ = try harness.received()
        #expect(!harness.isOpen)
        try drained.wait()
    }

    @Test func `with a grace, an idle connection has its next request answered and is closed then`() throws {
        let harness = try Harness { $0.answer("ok") }
        try harness.send(getRequest)
        _ = try harness.received()
        let drained = harness.loop.drain(for: .seconds(10), idleGrace: .seconds(1))
        _ = try harness.received()
        #expect(harness.isOpen)
        harness.advance(.milliseconds(900))
        #expect(harness.isOpen)
        try harness.send(getRequest)
        #expect(try harness.received().contains("connection: close\r\n"))
        #expect(!harness.isOpen)
        try drained.wait()
    }

    @Test func `with a grace, a connection that stays idle is closed after it`() throws {
        let harness = try Harness { $0.answer("ok") }
        let drained = harness.loop.drain(for: .seconds(10), idleGrace: .seconds(1))
        #expect(harness.isOpen)
        harness.advance(.milliseconds(1100))
        #expect(!harness.isOpen)
        try drained.wait()
    }

    @Test func `with a grace, a response that began before the drain leaves room for one more request`() throws {
        let harness = try Harness()
        try harness.send(getRequest)
        let exchange = harness.calls[0].exchange
        exchange.respondHead(status: 200, headerBlock: ByteBuffer(), contentLength: 2)
        let drained = harness.loop.drain(for: .seconds(10), idleGrace: .seconds(1))
        _ = exchange.respondBody(ByteBuffer(string: "ok"))
        exchange.respondEnd()
        _ = try harness.received()
        #expect(harness.isOpen)
        harness.advance(.milliseconds(1100))
        #expect(!harness.isOpen)
        try drained.wait()
    }

    @Test func `draining answers requests in progress and closes their connections`() throws {
        let harness = try Harness()
        try harness.send(getRequest)
        let drained = harness.loop.drain(for: .seconds(10))
        _ = try harness.received()
        #expect(harness.isOpen)
        harness.calls[0].answer("ok")
        let answer = try harness.received()
        #expect(answer.contains("connection: close\r\n"))
        #expect(answer.hasSuffix("ok"))
        #expect(!harness.isOpen)
        try drained.wait()
    }

    @Test func `requests in progress at the end of the drain are cut and cancelled`() throws {
        let harness = try Harness()
        try harness.send(getRequest)
        let drained = harness.loop.drain(for: .seconds(10))
        harness.advance(.seconds(9))
        #expect(harness.calls[0].cancellations == [])
        harness.advance(.seconds(2))
        #expect(harness.calls[0].cancellations == [.shutDown])
        #expect(!harness.isOpen)
        try drained.wait()
    }
}
