import NIOCore
import NIOPosix
import SwerveCore
import SwerveHTTP
import SwerveSystem
import Testing

/// Several servers that accept from one listening socket, as proxy processes do.
@Suite struct SharedSocketTests {
    private let group = MultiThreadedEventLoopGroup.singleton
    private let clients = Clients()

    private func server(_ socket: ListeningSocket) async throws -> HTTPServer {
        let own = try ListeningSocket(try UnixSockets.duplicate(socket.descriptor))
        return try await HTTPServer.start(at: .socket(own), group: group, service: EchoService())
    }

    /// Sends one request on a new connection.
    private func ask(_ socket: ListeningSocket) async throws -> String {
        let address = try SocketAddress(ipAddress: "127.0.0.1", port: socket.port)
        let request = "GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        return try await clients.exchange(address, ByteBuffer(string: request))
    }

    @Test func `connections wait in the queue until a server accepts them`() async throws {
        let socket = try ListeningSocket.open(host: "127.0.0.1", port: 0)
        defer { socket.close() }
        async let answers = [ask(socket), ask(socket)]
        let server = try await server(socket)
        let received = try await answers
        for answer in received { #expect(answer.hasSuffix("\r\n\r\nGET /a 0")) }
        await server.drain(deadline: .seconds(10))
    }

    @Test func `servers that come and go lose no connection`() async throws {
        let socket = try ListeningSocket.open(host: "127.0.0.1", port: 0)
        defer { socket.close() }
        var server = try await server(socket)
        let servers = try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    for _ in 0..<100 {
                        let answer = try await ask(socket)
                        #expect(answer.hasSuffix("\r\n\r\nGET /a 0"))
                    }
                }
            }
            for _ in 0..<20 {
                let next = try await self.server(socket)
                await server.drain(deadline: .seconds(10))
                server = next
            }
            try await group.waitForAll()
            return server
        }
        await servers.drain(deadline: .seconds(10))
    }

    @Test func `a server shares its socket, leaves connections to others and takes them again, and none is lost`()
        async throws
    {
        let socket = try ListeningSocket.open(host: "127.0.0.1", port: 0)
        defer { socket.close() }
        let first = try await HTTPServer.start(
            at: .ownSocket(try socket.duplicate()),
            group: group,
            service: EchoService()
        )
        let door = ServerDoor(first, socket, isOpen: true)
        let other = try await HTTPServer.start(at: .none, group: group, service: EchoService())
        let second = ServerDoor(other, socket, isOpen: false)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    for _ in 0..<100 {
                        let answer = try await ask(socket)
                        #expect(answer.hasSuffix("\r\n\r\nGET /a 0"))
                    }
                }
            }
            await withCheckedContinuation { continuation in door.share { continuation.resume() } }
            for _ in 0..<20 {
                await withCheckedContinuation { continuation in second.take(true) { continuation.resume() } }
                await withCheckedContinuation { continuation in door.take(false) { continuation.resume() } }
                #expect(!door.isOpen && second.isOpen)
                // What was asked last counts, whatever was asked in between.
                for _ in 0..<3 { second.take(true); second.take(false) }
                await withCheckedContinuation { continuation in door.take(true) { continuation.resume() } }
                await withCheckedContinuation { continuation in second.whenSettled { continuation.resume() } }
                #expect(door.isOpen && !second.isOpen)
            }
            try await group.waitForAll()
        }
        await first.drain(deadline: .seconds(10))
        await other.drain(deadline: .seconds(10))
        await first.leaveConnections()
    }

    @Test func `the last server takes what waits in the queue before it closes the socket`() async throws {
        let socket = try ListeningSocket.open(host: "127.0.0.1", port: 0)
        // Nobody takes connections, so these wait.
        async let answers = [ask(socket), ask(socket), ask(socket)]
        let server = try await HTTPServer.start(at: .none, group: group, service: EchoService())
        server.takeConnections(from: socket)
        await server.drain(deadline: .seconds(10), isLast: true)
        let received = (try? await answers) ?? []
        // A client that came too late is refused; one that waited is answered.
        for answer in received { #expect(answer.hasSuffix("\r\n\r\nGET /a 0")) }
    }

    @Test func `a descriptor that is no socket is refused`() throws {
        let error = #expect(throws: ServeError.self) { try ListeningSocket(0) }
        #expect(error?.message == "descriptor 0 is no socket that listens on a port")
    }

    @Test func `a name without an address is refused with the reason`() throws {
        let error = #expect(throws: ServeError.self) { try ListeningSocket.open(host: "no such host", port: 0) }
        #expect(error?.code == .system)
        #expect(error?.message.hasPrefix("cannot listen on no such host:0: ") == true)
    }
}
