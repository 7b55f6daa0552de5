import NIOCore
import NIOPosix

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The baseline for a call to another process: messages of one size that are sent back over a Unix socket.
struct RawPeer {
    private let channel: any Channel
    private let process: pid_t

    struct Exchange {
        /// The median time from a message to its answer, with one message outstanding.
        var median: Duration
        var perSecond: Double
    }

    /// Starts the other process and connects to it.
    static func start(on group: any EventLoopGroup) async throws -> RawPeer {
        let path = "/tmp/bench-handles-\(getpid())-\(UInt32.random(in: 0...UInt32.max)).sock"
        let process = try spawn([CommandLine.arguments[0], "raw", path])
        let channel = try await connect(to: path, on: group)
        unlink(path)
        return RawPeer(channel: channel, process: process)
    }

    private static func connect(to path: String, on group: any EventLoopGroup) async throws -> any Channel {
        for _ in 0..<5000 {
            if access(path, F_OK) == 0 {
                let bootstrap = ClientBootstrap(group: group).channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(RawClientHandler())
                    }
                }
                if let channel = try? await bootstrap.connect(unixDomainSocketPath: path).get() { return channel }
            }
            try await Task.sleep(for: .milliseconds(1))
        }
        throw RawPeerError(message: "no process listens at '\(path)'")
    }

    private static func spawn(_ arguments: [String]) throws -> pid_t {
        var process: pid_t = 0
        var cArguments = arguments.map { strdup($0) } + [nil]
        defer { for argument in cArguments { free(argument) } }
        let result = posix_spawn(&process, arguments[0], nil, nil, &cArguments, environ)
        guard result == 0 else { throw RawPeerError(message: "cannot start '\(arguments[0])': error \(result)") }
        return process
    }

    /// Sends messages for `duration`, with `outstanding` of them at a time.
    func exchange(outstanding: Int, for duration: Duration) async throws -> Exchange {
        let channel = self.channel
        let end = try await channel.eventLoop.submit {
            try channel.pipeline.syncOperations.handler(type: RawClientHandler.self)
                .exchange(outstanding: outstanding, for: duration)
        }.get()
        return try await end.get()
    }

    /// Closes the connection, which makes the other process exit.
    func stop() async throws {
        try await channel.close()
        waitpid(process, nil, 0)
    }
}

struct RawPeerError: Error {
    var message: String
}

/// Sends messages and counts the answers.
private final class RawClientHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private struct Running {
        let promise: EventLoopPromise<RawPeer.Exchange>
        let start: ContinuousClock.Instant
        let deadline: ContinuousClock.Instant
        var lastSent: ContinuousClock.Instant
        var outstanding = 0
        var answers = 0
        var bytes = 0
        /// Only with one outstanding message.
        var times: [Duration]?
    }

    private let clock = ContinuousClock()
    private let message = ByteBuffer(repeating: UInt8(ascii: "x"), count: HandleBenchmark.payloadBytes)
    private var context: ChannelHandlerContext?
    private var running: Running?

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }
    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func exchange(outstanding: Int, for duration: Duration) throws -> EventLoopFuture<RawPeer.Exchange> {
        guard let context else { throw ChannelError.ioOnClosedChannel }
        let promise = context.eventLoop.makePromise(of: RawPeer.Exchange.self)
        let now = clock.now
        running = Running(
            promise: promise,
            start: now,
            deadline: now + duration,
            lastSent: now,
            times: outstanding == 1 ? [] : nil
        )
        send(outstanding, context)
        context.flush()
        return promise.futureResult
    }

    private func send(_ count: Int, _ context: ChannelHandlerContext) {
        for _ in 0..<count { context.write(wrapOutboundOut(message), promise: nil) }
        running?.outstanding += count
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        running?.bytes += unwrapInboundIn(data).readableBytes
        guard let count = running.map({ $0.bytes / message.readableBytes }), count > 0 else { return }
        let now = clock.now
        running?.bytes -= count * message.readableBytes
        running?.outstanding -= count
        running?.answers += count
        if let lastSent = running?.lastSent { running?.times?.append(now - lastSent) }
        running?.lastSent = now
        if let running, now < running.deadline {
            send(count, context)
        } else if let running, running.outstanding == 0 {
            self.running = nil
            let middle = running.times.map { median(of: $0) } ?? .zero
            let perSecond = Double(running.answers) / (now - running.start).inSeconds
            running.promise.succeed(.init(median: middle, perSecond: perSecond))
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) { context.flush() }

    func channelInactive(context: ChannelHandlerContext) {
        running?.promise.fail(ChannelError.ioOnClosedChannel)
        running = nil
    }
}

/// The other process, which sends back what it receives until the connection ends.
enum RawServer {
    static func run(at path: String) async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let listener = try await ServerBootstrap(group: group)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(RawEchoHandler())
                }
            }
            .bind(unixDomainSocketPath: path).get()
        try await listener.closeFuture.get()
    }
}

private final class RawEchoHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    func channelRead(context: ChannelHandlerContext, data: NIOAny) { context.write(data, promise: nil) }
    func channelReadComplete(context: ChannelHandlerContext) { context.flush() }
    func channelInactive(context: ChannelHandlerContext) { exit(0) }
}
