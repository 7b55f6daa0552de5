import NIOCore
import SwerveCore
import SwerveHTTP

/// A client of the simulated HTTP server. It sends its requests in pieces, one after another or pipelined, reads fast
/// or slowly, and checks every byte.
final class SimClient: @unchecked Sendable {
    // Unchecked: a world is confined to one thread.
    enum Manner: CaseIterable {
        case steady, slow, pipelining
        /// Disconnects at a random moment.
        case leaving
    }
    struct Request {
        let order: SimOrder
        let body: ByteBuffer
        /// How long the client allows for it.
        var timeout: TimeAmount?
        /// The step of the world at which it began, and the time.
        var since = 0
        var began = NIODeadline.distantFuture
        var wanted: ByteBuffer? {
            switch order.work {
            case .ignore: ByteBuffer(string: "ignored")
            case .fail: nil
            default: order.answer(to: body)
            }
        }
    }

    private unowned let world: World
    private let deployment: DeploymentID
    private let prefix: String
    let manner: Manner
    private let channel: SimChannel
    private var unsent: [Request]
    private var waiting: [Request] = []
    private var output = ByteBuffer()
    private var input = ByteBuffer()
    private enum Reading {
        case head
        case length(Int)
        case chunkLine
        case chunk(Int)
        case lastLine
    }
    private var reading = Reading.head
    private var status = 0
    /// The rest of the expected body; `nil` when the body does not matter.
    private var wanted: ByteBuffer?
    private var hasBegun: Bool { if case .head = reading { input.readableBytes > 0 } else { true } }
    private(set) var isGone = false
    /// The number of requests that were answered.
    private(set) var answered = 0

    /// - Parameters:
    ///   - deployment: the one that answers.
    ///   - prefix: that of the deployment's application, without a slash at its end.
    init(
        _ world: World,
        _ manner: Manner,
        _ requests: [Request],
        to deployment: DeploymentID,
        below prefix: String = ""
    ) throws {
        self.world = world
        self.deployment = deployment
        self.prefix = prefix
        self.manner = manner
        self.unsent = requests
        let sizes = [2000, 40_000, 200_000]
        channel = SimChannel(world.main.loop, kernelCapacity: sizes[world.random.next(below: sizes.count)])
        try world.run(on: world.main.loop) {
            let handler = HTTPConnectionHandler(loop: world.httpLoop, service: world.proxy)
            try channel.pipeline.syncOperations.addHandler(handler)
            channel.pipeline.syncOperations.fireChannelRegistered()
            channel.pipeline.syncOperations.fireChannelActive()
            channel.pipeline.syncOperations.read()
        }
    }

    var isDone: Bool { isGone || (unsent.isEmpty && waiting.isEmpty && output.readableBytes == 0) }
    var numbers: [Int] { waiting.map(\.order.number) }
    /// The most bytes that the server ever held for this client.
    var mostPending: Int { channel.mostPending }

    // MARK: Steps

    /// The steps that the client can take now.
    func choices() -> [() -> Void] {
        guard !isGone else { return [] }
        var choices: [() -> Void] = []
        if output.readableBytes == 0, let next = unsent.first, waiting.isEmpty || manner == .pipelining {
            choices.append { self.begin(next) }
        }
        if output.readableBytes > 0, channel.isWaitingForInput { choices.append(send) }
        if channel.kernel.readableBytes > 0 {
            // A slow client reads seldom and little.
            if manner != .slow || world.random.next(below: 4) == 0 { choices.append(read) }
        }
        if !channel.isActive || channel.isOutputClosed, channel.kernel.readableBytes == 0 { choices.append(closed) }
        if manner == .leaving, !waiting.isEmpty, world.random.next(below: 30) == 0 { choices.append(leave) }
        return choices
    }

    private func begin(_ request: Request) {
        unsent.removeFirst()
        var request = request
        request.since = world.trace.count
        request.began = world.now
        if world.disk == nil, world.random.next(below: 10) == 0 {
            request.timeout = .milliseconds([20, 200, 2000][world.random.next(below: 3)])
        }
        waiting.append(request)
        output.writeString("POST \(prefix)\(request.order.path) HTTP/1.1\r\nhost: sim\r\n")
        if let model = request.order.modelID { output.writeString("serve-multiplexed-model-id: \(model)\r\n") }
        if let timeout = request.timeout {
            output.writeString("x-request-timeout-seconds: \(Double(timeout.nanoseconds) / 1e9)\r\n")
        }
        switch world.random.next(below: 8) {
        case 0: output.writeString("x-request-priority: high\r\n")
        case 1: output.writeString("x-request-priority: low\r\n")
        case 2, 3: output.writeString("x-session-id: session \(request.order.number % 3)\r\n")
        default: break
        }
        if world.random.next(below: 3) == 0 {
            output.writeString("transfer-encoding: chunked\r\n\r\n")
            var rest = request.body
            while rest.readableBytes > 0 {
                let most = 1 + world.random.next(below: [3, 1000, 100_000][world.random.next(below: 3)])
                guard let part = rest.readSlice(length: min(rest.readableBytes, most + rest.readableBytes / 20)) else {
                    break
                }
                output.writeString(String(part.readableBytes, radix: 16) + "\r\n")
                output.writeImmutableBuffer(part)
                output.writeString("\r\n")
            }
            output.writeString("0\r\n\r\n")
        } else {
            output.writeString("content-length: \(request.body.readableBytes)\r\n\r\n")
            output.writeImmutableBuffer(request.body)
        }
    }

    private func send() {
        let most = [50, 2000, 70_000, 1 << 20][world.random.next(below: 4)]
        guard let part = output.readSlice(length: min(output.readableBytes, 1 + world.random.next(below: most))) else {
            return
        }
        output.discardReadBytes()
        world.run(on: world.main.loop) { channel.receive(part) }
    }

    /// Sends the first request in one piece.
    func sendWhole() {
        guard let first = unsent.first else { return }
        begin(first)
        let all = output
        output = ByteBuffer()
        world.run(on: world.main.loop) { channel.receive(all) }
    }

    private func read() {
        let most = manner == .slow ? 3000 : 1 << 20
        let part = world.run(on: world.main.loop) { channel.take(1 + world.random.next(below: most)) }
        input.writeImmutableBuffer(part)
        while parse() {}
        input.discardReadBytes()
    }

    private func leave() {
        isGone = true
        world.note("a client leaves")
        for request in waiting { world.audit.over[request.order.number] = world.now }
        world.run(on: world.main.loop) {
            if world.random.next(below: 2) == 0 { channel.endInput() }
            channel.reset()
        }
    }

    private func closed() {
        isGone = true
        if let first = waiting.first, output.readableBytes == 0, manner != .pipelining {
            // Only an answer that has begun may break off, and only after a fault.
            world.check(
                hasBegun && mayLose(first),
                "request \(first.order) was cut off, \(hasBegun ? "in the middle of its answer" : "unanswered")"
            )
        }
        input.clear()
        waiting = []
        if channel.isActive { world.run(on: world.main.loop) { channel.reset() } }
    }

    /// Closes the connection at the end of a world.
    func close() {
        guard channel.isActive else { return }
        world.run(on: world.main.loop) { channel.reset() }
    }

    // MARK: Answers

    /// Parses more of an answer from the input. Returns `false` when it needs more input.
    private func parse() -> Bool {
        switch reading {
        case .head: return parseHead()
        case .length(let left):
            let part = input.readSlice(length: min(left, input.readableBytes)) ?? ByteBuffer()
            compare(part)
            reading = .length(left - part.readableBytes)
            if left == part.readableBytes { end() }
            return left == part.readableBytes
        case .chunkLine:
            guard let line = readLine() else { return false }
            guard let size = Int(line, radix: 16) else {
                world.fail("a chunk begins with \(line.prefix(20))")
                return false
            }
            reading = size == 0 ? .lastLine : .chunk(size)
            return true
        case .chunk(let left):
            if left == 0 {
                guard readLine() != nil else { return false }
                reading = .chunkLine
                return true
            }
            let part = input.readSlice(length: min(left, input.readableBytes)) ?? ByteBuffer()
            compare(part)
            reading = .chunk(left - part.readableBytes)
            return left == part.readableBytes
        case .lastLine:
            guard readLine() != nil else { return false }
            end()
            return true
        }
    }

    private func readLine() -> String? {
        guard let end = input.readableBytesView.firstIndex(of: 10) else { return nil }
        defer { input.moveReaderIndex(to: end + 1) }
        return input.getString(at: input.readerIndex, length: max(0, end - input.readerIndex - 1))
    }

    private func parseHead() -> Bool {
        let bytes = input.readableBytesView
        guard bytes.count > 4, let head = Self.headEnd(bytes) else { return false }
        let text = input.readString(length: head - bytes.startIndex) ?? ""
        input.moveReaderIndex(forwardBy: 4)
        let lines = text.split(separator: "\r\n")
        guard let status = lines.first?.split(separator: " ").dropFirst().first.flatMap({ Int($0) }) else {
            world.fail("an answer begins with \(text.prefix(40))")
            return false
        }
        if status == 100 { return true }
        guard let request = waiting.first else {
            world.fail("an unrequested answer: \(status)")
            return false
        }
        // Requests that are not sent by now get no answer.
        if lines.contains("connection: close"), manner != .pipelining { unsent = [] }
        self.status = status
        wanted = status == 200 ? request.wanted : nil
        if status == 200, wanted == nil { world.fail("request \(request.order) succeeded") }
        let length = lines.first { $0.lowercased().hasPrefix("content-length: ") }.flatMap { Int($0.dropFirst(16)) }
        reading = length.map { .length($0) } ?? .chunkLine
        return true
    }

    private func compare(_ part: ByteBuffer) {
        guard var rest = wanted, let request = waiting.first else { return }
        let same = rest.readSlice(length: part.readableBytes)
        world.check(same == part, "request \(request.order) was answered with wrong bytes")
        wanted = same == part ? rest : nil
    }

    private func end() {
        reading = .head
        let request = waiting.removeFirst()
        world.audit.over[request.order.number] = world.now
        answered += 1
        guard status == 200 else {
            return world.check(mayAnswer(request, status), "request \(request.order) was answered \(status)")
        }
        if let wanted, wanted.readableBytes > 0 {
            world.fail("the answer to request \(request.order) is \(wanted.readableBytes) bytes short")
        }
    }

    // MARK: What may fail

    private func mayLose(_ request: Request) -> Bool {
        if isLate(request) { return true }
        guard world.disk != nil else { return world.faults > 0 }
        return world.audit.mayLose(request.order, since: request.since)
    }

    private func isLate(_ request: Request) -> Bool {
        request.timeout.map { world.now >= request.began + $0 } ?? false
    }

    private func mayAnswer(_ request: Request, _ status: Int) -> Bool {
        let work = request.order.work
        switch status {
        case 504: return isLate(request)
        case 500:
            let audit = world.audit!
            return work == .fail || work == .hang || request.order.failsAlone
                || (work == .relay && request.order.inner.failsAlone)
                || !audit.spoilt.isDisjoint(with: [request.order.number, request.order.inner.number])
                || ((request.order.modelID != nil || work == .relay) && !audit.failedLoads.isEmpty)
        case 502, 503, 404:
            if world.disk == nil { return status == 503 || (status == 502 && world.faults > 0) }
            return (status != 404 && mayLose(request)) || world.audit.wasRefused(deployment, since: request.since)
        default: return false
        }
    }

    private static func headEnd(_ bytes: ByteBufferView) -> Int? {
        var index = bytes.startIndex
        while index + 3 < bytes.endIndex {
            if bytes[index] == 13, bytes[index + 1] == 10, bytes[index + 2] == 13, bytes[index + 3] == 10 {
                return index
            }
            index += 1
        }
        return nil
    }
}
