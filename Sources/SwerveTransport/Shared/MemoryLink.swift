internal import Logging
internal import NIOCore
internal import SwerveCore
internal import SwerveSystem
internal import Synchronization

/// The shared memory of one connection: what each side lends to the other.
///
/// The first time that many bytes are to be sent, they go through the socket, and the peer is offered a segment. When
/// the peer has found that it can read that, later bytes are lent. A peer that cannot, because it is elsewhere or its
/// system does not have or allow it, gets all bytes through the socket.
final class MemoryLink: Sendable {
    let memory: SharedMemory
    private let state = Mutex(State())

    // Buffers may end while any lock is held, and say so to this object. So its lock is held only for changes of the
    // state, no buffer ends meanwhile, and what it has to tell the peer leaves later, from the event loop.
    private struct State {
        weak var connection: PeerConnection?
        var lending = Lending<ByteBuffer>()
        var borrowing = Borrowing<SharedSegment>()
        /// The process of the peer, once it has offered a segment.
        var peer: Int32?
        var notes = Notes()
        var isClosed = false
    }

    private struct Notes {
        var released: [UInt64] = []
        var forgotten: [UInt64] = []
        var isEmpty: Bool { released.isEmpty && forgotten.isEmpty }
    }

    init(_ memory: SharedMemory) {
        self.memory = memory
    }

    /// Called once, before anything is sent or received.
    func connect(_ connection: PeerConnection) {
        state.withLock { $0.connection = connection }
    }

    /// What is lent and borrowed, and the peer's segments that are mapped, for tests.
    var load: (lent: Int, borrowed: Int, mapped: Int) {
        state.withLock { ($0.lending.count, $0.borrowing.count, $0.borrowing.mappings) }
    }

    // MARK: Sending, from any thread

    /// Whether the peer can read this process's segments.
    var isUsable: Bool { state.withLock { $0.lending.isAllowed } }

    /// Makes bytes ready for the peer to read in place: without a copy if they lie in shared memory.
    ///
    /// - Returns: what to send instead of them; `nil` if they go through the socket.
    func share(_ bytes: ByteBuffer) -> SharedReference? {
        guard bytes.readableBytes >= memory.limits.threshold else { return nil }
        if let reference = borrowed(bytes) { return reference }
        guard isUsable else {
            offer()
            return nil
        }
        if let range = memory.locate(bytes) { return lend(bytes, range) }
        guard var copy = memory.makeBuffer(capacity: bytes.readableBytes) else { return nil }
        copy.writeImmutableBuffer(bytes)
        return memory.locate(copy).flatMap { lend(copy, $0) }
    }

    /// Bytes that the peer lent go back as what they are, unless they were changed here.
    private func borrowed(_ bytes: ByteBuffer) -> SharedReference? {
        bytes.withUnsafeReadableBytes { memory in
            let address = UInt(bitPattern: memory.baseAddress)
            let loan = state.withLock { $0.borrowing.loan { $0.offset(of: address) != nil } }
            guard let (number, segment) = loan, let offset = segment.offset(of: address),
                !segment.isWritten(offset..<offset + memory.count)
            else { return nil }
            return .returned(number, offset: offset, count: memory.count)
        }
    }

    private func lend(_ bytes: ByteBuffer, _ range: SegmentRange) -> SharedReference? {
        let loan = Lending.Loan(bytes: bytes, range: range)
        return state.withLock { $0.lending.lend(loan) }.map { .lent($0, range) }
    }

    /// What was to be sent is not.
    func takeBack(_ reference: SharedReference) {
        guard case .lent(let number, _) = reference else { return }
        let loan = state.withLock { try? $0.lending.ended(number) }
        withExtendedLifetime(loan) {}
    }

    private func offer() {
        guard state.withLock({ $0.lending.isUntried }), var bytes = memory.makeBuffer(capacity: 1) else { return }
        bytes.writeInteger(0 as UInt8)
        guard let range = memory.locate(bytes) else { return }
        let loan = Lending.Loan(bytes: bytes, range: range)
        let (number, connection) = state.withLock { ($0.lending.offer(loan), $0.connection) }
        guard let number else { return }
        connection?.send(.memoryOffer, stream: 0) {
            $0.writeInteger(memory.processID, endianness: .little)
            SharedReference.lent(number, range).write(to: &$0)
        }
    }

    /// A segment of this process is over.
    func forget(_ segment: UInt64) {
        note { $0.forgotten.append(segment) }
    }

    // MARK: Receiving, on the event loop

    func receivedOffer(_ body: ByteBuffer) throws {
        var body = body
        guard let process = body.readInteger(endianness: .little, as: Int32.self), process > 0,
            case .lent(let loan, let range)? = SharedReference.read(&body)
        else { throw ServeError.sharedMemory("an offer that cannot be read") }
        let isFirst = state.withLock { state in
            defer { state.peer = process }
            return state.peer == nil
        }
        guard isFirst else { throw ServeError.sharedMemory("a second offer") }
        var isReadable = true
        do throws(SystemFailure) {
            let segment = try SharedSegment(of: process, at: range.place)
            // The buffer ends at once, which gives the loan back.
            _ = try? borrow(loan, range, segment)
        } catch {
            isReadable = false
            memory.logger?.debug("no shared memory with a peer", metadata: ["error": "\(error)"])
        }
        let answer: UInt8 = isReadable ? 1 : 0
        state.withLock { $0.connection }?.send(.memoryAnswer, stream: 0) { $0.writeInteger(answer) }
    }

    func receivedAnswer(_ body: ByteBuffer) throws {
        let isReadable = body.getInteger(at: body.readerIndex, as: UInt8.self) == 1
        let offer = try state.withLock { state throws(ServeError) in try state.lending.answered(isReadable) }
        withExtendedLifetime(offer) {}
        if isUsable { memory.add(self) } else { memory.logger?.debug("a peer cannot read shared memory") }
    }

    func receivedReleases(_ body: ByteBuffer) throws {
        var body = body
        while let number = body.readInteger(endianness: .little, as: UInt64.self) {
            // Ends here, where no lock is held.
            let loan = try state.withLock { state throws(ServeError) in try state.lending.ended(number) }
            withExtendedLifetime(loan) {}
        }
    }

    func receivedForget(_ body: ByteBuffer) throws {
        var body = body
        while let number = body.readInteger(endianness: .little, as: UInt64.self) {
            let mapping = try state.withLock { state throws(ServeError) in try state.borrowing.forgot(number) }
            withExtendedLifetime(mapping) {}
        }
    }

    /// Reads where a frame's bytes lie, and makes a buffer over them.
    func bytes(at frame: inout ByteBuffer) throws -> ByteBuffer {
        switch SharedReference.read(&frame) {
        case .lent(let loan, let range):
            let (peer, mapped) = state.withLock { ($0.peer, $0.borrowing.mapping(of: range.segment)) }
            guard let peer else { throw ServeError.sharedMemory("bytes without an offer") }
            if let mapped, mapped.place == range.place { return try borrow(loan, range, mapped) }
            let segment: SharedSegment
            do throws(SystemFailure) { segment = try SharedSegment(of: peer, at: range.place) } catch {
                throw ServeError.sharedMemory("\(error)")
            }
            return try borrow(loan, range, segment)
        case .returned(let number, let offset, let count):
            let loan = try state.withLock { state throws(ServeError) in try state.lending.loan(number) }
            let skipped = offset - loan.range.offset
            guard skipped >= 0, skipped + count <= loan.range.count else {
                throw ServeError.sharedMemory("bytes outside loan \(number)")
            }
            var bytes = loan.bytes
            bytes.moveReaderIndex(forwardBy: skipped)
            bytes.moveWriterIndex(to: bytes.readerIndex + count)
            return bytes
        case nil: throw ServeError.sharedMemory("a place that cannot be read")
        }
    }

    private func borrow(_ loan: UInt64, _ range: SegmentRange, _ segment: SharedSegment) throws -> ByteBuffer {
        try state.withLock { state throws(ServeError) in
            try state.borrowing.began(loan, segment: range.segment, segment)
        }
        let end = range.offset + range.count
        return Borrowed(self, loan, segment).buffer(segment.start, capacity: end, readable: range.offset..<end)
    }

    /// No buffer over a loan is left; called on any thread, which may hold any lock.
    fileprivate func letGo(_ loan: UInt64) {
        let (isTold, unneeded) = state.withLock { $0.borrowing.ended(loan) }
        if isTold { note { $0.released.append(loan) } }
        withExtendedLifetime(unneeded) {}
    }

    // MARK: What the peer is told

    private func note(_ add: (inout Notes) -> Void) {
        let connection = state.withLock { state -> PeerConnection? in
            if state.isClosed { return nil }
            let isFirst = state.notes.isEmpty
            add(&state.notes)
            return isFirst ? state.connection : nil
        }
        connection?.eventLoop.execute { self.sendNotes() }
    }

    private func sendNotes() {
        let (notes, connection) = state.withLock { state in
            defer { state.notes = Notes() }
            return (state.notes, state.connection)
        }
        func send(_ kind: FrameKind, _ numbers: [UInt64]) {
            guard !numbers.isEmpty else { return }
            connection?.send(kind, stream: 0) { for number in numbers { $0.writeInteger(number, endianness: .little) } }
        }
        send(.memoryRelease, notes.released)
        send(.memoryForget, notes.forgotten)
    }

    /// The connection is over.
    func close() {
        let (loans, mappings) = state.withLock { state in
            state.isClosed = true
            return (state.lending.close(), state.borrowing.close())
        }
        memory.remove(self, lent: loans.map(\.range.segment))
        withExtendedLifetime((loans, mappings)) {}
    }
}

/// Bytes that a peer lent, from when they arrive until no buffer is left.
private final class Borrowed: BufferMemory {
    private let link: MemoryLink
    private let loan: UInt64
    private let segment: SharedSegment

    init(_ link: MemoryLink, _ loan: UInt64, _ segment: SharedSegment) {
        self.link = link
        self.loan = loan
        self.segment = segment
    }

    override func released(_ start: UnsafeMutableRawPointer) {
        segment.discardWrites()
        link.letGo(loan)
    }
}
