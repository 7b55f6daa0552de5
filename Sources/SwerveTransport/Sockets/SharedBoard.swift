internal import CSwerveSystem
package import SwerveCore
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// A page of memory in which a replica's process notes for its callers how far it got, so that they can read it even
/// after the process was killed.
///
/// Each connection has one word in it: the last stream that the process began to work on. A caller whose connection
/// broke reads the word and knows which of its requests certainly never started, without a message per request.
package final class SharedBoard: @unchecked Sendable {
    // Unchecked: the memory is only touched through atomic operations.
    package static let slots = 4096
    private static let bytes = slots * 8

    private let memory: UnsafeMutablePointer<UInt64>
    /// Used only by the process that writes.
    private let claims = Mutex(Claims())

    private struct Claims {
        var next = 0
        var free: [Int] = []
        var generations = [UInt16](repeating: 0, count: SharedBoard.slots)
    }

    /// - Parameter create: whether to make the file, filled with zeros, as the process that writes does; otherwise it
    ///   must exist.
    package init(path: String, create: Bool) throws(ServeError) {
        let file = open(path, create ? O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC : O_RDWR | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw Self.failure("open", path) }
        defer { close(file) }
        if create {
            guard ftruncate(file, off_t(Self.bytes)) == 0 else { throw Self.failure("ftruncate", path) }
        } else {
            var status = stat()
            guard fstat(file, &status) == 0, status.st_size >= Self.bytes else { throw Self.failure("fstat", path) }
        }
        let mapped = mmap(nil, Self.bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0)
        guard let mapped, mapped != MAP_FAILED else { throw Self.failure("mmap", path) }
        self.memory = mapped.bindMemory(to: UInt64.self, capacity: Self.slots)
    }

    deinit { munmap(memory, Self.bytes) }

    /// Claims a word for a new connection; `nil` when all are taken.
    package func claim() -> BoardSlot? {
        let claimed = claims.withLock { claims -> (Int, UInt16)? in
            let index: Int
            if let free = claims.free.popLast() {
                index = free
            } else {
                guard claims.next < Self.slots else { return nil }
                index = claims.next
                claims.next += 1
            }
            claims.generations[index] &+= 1
            return (index, claims.generations[index])
        }
        guard let (index, generation) = claimed, let slot = BoardSlot(self, index: index, generation: generation) else {
            return nil
        }
        slot.noteStarted(0)
        return slot
    }

    /// The connection that had the word has closed.
    package func giveBack(_ slot: BoardSlot) {
        claims.withLock { $0.free.append(slot.index) }
    }

    fileprivate func store(_ value: UInt64, at slot: Int) { swerve_shared_store(memory + slot, value) }
    fileprivate func load(at slot: Int) -> UInt64 { swerve_shared_load(memory + slot) }

    private static func failure(_ call: String, _ path: String) -> ServeError {
        ServeError(.system, "\(call) of '\(path)': \(String(cString: strerror(errno)))")
    }
}

/// One connection's word on a board. The word names its owner by generation: a caller that reads it late, after another
/// connection got it, learns nothing and counts its requests as started.
package struct BoardSlot: Sendable {
    private let board: SharedBoard
    package let index: Int
    package let generation: UInt16

    private static let sequenceBits: UInt64 = 48

    package init?(_ board: SharedBoard, index: Int, generation: UInt16) {
        guard (0..<SharedBoard.slots).contains(index) else { return nil }
        self.board = board
        self.index = index
        self.generation = generation
    }

    func noteStarted(_ stream: UInt64) {
        let sequence = StreamTable<Int>.sequence(of: stream)
        board.store(UInt64(generation) << Self.sequenceBits | sequence, at: index)
    }

    /// The position of the last started stream in the order of opening; `nil` when the word belongs to another
    /// connection.
    var lastStarted: UInt64? {
        let word = board.load(at: index)
        return word >> Self.sequenceBits == generation ? word & (1 << Self.sequenceBits - 1) : nil
    }

    /// Whether a stream may have been started.
    static func isStarted(_ stream: UInt64, _ lastStarted: UInt64?) -> Bool {
        lastStarted.map { StreamTable<Int>.sequence(of: stream) <= $0 } ?? true
    }
}
