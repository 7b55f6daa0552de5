import NIOCore
import SwerveHTTP
import SwerveHTTPTypes

/// Answers each request at once, later or never, in every way that an exchange allows and in some that it does not.
final class RandomService: HTTPService, @unchecked Sendable {
    // Unchecked: the program has one thread.
    fileprivate var random: SeededGenerator
    private var calls: [RandomCall] = []
    /// The first violation: for example, an event for a call that was over.
    fileprivate(set) var wrong: String?

    init(random: SeededGenerator) {
        self.random = random
    }

    var isHead: [Bool] { calls.map(\.isHead) }
    /// Whether there is an open call that the service will never answer.
    var isHolding: Bool { calls.contains { $0.isOpen && $0.isIdle } }

    func begin(_ head: HTTPRequestHead, body: ByteBuffer?, exchange: HTTPExchange) {
        if let open = calls.last(where: \.isOpen) { wrong = "a call begins before the end of \(open.steps)" }
        let call = RandomCall(self, head, exchange, hasDelegate: body == nil || Bool.random(using: &random))
        calls.append(call)
        while call.isOpen, Bool.random(using: &random) { call.act() }
    }

    /// Takes a step for an open call.
    ///
    /// - Returns: `false` when there is nothing to do.
    @discardableResult
    func act() -> Bool {
        guard let call = calls.last(where: { $0.isOpen && !$0.isIdle }) else { return false }
        call.act()
        return true
    }

    /// Lets all calls, which are over, act once more. This must have no effect.
    func lateCalls() {
        for call in calls { call.late() }
    }
}

/// One request of a random service.
private final class RandomCall: HTTPExchangeDelegate {
    private unowned let service: RandomService
    private let exchange: HTTPExchange
    let isHead: Bool
    private(set) var steps: [String] = []
    /// Whether the service keeps it open forever.
    private(set) var isIdle = false
    private var isOver = false
    private var unconsumed = 0
    private var isBegun = false

    init(_ service: RandomService, _ head: HTTPRequestHead, _ exchange: HTTPExchange, hasDelegate: Bool) {
        self.service = service
        self.exchange = exchange
        self.isHead = head.method == .head
        if hasDelegate { exchange.delegate = self }
    }

    var isOpen: Bool { !isOver && exchange.isOpen }

    func act() {
        let number = Int.random(in: 0..<20, using: &service.random)
        steps.append("\(number)")
        switch number {
        case 0..<4 where !isBegun:
            end { $0.respond(status: status(), headerBlock: block(), body: content()) }
        case 4..<6: end { $0.fail(status: 500, message: "no", retryAfter: 1) }
        case 6..<9 where !isBegun:
            isBegun = true
            let length = Bool.random(using: &service.random) ? Int.random(in: 0...60, using: &service.random) : nil
            exchange.respondHead(status: status(), headerBlock: block(), contentLength: length)
        case 9..<14 where isBegun: exchange.respondBody(content())
        case 14..<16 where isBegun: end { $0.respondEnd() }
        case 16: if Int.random(in: 0..<6, using: &service.random) == 0 { end { $0.abort() } }
        case 17: isIdle = Int.random(in: 0..<6, using: &service.random) == 0
        // Out of order, so the connection must be cut.
        case 18 where Int.random(in: 0..<20, using: &service.random) == 0: end { $0.respondEnd() }
        default: consume()
        }
    }

    private func end(_ answer: (HTTPExchange) -> Void) {
        isOver = true
        answer(exchange)
        if exchange.isOpen { service.wrong = service.wrong ?? "open after the end: \(steps)" }
    }

    func late() {
        exchange.respond(status: 200, headerBlock: ByteBuffer(), body: ByteBuffer())
        exchange.respondBody(content())
        exchange.consumedRequestBody(1)
        exchange.abort()
    }

    private func consume() {
        guard unconsumed > 0 else { return }
        let count = Int.random(in: 1...unconsumed, using: &service.random)
        unconsumed -= count
        exchange.consumedRequestBody(count)
    }

    private func status() -> UInt16 {
        [200, 200, 200, 204, 304, 404, 999].randomElement(using: &service.random) ?? 200
    }
    private func block() -> ByteBuffer { ByteBuffer(string: Bool.random(using: &service.random) ? "a: b\r\n" : "") }
    private func content() -> ByteBuffer {
        let count = [0, 1, 10, 60, 20_000].randomElement(using: &service.random) ?? 0
        return ByteBuffer(repeating: 0x78, count: count)
    }

    // MARK: Events from the connection

    private func told(_ what: String) {
        if isOver { service.wrong = service.wrong ?? "\(what) after the end: \(steps)" }
        steps.append(what)
    }

    func requestBody(_ bytes: ByteBuffer) {
        told("body")
        unconsumed += bytes.readableBytes
        if Bool.random(using: &service.random) { consume() }
    }
    func requestBodyEnd() { told("bodyEnd") }
    func cancelled(_ reason: HTTPCancellation) {
        told("cancelled")
        isOver = true
    }
    func responseWritable() { told("writable") }
}
