package import SwerveCore
internal import SwerveSystem
internal import Synchronization

/// A page of memory by which a replica's process tells its callers how far it got, even when it is killed.
///
/// Each connection has a word in it: the last stream that the process began to work on. A caller whose connection broke
/// reads the word and knows which of its requests certainly never started, without any message per request.
package final class SharedBoard: Sendable {
    package static let slots = 4096

    private let words: SharedWords
    /// Of the process that writes.
    private let claims = Mutex(Claims())

    private struct Claims {
        var next = 0
        var free: [Int] = []
        var generations = [UInt16](repeating: 0, count: SharedBoard.slots)
    }

    /// - Parameter create: whether to make the file, filled with zeros, as the process that writes does; otherwise it
    ///   must exist.
    package init(path: String, create: Bool) throws(ServeError) {
        do {
            words = try SharedWords(path: path, count: Self.slots, create: create)
        } catch {
            throw ServeError(.system, "\(error.attempt) of '\(error.path)': \(error.reason)")
        }
    }

    /// A word for a new connection; `nil` when all are taken.
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

    fileprivate func store(_ value: UInt64, at slot: Int) { words.store(value, at: slot) }
    fileprivate func load(at slot: Int) -> UInt64 { words.load(at: slot) }
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
