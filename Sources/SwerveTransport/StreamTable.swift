/// The requests that a connection waits for answers to. A stream's number holds its slot in the low bits and a count
/// that only grows above them, so that numbers are found without hashing and are ordered by time.
struct StreamTable {
    static let slotBits: UInt64 = 20

    private var slots: [(stream: UInt64, owner: any StreamOwner)?] = []
    private var free: [Int] = []
    private var sequence: UInt64 = 0

    var count: Int { slots.count - free.count }

    /// `nil` when the table is full.
    mutating func insert(_ owner: any StreamOwner) -> UInt64? {
        let slot: Int
        if let reused = free.popLast() {
            slot = reused
        } else {
            guard slots.count < ConnectionLimits.maximumStreams else { return nil }
            slots.append(nil)
            slot = slots.count - 1
        }
        sequence += 1
        let stream = sequence << Self.slotBits | UInt64(slot)
        slots[slot] = (stream, owner)
        return stream
    }

    func owner(of stream: UInt64) -> (any StreamOwner)? {
        let slot = Int(stream & ((1 << Self.slotBits) - 1))
        guard slot < slots.count, let entry = slots[slot], entry.stream == stream else { return nil }
        return entry.owner
    }

    mutating func remove(_ stream: UInt64) {
        let slot = Int(stream & ((1 << Self.slotBits) - 1))
        guard slot < slots.count, slots[slot]?.stream == stream else { return }
        slots[slot] = nil
        free.append(slot)
    }

    mutating func removeAll() -> [(stream: UInt64, owner: any StreamOwner)] {
        defer {
            slots = []
            free = []
        }
        return slots.compactMap { $0 }
    }
}
