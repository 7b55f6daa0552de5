internal import NIOCore
internal import SwerveActors

/// What waits to be written to a connection's socket, and who writes it. Pure: whoever has the turn does what the returned
/// action says and reports back.
///
/// There is one writer at any time. A thread becomes it by an action ``Action/write``; until it reports with
/// ``wrote(_:_:)``, whatever others append waits for it. So frames reach the socket whole and in the order in which they
/// were appended, whoever appended them.
struct OutgoingBuffer {
    enum Action: Equatable {
        case none
        /// Have the event loop call ``loopCame()``.
        case schedule
        /// The caller is the writer: take the bytes, write them, and report.
        case write
        /// The socket is full: take what is left with ``handOver()``, have it written when the socket takes more, and call
        /// ``becameWritable()`` then.
        case awaitWritable
        /// Nothing can be sent any more: have the connection closed, when what the peer said before was read.
        case fail
        /// The last writer is done: close the socket.
        case closeSocket
    }

    private enum Phase: Equatable {
        /// Nobody writes. Goes to writing and closed.
        case idle
        /// One thread has taken bytes and writes them; `isClosing` when the socket is to be closed after that. Goes to
        /// idle, writing, blocked and closed.
        case writing(rounds: Int, isClosing: Bool)
        /// The socket is full. Goes to writing and closed.
        case blocked
        /// The peer takes no more. Goes to closed.
        case broken
        case closed
    }

    private var phase = Phase.idle
    private var burst = BurstState()
    private var waiting = WireBytes()
    /// What the writer took and has not written yet.
    private var taken = WireBytes()
    /// The memory of the last tail, for the next one.
    private var spare = ByteBuffer()
    /// Frames that were appended since the last write.
    private var frames = 0

    /// A writer that finds more to write goes on so many times; then the event loop does, so that no caller's thread serves
    /// all others.
    static let maximumRounds = 4

    /// How many bytes wait, for tests and status.
    var count: Int { waiting.count + taken.count }
    /// Whether the socket has everything, or can have no more.
    var isDrained: Bool {
        switch phase {
        case .idle: waiting.isEmpty
        case .broken, .closed: true
        case .writing, .blocked: false
        }
    }
    /// Whether the peer takes no more.
    var isBroken: Bool { phase == .broken }
    /// Whether what is appended is dropped.
    private var isDropping: Bool {
        switch phase {
        case .broken, .closed, .writing(_, isClosing: true): true
        case .idle, .writing, .blocked: false
        }
    }

    // MARK: Appending

    /// Adds a whole frame. After the end it is dropped.
    ///
    /// - Parameters:
    ///   - isOnLoop: whether the caller is the event loop, which writes at the end of its tick.
    ///   - isQuiet: whether so little is under way that waiting for more to send together would only cost time.
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

    /// A burst of requests has begun; the answers given meanwhile leave.
    mutating func release() -> Action {
        burst.release() ? writeIfIdle() : .none
    }

    /// The event loop came, as ``Action/schedule`` asked for.
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

    /// The bytes that the writer is to write, all that wait.
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

    /// What a full socket did not take.
    mutating func handOver() -> WireBytes {
        defer { taken = WireBytes() }
        return taken
    }

    /// The socket took what was handed over.
    mutating func becameWritable() -> Action {
        guard case .blocked = phase else { return .none }
        phase = .idle
        return burst.isHeld ? .none : writeIfIdle()
    }

    // MARK: The end

    /// No more is to be sent. The socket is closed by whoever gets ``Action/closeSocket``, once.
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
