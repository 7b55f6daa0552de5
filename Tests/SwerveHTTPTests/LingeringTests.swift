import NIOCore
import NIOEmbedded
import NIOPosix
import SwerveCore
import SwerveHTTP
import TestSupport
import Testing

/// Clients that are still sending a request that was answered: their input is read and dropped for a while, so that
/// they can read the answer.
@Suite struct LingeringTests {
    private static let tooLong = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 600000000\r\n\r\n"

    private func refused(_ options: HTTPServerOptions = HTTPServerOptions()) throws -> Harness {
        let harness = try Harness(options: options)
        try harness.send(Self.tooLong)
        #expect(try harness.received().hasPrefix("HTTP/1.1 413 "))
        return harness
    }

    @Test func `a client that goes on sending has 30 seconds`() throws {
        let harness = try refused()
        for _ in 0..<299 {
            harness.advance(.milliseconds(100))
            try harness.send("more")
        }
        #expect(harness.isOpen)
        harness.advance(.milliseconds(100))
        #expect(!harness.isOpen)
    }

    @Test func `a client that pauses for 5 seconds is given up`() throws {
        let harness = try refused()
        for _ in 0..<3 {
            harness.advance(.milliseconds(4900))
            try harness.send("more")
        }
        harness.advance(.milliseconds(4900))
        #expect(harness.isOpen)
        harness.advance(.milliseconds(100))
        #expect(!harness.isOpen)
    }

    @Test func `a client that ends its side is not waited for`() throws {
        let harness = try refused()
        try harness.send("more")
        harness.closeInput()
        #expect(!harness.isOpen)
    }

    @Test func `a client that sends more than the limit is cut`() throws {
        var options = HTTPServerOptions()
        options.lingerBytes = 1000
        let harness = try refused(options)
        try harness.send(String(repeating: "a", count: 600))
        try harness.send(String(repeating: "a", count: 400))
        #expect(harness.isOpen)
        try harness.send("a")
        #expect(!harness.isOpen)
    }

    @Test func `bytes count from the answer on, also while the client has yet to take it`() throws {
        var options = HTTPServerOptions()
        options.lingerBytes = 1000
        let harness = try Harness(options: options)
        harness.client.unsent = 100
        try harness.send(Self.tooLong)
        _ = try harness.received()
        try harness.send(String(repeating: "a", count: 600))
        harness.client.unsent = 0
        harness.advance(.milliseconds(100))
        try harness.send(String(repeating: "a", count: 400))
        #expect(harness.isOpen)
        try harness.send("a")
        #expect(!harness.isOpen)
    }

    @Test func `above the limit the connection that lingered longest makes room`() throws {
        var options = HTTPServerOptions()
        options.maxLingering = 2
        let harness = try refused(options)
        let others = try (0..<2).map { _ in
            let other = try harness.connect()
            try other.writeInbound(ByteBuffer(string: Self.tooLong))
            other.embeddedEventLoop.run()
            return other
        }
        #expect(!harness.isOpen)
        for other in others { #expect(other.isActive) }
        // The place of one that ends is free again.
        try others[0].close().wait()
        let another = try harness.connect()
        try another.writeInbound(ByteBuffer(string: Self.tooLong))
        another.embeddedEventLoop.run()
        #expect(others[1].isActive && another.isActive)
        for each in others + [another] { _ = try? each.finish(acceptAlreadyClosed: true) }
    }

    @Test func `where no other connection can make room, the answer is sent and the connection closed`() throws {
        var options = HTTPServerOptions()
        options.maxLingering = 0
        let harness = try Harness(options: options)
        try harness.send(Self.tooLong)
        #expect(try harness.received().hasPrefix("HTTP/1.1 413 "))
        #expect(!harness.isOpen)
    }

    @Test func `a server that closes waits for 5 seconds at most`() throws {
        for drainsFirst in [true, false] {
            let harness = try Harness()
            if !drainsFirst { try harness.send(Self.tooLong) }
            _ = try harness.received()
            if drainsFirst { try harness.send("POST / HTTP/1.1\r\n") }
            _ = harness.loop.drain(for: .seconds(60))
            if drainsFirst { try harness.send("Host: a\r\nContent-Length: 600000000\r\n\r\n") }
            _ = try harness.received()
            for _ in 0..<49 {
                harness.advance(.milliseconds(100))
                try harness.send("more")
            }
            #expect(harness.isOpen)
            harness.advance(.milliseconds(100))
            #expect(!harness.isOpen)
        }
    }

    // A reset would overtake the answer, and a client that sends before it reads would see nothing else.
    @Test func `a client that sends all of a refused body before it reads gets the answer and the end`() async throws {
        var options = HTTPServerOptions()
        options.limits.maxBodyBytes = 1000
        // However slow this machine is.
        options.lingerQuiet = .seconds(600)
        options.lingerTimeout = .seconds(600)
        let group = MultiThreadedEventLoopGroup.singleton
        let server = try await HTTPServer.start(
            at: .address(host: "127.0.0.1", port: 0),
            group: group,
            options: options,
            service: EchoService()
        )
        let client = try await ClientBootstrap(group: group)
            .channelOption(.autoRead, value: false)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .connect(to: try #require(server.localAddress)) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        try await client.executeThenClose { inbound, outbound in
            try await outbound.write(
                ByteBuffer(string: "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 20000000\r\n\r\n")
            )
            try await eventually("the server lingers") { server.lingeringCount > 0 }
            // Each write waits until the system has taken it, and the system takes it only if the server reads.
            for _ in 0..<20 { try await outbound.write(ByteBuffer(repeating: 0x61, count: 1_000_000)) }
            try await client.channel.setOption(.autoRead, value: true).get()
            var answer = ByteBuffer()
            for try await bytes in inbound { answer.writeImmutableBuffer(bytes) }
            #expect(String(buffer: answer).hasPrefix("HTTP/1.1 413 "))
            #expect(String(buffer: answer).hasSuffix("\"status\":413}\n"))
        }
        await server.drain(deadline: .seconds(10))
        #expect(server.lingeringCount == 0)
    }
}
