import NIOCore
import NIOEmbedded
import SwerveCore
import SwerveHTTP
import SwerveHTTPTypes

/// A whole connection between a client that sends anything and a service that gives random answers at random times.
struct HTTPConnectionTarget {
    private var random: SeededGenerator
    private let channel: EmbeddedChannel
    private let world = World()
    private let loop: HTTPLoop
    private let service: RandomService
    private var output = ByteBuffer()

    /// The environment that the connection sees.
    private final class World {
        var now = MonotonicTime(nanoseconds: 1_000_000_000)
        var unsent = 0
    }

    private init(round: Int) throws {
        random = SeededGenerator(seed: UInt64(round) &+ 0xC0_FFEE)
        var options = HTTPServerOptions()
        options.limits = HTTPTargets.limits
        options.limits.maxBodyBytes = 40_000
        options.inlineBodyBytes = [1, 100, 1 << 20].randomElement(using: &random) ?? 1
        options.bodyWindowBytes = [7, 200, 1 << 20].randomElement(using: &random) ?? 7
        options.pipelineBytes = 200
        options.requestTimeout = Bool.random(using: &random) ? .seconds(100) : nil
        options.minimumBodyRate = Bool.random(using: &random) ? 1 : 0
        channel = EmbeddedChannel()
        let world = world
        loop = HTTPLoop(
            eventLoop: channel.embeddedEventLoop,
            options: options,
            time: { world.now },
            wallClock: { 784_111_777 },
            seed: 1,
            unsent: { _, _ in world.unsent }
        )
        service = RandomService(random: SeededGenerator(seed: random.next()))
        try channel.pipeline.syncOperations.addHandlers(
            CloseFilter(),
            HTTPConnectionHandler(loop: loop, service: service)
        )
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 80)).wait()
    }

    static func run(_ input: UnsafeBufferPointer<UInt8>, round: Int) throws -> String {
        var target = try HTTPConnectionTarget(round: round)
        for piece in HTTPTargets.pieces(input, using: &target.random) {
            if target.channel.isActive { _ = try? target.channel.writeInbound(piece) }
            try target.somethingHappens()
        }
        for _ in 0..<Int.random(in: 0...20, using: &target.random) { try target.somethingHappens() }
        return try target.finish()
    }

    private mutating func somethingHappens() throws {
        switch Int.random(in: 0..<24, using: &random) {
        case 0..<8: service.act()
        case 8: loop.tick()
        case 9...10: advance([.milliseconds(100), .seconds(1), .seconds(31)].randomElement(using: &random) ?? .zero)
        case 11...12: setWritable(!channel.isWritable)
        case 13: world.unsent = Int.random(in: 0...300, using: &random)
        case 14: channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        case 15: channel.read()
        case 16: if Int.random(in: 0..<10, using: &random) == 0 { _ = loop.drain(for: .seconds(5)) }
        case 17: if Int.random(in: 0..<10, using: &random) == 0 { _ = loop.closeLongestIdle() }
        case 18: if Int.random(in: 0..<20, using: &random) == 0 { channel.close(promise: nil) }
        default: break
        }
        try collect()
    }

    private func setWritable(_ isWritable: Bool) {
        guard channel.isActive else { return }
        channel.isWritable = isWritable
        channel.pipeline.fireChannelWritabilityChanged()
    }

    private func advance(_ time: Duration) {
        world.now = world.now + time
        loop.tick()
    }

    private mutating func collect() throws {
        channel.embeddedEventLoop.run()
        while let bytes = try channel.readOutbound(as: ByteBuffer.self) { output.writeImmutableBuffer(bytes) }
    }

    /// Ends everything, and checks what is left.
    private mutating func finish() throws -> String {
        world.unsent = 0
        setWritable(true)
        while service.act() { try collect() }
        try collect()
        for _ in 0..<10 where channel.isActive { advance(.seconds(100)) }
        try collect()
        // Without a request timeout, only an exchange that the service keeps open can hold a connection open.
        if channel.isActive, !service.isHolding { throw WrongResult(message: "the connection stays open") }
        _ = try? channel.finish(acceptAlreadyClosed: true)
        try channel.embeddedEventLoop.syncShutdownGracefully()
        service.lateCalls()
        if let wrong = service.wrong { throw WrongResult(message: wrong) }
        if loop.budget.heldBytes != 0 { throw WrongResult(message: "\(loop.budget.heldBytes) bytes are still counted") }
        let responses = try ResponseReader(calls: service.isHead).read(output)
        return responses == 0 ? "no response" : service.isHead.isEmpty ? "refused" : "answered"
    }
}

/// Ignores half-closes, which the embedded channel does not support.
private final class CloseFilter: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        if mode == .all { context.close(mode: mode, promise: promise) } else { promise?.succeed() }
    }
}

/// Reads what a connection wrote: responses to the calls in order, possibly followed by a refusal. The last one may be
/// cut short.
private struct ResponseReader {
    /// Whether each call was a HEAD request.
    let calls: [Bool]

    func read(_ output: ByteBuffer) throws -> Int {
        var rest = String(buffer: output)[...].utf8
        var count = 0
        while !rest.isEmpty {
            guard let head = takeHead(&rest) else { break }
            let lines = head.split(separator: "\r\n")
            guard let status = lines.first, status.hasPrefix("HTTP/1.1 "), let code = Int(status.dropFirst(9).prefix(3))
            else { throw WrongResult(message: "a response begins with \(lines.first ?? "nothing")") }
            if code == 100 { continue }
            let isHead = count < calls.count && calls[count]
            count += 1
            if count > calls.count + 1 { throw WrongResult(message: "\(count) responses to \(calls.count) requests") }
            let length = lines.first { $0.hasPrefix("content-length: ") }.flatMap { Int($0.dropFirst(16)) }
            let isChunked = lines.contains("transfer-encoding: chunked")
            if length != nil, isChunked { throw WrongResult(message: "a length and chunks: \(head)") }
            if isHead || code == 204 || code == 304 { continue }
            if isChunked {
                guard try takeChunks(&rest) else { break }
            } else if let length {
                guard rest.count >= length else { break }
                rest = rest.dropFirst(length)
            } else {
                // The content ends with the connection.
                break
            }
        }
        return count
    }

    private func takeHead(_ rest: inout Substring.UTF8View) -> Substring? {
        guard let end = rest.firstRange(of: Array("\r\n\r\n".utf8)) else { return nil }
        defer { rest = rest[end.upperBound...] }
        return Substring(rest[..<end.lowerBound])
    }

    /// Returns whether the content is whole.
    private func takeChunks(_ rest: inout Substring.UTF8View) throws -> Bool {
        while let end = rest.firstRange(of: Array("\r\n".utf8)) {
            guard let size = Int(Substring(rest[..<end.lowerBound]), radix: 16) else {
                throw WrongResult(message: "a chunk of size \(Substring(rest[..<end.lowerBound]))")
            }
            rest = rest[end.upperBound...]
            guard rest.count >= size + 2 else { return false }
            guard rest.dropFirst(size).starts(with: "\r\n".utf8) else { throw WrongResult(message: "an open chunk") }
            rest = rest.dropFirst(size + 2)
            if size == 0 { return true }
        }
        return false
    }
}
