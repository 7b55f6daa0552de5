internal import NIOCore
internal import SwerveActors

/// The bytes that wait to be written to a connection's socket, and the decision who writes them. Pure: the thread whose
/// turn it is carries out the returned action and reports back.
///
/// There is one writer at any time. A thread becomes the writer through ``Action/write``. Until it reports with
/// ``wrote(_:)``, frames that others append wait for it. So frames reach the socket whole and in the order in which
/// they were appended, whichever threads appended them.
struct OutgoingBuffer {
    enum Action: Equatable {
        case none
        /// Have the event loop call ``loopCame()``.
        case schedule
        /// The caller is the writer: take the bytes, write them, and report.
        case write
        /// The socket is full: take the rest with ``handOver()``, have it written when the socket accepts more, then
        /// call ``becameWritable()``.
        case awaitWritable
        /// Nothing more can be sent: have the connection closed once the peer's earlier bytes have been read.
        case fail
        /// The last writer is done: close the socket.
        case closeSocket
    }

    private enum Phase: Equatable {
        /// Nobody writes. Goes to writing and closed.
        case idle
        /// One thread has taken bytes and writes them; `isClosing` when the socket is to be closed afterwards. Goes to
        /// idle, writing, blocked, broken and closed.
        case writing(rounds: Int, isClosing: Bool)
        /// The socket is full. Goes to writing and closed.
        case blocked
        /// The peer accepts no more. Goes to closed.
        case broken
        case closed
    }

    private var phase = Phase.idle
    private var burst = BurstState()
    private var waiting = WireBytes()
    /// What the writer took and has not written yet.
    private var taken = WireBytes()
    /// The previous tail's memory, for reuse.
    private var spare = ByteBuffer()
    /// The number of frames appended since the last write.
    private var frames = 0

    /// How many rounds a writer that keeps finding more to write does. Then the event loop takes over, so that no
    /// caller's thread serves all the others.
    static let maximumRounds = 4

    /// The number of bytes that wait, for tests and status.
    var count: Int { waiting.count + taken.count }
    /// Whether the socket has everything, or can accept no more.
    var isDrained: Bool {
        switch phase {
        case .idle: waiting.isEmpty
        case .broken, .closed: true
        case .writing, .blocked: false
        }
    }
    /// Whether the peer accepts no more.
    var isBroken: Bool { phase == .broken }
    /// Whether appended frames are dropped.
    private var isDropping: Bool {
        switch phase {
        case .broken, .closed, .writing(_, isClosing: true): true
        case .idle, .writing, .blocked: false
        }
    }

    // MARK: Appending

    /// Adds a whole frame. After the end, the frame is dropped.
    ///
    /// - Parameters:
    ///   - isOnLoop: whether the caller is the event loop, which writes at the end of its tick.
    ///   - isQuiet: whether so few requests are under way that waiting to write several frames together would only cost
    ///     time.
    mutating func append(
        _ frame: ByteBuffer,
        _ trailing: ByteBuffer? = nil,
        isOnLoop: Bool,
        isQuiet: Bool
    ) -> Action {
        if isDropping { return .none }
        waiting.append(frame)
        if let trailing { waiting.append(trailing) }
        return appended(isOnLoop: isOnLoop, isQuiet: isQuiet)
    }

    /// Like ``append(_:_:isOnLoop:isQuiet:)`` for a frame that is written in place.
    @inline(__always)
    mutating func append(isOnLoop: Bool, isQuiet: Bool, _ write: (inout ByteBuffer) -> Void) -> Action {
        if isDropping { return .none }
        if waiting.tail.capacity == 0 { swap(&waiting.tail, &spare) }
        write(&waiting.tail)
        return appended(isOnLoop: isOnLoop, isQuiet: isQuiet)
    }

    private mutating func appended(isOnLoop: Bool, isQuiet: Bool) -> Action {
        frames += 1
        guard case .idle = phase, !burst.isHeld else { return .none }
        if isOnLoop ? frames >= ConnectionLimits.framesPerWrite : isQuiet { return write() }
        return burst.added() ? .schedule : .none
    }

    // MARK: Bursts

    mutating func hold() {
        burst.hold()
    }

    /// A burst of requests has begun; the answers given in the meantime leave.
    mutating func release() -> Action {
        burst.release() ? writeIfIdle() : .none
    }

    /// The event loop calls this, as ``Action/schedule`` asked.
    mutating func loopCame() -> Action {
        burst.ran()
        return writeIfIdle()
    }

    // MARK: Writing

    private mutating func writeIfIdle() -> Action {
        guard case .idle = phase, !waiting.isEmpty else { return .none }
        return write()
    }

    private mutating func write() -> Action {
        phase = .writing(rounds: 1, isClosing: false)
        return .write
    }

    /// The bytes for the writer to write: all that wait.
    mutating func take() -> WireBytes {
        guard case .writing = phase else { preconditionFailure("only the writer takes bytes") }
        taken = waiting
        waiting = WireBytes()
        frames = 0
        return taken
    }

    /// The writer reports how much of what it took the socket accepted.
    mutating func wrote(_ outcome: WireOutcome) -> Action {
        guard case .writing(let rounds, let isClosing) = phase else { preconditionFailure("only the writer reports") }
        if isClosing { return closed() }
        switch outcome {
        case .failed:
            taken = WireBytes()
            waiting = WireBytes()
            phase = .broken
            return .fail
        case .written(let count):
            guard count < taken.count else { return wroteAll(rounds) }
            taken.drop(first: count)
            phase = .blocked
            return .awaitWritable
        }
    }

    private mutating func wroteAll(_ rounds: Int) -> Action {
        recycle()
        phase = .idle
        if waiting.isEmpty || burst.isHeld { return .none }
        guard rounds < Self.maximumRounds else { return burst.added() ? .schedule : .none }
        phase = .writing(rounds: rounds + 1, isClosing: false)
        return .write
    }

    private mutating func recycle() {
        if spare.capacity == 0, taken.tail.capacity <= ConnectionLimits.spareBytes {
            spare = taken.tail
            taken = WireBytes()
            spare.clear()
        } else {
            taken = WireBytes()
        }
    }

    /// What a full socket did not accept.
    mutating func handOver() -> WireBytes {
        defer { taken = WireBytes() }
        return taken
    }

    /// The socket accepted what was handed over.
    mutating func becameWritable() -> Action {
        guard case .blocked = phase else { return .none }
        phase = .idle
        return burst.isHeld ? .none : writeIfIdle()
    }

    // MARK: The end

    /// Nothing more is to be sent. Whoever gets ``Action/closeSocket``, which is returned once, closes the socket.
    mutating func close() -> Action {
        switch phase {
        case .closed, .writing(_, isClosing: true): return .none
        case .writing(let rounds, false):
            phase = .writing(rounds: rounds, isClosing: true)
            waiting = WireBytes()
            return .none
        case .idle, .blocked, .broken: return closed()
        }
    }

    private mutating func closed() -> Action {
        phase = .closed
        waiting = WireBytes()
        taken = WireBytes()
        spare = ByteBuffer()
        return .closeSocket
    }
}
