/// The requests for which a connection awaits answers. A stream's number holds its slot in the low bits and, above
/// them, a count that only grows. So a lookup needs no hashing, and numbers are ordered by time.
struct StreamTable<Owner> {
    static var slotBits: UInt64 { 20 }

    private var slots: [(stream: UInt64, owner: Owner)?] = []
    private var free: [Int] = []
    private var sequence: UInt64 = 0

    var count: Int { slots.count - free.count }

    static func slot(of stream: UInt64) -> Int { Int(stream & ((1 << slotBits) - 1)) }
    /// The stream's position in the order of opening, starting at 1.
    static func sequence(of stream: UInt64) -> UInt64 { stream >> slotBits }

    /// `nil` when the table is full.
    mutating func insert(_ owner: Owner) -> UInt64? {
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

    subscript(stream: UInt64) -> Owner? {
        let slot = Self.slot(of: stream)
        guard slot < slots.count, let entry = slots[slot], entry.stream == stream else { return nil }
        return entry.owner
    }

    mutating func remove(_ stream: UInt64) {
        let slot = Self.slot(of: stream)
        guard slot < slots.count, slots[slot]?.stream == stream else { return }
        slots[slot] = nil
        free.append(slot)
    }

    mutating func removeAll() -> [(stream: UInt64, owner: Owner)] {
        defer {
            slots = []
            free = []
        }
        return slots.compactMap { $0 }
    }
}

/// The peer's requests that are under way, by the slot in the caller's numbering.
struct IncomingTable {
    private var slots: [FramedReply?] = []
    private(set) var count = 0

    mutating func insert(_ reply: FramedReply) -> Bool {
        let slot = StreamTable<Int>.slot(of: reply.stream)
        while slots.count <= slot { slots.append(nil) }
        guard slots[slot] == nil else { return false }
        slots[slot] = reply
        count += 1
        return true
    }

    subscript(stream: UInt64) -> FramedReply? {
        let slot = StreamTable<Int>.slot(of: stream)
        guard slot < slots.count, let reply = slots[slot], reply.stream == stream else { return nil }
        return reply
    }

    mutating func remove(_ stream: UInt64) {
        guard self[stream] != nil else { return }
        slots[StreamTable<Int>.slot(of: stream)] = nil
        count -= 1
    }

    mutating func removeAll() -> [FramedReply] {
        defer { self = IncomingTable() }
        return slots.compactMap { $0 }
    }
}
