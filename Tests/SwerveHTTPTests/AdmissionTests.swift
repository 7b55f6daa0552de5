import NIOCore
import NIOEmbedded
import NIOPosix
import SwerveCore
import SwerveHTTP
import Synchronization
import TestSupport
import Testing

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

@Suite struct AdmissionTests {
    private let clients = Clients()

    fileprivate static func options(_ change: (inout HTTPServerOptions) -> Void) -> HTTPServerOptions {
        var options = HTTPServerOptions()
        change(&options)
        return options
    }

    fileprivate static func start(_ options: HTTPServerOptions) async throws -> HTTPServer {
        try await HTTPServer.start(
            at: .address(host: "127.0.0.1", port: 0),
            group: MultiThreadedEventLoopGroup.singleton,
            options: options,
            service: EchoService()
        )
    }

    // MARK: - The decision

    @Test(
        arguments: [
            // limit, in use, reserve, most connections, expected
            (nil, 0, nil, 10_000, 10_000), (20_000, 100, nil, 10_000, 10_000), (1024, 24, nil, 10_000, 872),
            (256, 20, nil, 10_000, 172), (256, 20, 200, 10_000, 36), (256, 20, 240, 10_000, 1), (1024, 24, nil, 5, 5),
        ] as [(Int?, Int, Int?, Int, Int)]
    )
    func `connections leave descriptors for replicas`(limit: Int?, inUse: Int, reserve: Int?, most: Int, expected: Int)
    {
        let options = Self.options {
            $0.maxConnections = most
            $0.reservedDescriptors = reserve
        }
        #expect(ConnectionAdmission(options: options, limit: limit, inUse: inUse).maximum == expected)
    }

    @Test func `one connection too many replaces an idle one, or is refused`() {
        let admission = ConnectionAdmission(options: Self.options { $0.maxConnections = 2 }, limit: nil, inUse: 0)
        #expect(admission.decide(connections: 1, canReplaceIdle: nil) == .serve)
        #expect(admission.decide(connections: 2, canReplaceIdle: nil) == .replaceIdle)
        #expect(admission.decide(connections: 2, canReplaceIdle: true) == .replaceIdle)
        #expect(admission.decide(connections: 2, canReplaceIdle: false) == .refuse)
        #expect(admission.decide(connections: 1, canReplaceIdle: false) == .serve)
    }

    // MARK: - Idle connections

    @Test func `the connection that has been idle longest is closed, never a busy one`() throws {
        let busy = try Harness()
        try busy.send(getRequest)
        let first = try busy.connect()
        busy.advance(.seconds(1))
        let second = try busy.connect()
        busy.advance(.seconds(1))
        #expect(busy.loop.closeLongestIdle())
        busy.channel.embeddedEventLoop.run()
        #expect(!first.isActive)
        #expect(second.isActive)
        #expect(busy.loop.closeLongestIdle())
        busy.channel.embeddedEventLoop.run()
        #expect(!second.isActive)
        #expect(!busy.loop.closeLongestIdle())
        #expect(busy.isOpen)
        busy.finish()
    }

    @Test func `a connection that had a request a moment ago does not make room`() throws {
        let harness = try Harness { $0.answer("ok") }
        harness.advance(.seconds(10))
        try harness.send(getRequest)
        harness.advance(.milliseconds(900))
        #expect(!harness.loop.closeLongestIdle())
        harness.advance(.milliseconds(200))
        #expect(harness.loop.closeLongestIdle())
        #expect(try harness.received() == plainHead + "ok")
        #expect(!harness.isOpen)
    }

    @Test func `a connection that was found idle but is busy by now is left alone`() throws {
        let harness = try Harness()
        let other = try harness.connect()
        harness.advance(.seconds(2))
        // The loop has looked at both, and closes one of them.
        #expect(harness.loop.closeLongestIdle())
        harness.channel.embeddedEventLoop.run()
        let left = harness.isOpen ? harness.channel : other
        try left.writeInbound(ByteBuffer(string: getRequest))
        #expect(!harness.loop.closeLongestIdle())
        harness.channel.embeddedEventLoop.run()
        #expect(left.isActive)
        harness.finish()
        _ = try? other.finish(acceptAlreadyClosed: true)
    }

    // MARK: - Real sockets

    @Test func `a connection over the limit gets 503 while no other is idle`() async throws {
        let server = try await Self.start(
            Self.options {
                $0.maxConnections = 1
                // However long the test takes, the first connection does not count as idle.
                $0.replaceableIdleTime = .seconds(3600)
            }
        )
        let (first, _) = try await clients.connect(server)
        // Event loops accept new connections in any order.
        try await eventually("the server has the connection") { server.connectionCount >= 1 }

        let (second, refusal) = try await clients.connect(server)
        second.writeAndFlush(ByteBuffer(string: getRequest), promise: nil)
        let answer = try await refusal.get()
        #expect(answer.hasPrefix("HTTP/1.1 503 "))
        #expect(answer.contains("retry-after: 1\r\n"))
        #expect(first.isActive)
        await server.drain(deadline: .seconds(10))
        try await first.closeFuture.get()
        try await eventually("the server has no connection") { server.connectionCount == 0 }
    }

    @Test func `a connection over the limit replaces an idle one`() async throws {
        let server = try await Self.start(
            Self.options {
                $0.maxConnections = 2
                $0.replaceableIdleTime = .zero
                // Only the limit may close one, also on a machine that is busy for minutes.
                $0.idleTimeout = .seconds(3600)
                $0.headTimeout = .seconds(3600)
            }
        )
        let (first, _) = try await clients.connect(server)
        try await eventually("the server has the connection") { server.connectionCount >= 1 }
        let (second, _) = try await clients.connect(server)
        try await eventually("the server has both connections") { server.connectionCount >= 2 }
        let text = "GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        #expect(try await clients.exchange(server, ByteBuffer(string: text)).hasSuffix("\r\n\r\nGET /a 0"))
        try await eventually("one of the two is closed") { !first.isActive || !second.isActive }
        #expect(first.isActive != second.isActive)
        await server.drain(deadline: .seconds(10))
    }

    // MARK: - A process with few descriptors

    @Test func `the process's descriptor limit is raised, and part of it is left to replicas`() async {
        await #expect(processExitsWith: .success) {
            Few.setLimit(soft: 128, hard: 256)
            let clients = Clients()
            let options = AdmissionTests.options {
                $0.reservedDescriptors = 200
                $0.replaceableIdleTime = .seconds(3600)
            }
            let server = try await AdmissionTests.start(options)
            #expect(Few.limit == 256)
            #expect((1...56).contains(server.connectionLimit))
            var channels: [any Channel] = []
            for _ in 0..<(server.connectionLimit + 5) { channels.append(try await clients.connect(server).channel) }
            try await eventually("the server has all connections") { server.connectionCount >= server.connectionLimit }
            // The clients are in this process, too. Their descriptors, those of the refusals and those that the process
            // opens meanwhile come out of the reserve.
            let left = 200 - channels.count - 25
            #expect(Few.open(left) == left)
            #expect(server.connectionCount == server.connectionLimit)
        }
    }

    @Test func `without descriptors the server pauses, reports it once, and continues when there are some`() async {
        await #expect(processExitsWith: .success) {
            Few.setLimit(soft: 256, hard: 256)
            let clients = Clients()
            let reports = Reports()
            let server = try await HTTPServer.start(
                at: .address(host: "127.0.0.1", port: 0),
                group: clients.group,
                service: EchoService(),
                outOfDescriptors: { _ in reports.count.add(1, ordering: .relaxed) }
            )
            // One descriptor is left, for the client.
            var taken = Few.openAll()
            close(taken.removeLast())
            let text = "GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
            async let answer = clients.exchange(server, ByteBuffer(string: text))
            // Sleeping takes a descriptor, too, and this process runs no other test.
            while reports.count.load(ordering: .relaxed) == 0 {
                await Task.yield()
            }
            for descriptor in taken { close(descriptor) }
            #expect(try await answer.hasSuffix("\r\n\r\nGET /a 0"))
            #expect(reports.count.load(ordering: .relaxed) == 1)
        }
    }
}

private final class Reports: Sendable {
    let count = Atomic(0)
}

/// Gives the process few descriptors, and uses them up.
private enum Few {
    #if canImport(Glibc)
        private static let descriptors = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    #else
        private static let descriptors = RLIMIT_NOFILE
    #endif

    static func setLimit(soft: rlim_t, hard: rlim_t) {
        var limit = rlimit(rlim_cur: soft, rlim_max: hard)
        setrlimit(descriptors, &limit)
    }

    static var limit: rlim_t {
        var limit = rlimit()
        getrlimit(descriptors, &limit)
        return limit.rlim_cur
    }

    /// Opens up to `count` descriptors, and returns how many it got.
    static func open(_ count: Int) -> Int { (0..<count).count { _ in dup(0) >= 0 } }

    static func openAll() -> [Int32] {
        var all: [Int32] = []
        while case let descriptor = dup(0), descriptor >= 0 { all.append(descriptor) }
        return all
    }
}
