internal import SwerveCore
internal import SwerveHTTPTypes

/// The state of one server connection: whose turn it is, how the response is framed, when waits time out.
///
/// It holds no bytes and does no I/O; each event returns what the connection must do.
struct HTTPConnectionMachine: Sendable {
    /// How the end of a response is marked, which also decides what happens to its content.
    enum Framing: Hashable, Sendable {
        case length(remaining: Int)
        case chunked
        /// For HTTP/1.0 clients when the length is unknown.
        case untilClose
        /// The request was HEAD, or the status allows no content: what the service writes is dropped.
        case suppressed
    }

    enum ConnectionHeader: Hashable, Sendable { case none, close, keepAlive }

    struct Exchange: Hashable, Sendable {
        var isRequestComplete: Bool
        /// Bytes of a streamed request that the service has received but not consumed.
        var outstanding = 0
        /// `nil` until the response's head is written.
        var response: Framing?
        var isKeepAlive: Bool
        let isHead: Bool
        let isHTTP10: Bool
        /// When the whole exchange must be over.
        var deadline: MonotonicTime?
    }

    enum Phase: Hashable, Sendable {
        /// Between requests. Goes to `head`, `collecting`, `exchange`, `closing`, `closed`.
        case idle
        /// Part of a head has arrived. Goes to `collecting`, `exchange`, `closing`, `closed`.
        case head
        /// The head is complete and a small body is still arriving. Goes to `exchange`, `closing`, `closed`.
        case collecting(Exchange)
        /// The service is working on a request. Goes to `idle`, `closing`, `closed`.
        case exchange(Exchange)
        /// The last response is being sent; input is dropped. Goes to `closed`.
        case closing(Farewell)
        case closed
    }

    /// How far the last response has got.
    enum Farewell: Hashable, Sendable {
        /// The system does not have all of it yet. Goes to `sent`, `lingering`.
        case writing
        /// The system has all of it, the client does not. Goes to `lingering`.
        case sent
        /// The client's system has all of it, but the client may not have read it yet. Ends at that time at the latest.
        case lingering(until: MonotonicTime)
    }

    /// What happens to the content of a request whose head is complete.
    enum HeadPlan: Hashable, Sendable { case complete, collect, stream }

    struct ResponsePlan: Hashable, Sendable {
        var framing: Framing
        var connection: ConnectionHeader
    }

    enum BytesAction: Hashable, Sendable {
        case write, writeChunk, drop
        /// More than the announced length, or no response to write to: cut the connection.
        case abort
    }

    enum EndAction: Hashable, Sendable {
        case next
        /// Close once everything is written; linger when the client may still be sending.
        case close(linger: Bool)
        /// Less than the announced length: cut the connection.
        case abort
    }

    enum DropAction: Hashable, Sendable {
        case none
        /// The client has sent more than is worth reading: cut the connection.
        case cut
    }

    enum TickAction: Hashable, Sendable {
        case none
        /// Close without an answer: an idle connection, one that takes no response, or one that lingered long enough.
        case close
        /// No exchange has begun: answer and close.
        case refuse
        /// Cancel the exchange, and answer with the status if the response has not begun.
        case fail(HTTPCancellation, status: UInt16)
    }

    var phase = Phase.idle
    private(set) var isInputClosed = false
    /// How long the connection may be idle while it drains; `nil` if it does not drain.
    private var drainGrace: Duration?
    private var isDraining: Bool { drainGrace != nil }
    /// Whether the connection drains, and nothing more is to come.
    var isOver: Bool { drainGrace == .zero && phase == .idle }
    private var isNarrow = false
    /// When the current wait for the client times out.
    private var deadline: MonotonicTime
    /// When to give up on a client that takes nothing of what was written; `nil` while the client is not behind.
    private var writeDeadline: MonotonicTime?
    /// At the last look: how many bytes the client had taken, when it had last taken some, and when to look again.
    private var takenBytes = 0
    private var takenAt: MonotonicTime
    private var nextLook: MonotonicTime
    /// How many bytes were dropped after the last response.
    private var droppedBytes = 0
    private let options: HTTPServerOptions
    /// The idle timeout, converted once because every request adds it to the time.
    private let idleNanoseconds: Int64

    init(options: HTTPServerOptions, now: MonotonicTime) {
        self.options = options
        self.idleNanoseconds = options.idleTimeout.nanoseconds
        self.deadline = now + options.idleTimeout
        self.nextLook = now
        self.takenAt = now
    }

    var exchange: Exchange? {
        if case .exchange(let exchange) = phase { exchange } else { nil }
    }

    /// Since when the client has had every response without beginning another request; `nil` while it is busy.
    var idleSince: MonotonicTime? {
        guard phase == .idle, writeDeadline == nil, !isInputClosed else { return nil }
        return deadline + (.zero - options.idleTimeout)
    }

    /// When the server gives up on the ongoing request.
    var requestDeadline: MonotonicTime? { exchange?.deadline }

    /// Whether the last response is with the system and only the client's input is awaited.
    var isLingering: Bool {
        switch phase {
        case .closing(.sent), .closing(.lingering): true
        default: false
        }
    }

    /// How many bytes of a streamed request the service has not consumed yet.
    var outstanding: Int {
        if case .exchange(let exchange) = phase { exchange.outstanding } else { 0 }
    }

    /// How many more bytes of a streamed request the service may receive.
    var window: Int {
        (isNarrow ? min(options.bodyWindowBytes, Self.narrowWindowBytes) : options.bodyWindowBytes) - outstanding
    }

    /// The window while the server's budget is used up.
    private static let narrowWindowBytes = 64 << 10

    // MARK: - Request

    /// The bytes so far end in the middle of a head.
    mutating func headBegan(now: MonotonicTime) {
        guard case .idle = phase else { return }
        phase = .head
        deadline = now + options.headTimeout
    }

    /// - Parameter buffered: how many bytes after the head have arrived.
    mutating func headEnded(_ head: HTTPParsedHead, buffered: Int, now: MonotonicTime) -> HeadPlan {
        let plan: HeadPlan =
            switch head.framing {
            case .none: .complete
            case .length(let length): length <= max(buffered, options.inlineBodyBytes) ? .collect : .stream
            case .chunked: .stream
            }
        let exchange = Exchange(
            isRequestComplete: plan == .complete,
            isKeepAlive: head.isKeepAlive,
            isHead: head.isHead,
            isHTTP10: head.head.flags.isHTTP10,
            deadline: Self.timeout(options.requestTimeout, head.timeout).map { now + $0 }
        )
        phase = plan == .collect ? .collecting(exchange) : .exchange(exchange)
        if plan != .complete {
            deadline = now + options.bodyTimeout
        } else if isInputClosed {
            deadline = now + options.halfCloseGrace
        }
        return plan
    }

    /// A client may shorten the server's limit, or set one if the server has none.
    private static func timeout(_ own: Duration?, _ clients: Duration?) -> Duration? {
        guard let own, let clients else { return own ?? clients }
        return min(own, clients)
    }

    /// Part of a body has arrived: the client gets its full time again or, with a minimum rate, only the time that the
    /// bytes are worth.
    mutating func bodyCame(_ bytes: Int, now: MonotonicTime) {
        let full = now + options.bodyTimeout
        let rate = options.minimumBodyRate
        deadline = rate > 0 ? min(full, deadline + .seconds(1) * bytes / rate) : full
    }

    /// A collected body is complete.
    mutating func collected() {
        guard case .collecting(var exchange) = phase else { return }
        exchange.isRequestComplete = true
        phase = .exchange(exchange)
    }

    /// Bytes of a streamed body go to the service.
    mutating func delivered(_ bytes: Int, now: MonotonicTime) {
        guard case .exchange(var exchange) = phase else { return }
        exchange.outstanding += bytes
        phase = .exchange(exchange)
        bodyCame(bytes, now: now)
    }

    /// The service consumed bytes; a client that was held back gets its full time again.
    mutating func consumed(_ bytes: Int, now: MonotonicTime) {
        guard case .exchange(var exchange) = phase else { return }
        if window <= 0 { deadline = now + options.bodyTimeout }
        exchange.outstanding = max(0, exchange.outstanding - bytes)
        phase = .exchange(exchange)
    }

    /// The window of a streamed request is small while the server's budget is used up.
    mutating func narrows(_ isNarrow: Bool, now: MonotonicTime) {
        guard isNarrow != self.isNarrow else { return }
        if window <= 0 { deadline = now + options.bodyTimeout }
        self.isNarrow = isNarrow
    }

    /// The service received the end of a streamed body.
    mutating func requestEnded() {
        guard case .exchange(var exchange) = phase else { return }
        exchange.isRequestComplete = true
        phase = .exchange(exchange)
    }

    // MARK: - Response

    /// - Parameter contentLength: the length of the content, or `nil` if unknown.
    /// - Returns: `nil` if there is no request to respond to, or its response has already begun.
    mutating func responseBegins(status: UInt16, contentLength: Int?) -> ResponsePlan? {
        guard case .exchange(var exchange) = phase, exchange.response == nil else { return nil }
        var framing: Framing =
            if let contentLength { .length(remaining: contentLength) } else {
                exchange.isHTTP10 ? .untilClose : .chunked
            }
        if framing == .untilClose, !exchange.isHead { exchange.isKeepAlive = false }
        if exchange.isHead || status == 204 || status == 304 { framing = .suppressed }
        if isDraining || !exchange.isRequestComplete { exchange.isKeepAlive = false }
        exchange.response = framing
        phase = .exchange(exchange)
        let connection: ConnectionHeader =
            exchange.isKeepAlive ? (exchange.isHTTP10 ? .keepAlive : .none) : .close
        return ResponsePlan(framing: framing, connection: connection)
    }

    mutating func responseBytes(_ count: Int) -> BytesAction {
        guard case .exchange(var exchange) = phase, let framing = exchange.response else { return .abort }
        switch framing {
        case .chunked: return .writeChunk
        case .untilClose: return .write
        case .suppressed: return .drop
        case .length(let remaining):
            guard count <= remaining else { return .abort }
            exchange.response = .length(remaining: remaining - count)
            phase = .exchange(exchange)
            return .write
        }
    }

    /// Whether all content that the response announced was written.
    var isResponseWhole: Bool {
        if case .exchange(let exchange) = phase, case .length(remaining: 0)? = exchange.response { true } else { false }
    }

    mutating func responseEnds(now: MonotonicTime) -> EndAction {
        guard case .exchange(let exchange) = phase, let framing = exchange.response else { return .abort }
        if case .length(let remaining) = framing, remaining > 0 { return .abort }
        guard exchange.isKeepAlive else {
            close(now: now)
            return .close(linger: !exchange.isRequestComplete)
        }
        phase = .idle
        let (sum, overflow) = now.nanoseconds.addingReportingOverflow(idleNanoseconds)
        deadline = MonotonicTime(nanoseconds: overflow ? .max : sum)
        if let drainGrace { deadline = min(deadline, now + drainGrace) }
        return .next
    }

    // MARK: - The connection

    /// The last response is being written; nothing follows it.
    mutating func close(now: MonotonicTime) {
        phase = .closing(.writing)
        deadline = now + options.writeTimeout
    }

    /// The system has the last response. Input is dropped until the client has taken the response, and for a while
    /// longer.
    ///
    /// - Parameter unsent: how many bytes the client has not taken.
    mutating func lingers(unsent: Int, now: MonotonicTime) {
        if unsent > 0 {
            phase = .closing(.sent)
            deadline = now + options.writeTimeout
        } else {
            // A server that is closing waits for a client's pauses, but not for its whole body.
            let most = isDraining ? min(options.lingerQuiet, options.lingerTimeout) : options.lingerTimeout
            phase = .closing(.lingering(until: now + most))
            deadline = now + options.lingerQuiet
        }
    }

    /// Input was dropped because the last response is on its way or sent.
    mutating func dropped(_ bytes: Int, now: MonotonicTime) -> DropAction {
        guard case .closing(let farewell) = phase else { return .none }
        droppedBytes += bytes
        if droppedBytes > options.lingerBytes { return .cut }
        if case .lingering = farewell { deadline = now + options.lingerQuiet }
        return .none
    }

    mutating func closed() {
        phase = .closed
    }

    /// The client will send no more, and has not taken `unsent` bytes. Bytes that have arrived are still processed.
    ///
    /// - Returns: whether the client is gone: it has closed its side in the silence of a response.
    mutating func inputClosed(unsent: Int, now: MonotonicTime) -> Bool {
        isInputClosed = true
        guard let exchange else { return false }
        if exchange.response != nil, exchange.isRequestComplete, unsent == 0 { return true }
        deadline = now + (exchange.response == nil ? options.halfCloseGrace : options.halfCloseQuiet)
        return false
    }

    /// The service wrote part of the response: a client that closed its side, but may still listen, gets its time
    /// again.
    mutating func responseMoved(now: MonotonicTime) {
        guard isInputClosed, exchange?.response != nil else { return }
        deadline = now + options.halfCloseQuiet
    }

    /// Answers the request in progress, or the next one if it comes within the grace, and begins no more.
    mutating func drain(now: MonotonicTime, idleGrace: Duration) {
        drainGrace = idleGrace
        if phase == .idle { deadline = min(deadline, now + idleGrace) }
        if case .closing(.lingering(let until)) = phase {
            phase = .closing(.lingering(until: min(until, now + options.lingerQuiet)))
        }
    }

    mutating func writability(_ isWritable: Bool, now: MonotonicTime) {
        writeDeadline = isWritable ? nil : now + options.writeTimeout
        nextLook = now
    }

    /// Whether a timeout depends on how much the client has taken by now.
    func wantsLook(now: MonotonicTime) -> Bool {
        switch phase {
        case .closed: false
        case .closing(.lingering): false
        case .closing: true
        // A client that is still taking the last response is not idle.
        case .idle: now >= deadline || writeDeadline != nil && now >= nextLook
        case .exchange where isInputClosed && now >= deadline: true
        case .head, .collecting, .exchange: writeDeadline != nil && now >= nextLook
        }
    }

    /// Every byte that the client takes restarts the timeouts: only a client that takes nothing is given up.
    ///
    /// - Parameters:
    ///   - taken: how many bytes the client has taken since the connection began.
    ///   - unsent: how many it has yet to take.
    mutating func looked(taken: Int, unsent: Int, now: MonotonicTime) {
        let hasMoved = taken > takenBytes
        takenBytes = max(taken, takenBytes)
        if hasMoved { takenAt = now }
        nextLook = now + options.lookPeriod
        if writeDeadline != nil, hasMoved { writeDeadline = now + options.writeTimeout }
        switch phase {
        case .idle where hasMoved && unsent > 0: deadline = now + options.idleTimeout
        case .closing(.sent) where unsent == 0: lingers(unsent: 0, now: now)
        case .closing(.writing) where hasMoved, .closing(.sent) where hasMoved: deadline = now + options.writeTimeout
        case .exchange(let exchange) where isInputClosed && exchange.response != nil && unsent > 0:
            // The client has yet to take some bytes and its system has not reset the connection, so it is still there.
            deadline = max(deadline, hasMoved ? now + options.halfCloseQuiet : takenAt + options.writeTimeout)
        case .idle, .head, .collecting, .exchange, .closing, .closed: break
        }
    }

    mutating func tick(now: MonotonicTime) -> TickAction {
        if let writeDeadline, now >= writeDeadline { return .close }
        switch phase {
        case .closed: return .none
        case .closing(.lingering(let until)): return now >= min(deadline, until) ? .close : .none
        case .idle, .closing: return now >= deadline ? .close : .none
        case .head: return now >= deadline ? .refuse : .none
        case .collecting(let exchange):
            let isLate = exchange.deadline.map { now >= $0 } ?? false
            return now >= deadline || isLate ? .refuse : .none
        case .exchange(let exchange):
            if let limit = exchange.deadline, now >= limit { return .fail(.timedOut, status: 504) }
            guard now >= deadline else { return .none }
            if isInputClosed, exchange.isRequestComplete { return .fail(.clientGone, status: 408) }
            let waitsForClient = !exchange.isRequestComplete && window > 0
            return waitsForClient ? .fail(.timedOut, status: 408) : .none
        }
    }
}
