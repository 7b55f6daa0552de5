import NIOCore
import NIOPosix
import SwerveCore
import SwerveHTTP
import Testing

@Suite struct ServerTests {
    private let group = MultiThreadedEventLoopGroup.singleton
    private let clients = Clients()

    @Test func `a server answers over a real socket`() async throws {
        let server = try await HTTPServer.start(
            at: .address(host: "127.0.0.1", port: 0),
            group: group,
            service: EchoService()
        )
        #expect(server.localAddress?.port != 0)
        let text =
            "GET /a HTTP/1.1\r\nHost: a\r\n\r\n"
            + "POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi"
        let answer = try await clients.exchange(server, ByteBuffer(string: text))
        #expect(answer.contains("\r\n\r\nGET /a 0HTTP/1.1 200 OK\r\n"))
        #expect(answer.hasSuffix("\r\n\r\nPOST /b 2"))
        await server.drain(deadline: .seconds(10))
    }

    @Test func `a large upload is streamed`() async throws {
        let server = try await HTTPServer.start(
            at: .address(host: "127.0.0.1", port: 0),
            group: group,
            service: EchoService()
        )
        var request = ByteBuffer(
            string: "POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 5000000\r\nConnection: close\r\n\r\n"
        )
        request.writeRepeatingByte(0x61, count: 5_000_000)
        #expect(try await clients.exchange(server, request).hasSuffix("\r\n\r\nstreamed 5000000"))
        await server.drain(deadline: .seconds(10))
    }

    @Test func `a client that is refused while it is sending can read why`() async throws {
        var options = HTTPServerOptions()
        options.limits.maxBodyBytes = 1000
        let server = try await HTTPServer.start(
            at: .address(host: "127.0.0.1", port: 0),
            group: group,
            options: options,
            service: EchoService()
        )
        let (channel, all) = try await clients.connect(server)
        var request = ByteBuffer(string: "POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 20000000\r\n\r\n")
        request.writeRepeatingByte(0x61, count: 20_000_000)
        channel.writeAndFlush(request, promise: nil)
        let answer = try await all.get()
        #expect(answer.hasPrefix("HTTP/1.1 413 "))
        #expect(answer.hasSuffix("\"status\":413}\n"))
        await server.drain(deadline: .seconds(10))
    }

    @Test func `starting on a taken address fails with code addressInUse`() async throws {
        let server = try await HTTPServer.start(
            at: .address(host: "127.0.0.1", port: 0),
            group: group,
            service: EchoService()
        )
        let port = try #require(server.localAddress?.port)
        let error = await #expect(throws: ServeError.self) {
            try await HTTPServer.start(
                at: .address(host: "127.0.0.1", port: port),
                group: group,
                service: EchoService()
            )
        }
        #expect(error?.code == .addressInUse)
        #expect(error?.message.contains("127.0.0.1:\(port)") == true)
        await server.drain(deadline: .seconds(10))
    }

    @Test func `a client that closes its side after the request gets its response`() async throws {
        let server = try await HTTPServer.start(
            at: .address(host: "127.0.0.1", port: 0),
            group: group,
            service: EchoService()
        )
        let (channel, all) = try await clients.connect(server)
        try await channel.writeAndFlush(ByteBuffer(string: "GET /a HTTP/1.1\r\nHost: a\r\n\r\n"))
        try await channel.close(mode: .output)
        #expect(try await all.get().hasSuffix("\r\n\r\nGET /a 0"))
        await server.drain(deadline: .seconds(10))
    }
}
