internal import Synchronization

/// Keeps the memory that words are in. Whoever may count for longer than a call holds one: ``MetricWord``,
/// ``MetricWords``, ``MetricHistogram``, and the registry and the readers with their ``MetricMemory``.
package typealias MetricOwner = any AnyObject & Sendable

/// The place of one word of a process's metrics. Reading and writing need no lock.
///
/// It is a bare pointer, which costs nothing to copy, and so it does not leave this module: it is valid only while
/// somebody holds the memory's ``MetricOwner``.
struct MetricCell: @unchecked Sendable {
    // Unchecked: the word is an atomic.
    let pointer: UnsafeMutablePointer<Atomic<UInt64>>

    /// Adds from any thread.
    @inline(__always)
    func add(_ amount: UInt64 = 1) { pointer.pointee.wrappingAdd(amount, ordering: .relaxed) }

    /// Adds where only one thread at a time writes the word, which costs no more than for a plain variable.
    @inline(__always)
    func addAlone(_ amount: UInt64 = 1) {
        pointer.pointee.store(pointer.pointee.load(ordering: .relaxed) &+ amount, ordering: .relaxed)
    }

    @inline(__always)
    func store(_ value: UInt64) { pointer.pointee.store(value, ordering: .relaxed) }

    @inline(__always)
    var value: UInt64 { pointer.pointee.load(ordering: .relaxed) }

    /// Adds to a number that is kept as the bits of a `Double`.
    func add(floating amount: Double) {
        var bits = value
        while true {
            let sum = (Double(bitPattern: bits) + amount).bitPattern
            let (isDone, original) = pointer.pointee.weakCompareExchange(
                expected: bits,
                desired: sum,
                ordering: .relaxed
            )
            if isDone { return }
            bits = original
        }
    }

    subscript(offset: Int) -> MetricCell { MetricCell(pointer: pointer + offset) }
}

/// The memory of one process's metrics: a header, the definitions of its series, which are only appended, and the words
/// that they refer to. A file that the process maps, so that others read it even when it was killed, or its own memory.
package struct MetricMemory: @unchecked Sendable {
    // Unchecked: the words are atomics, and the bytes of the definitions are written once, before the word that says how
    // many there are.
    let base: UnsafeMutablePointer<Atomic<UInt64>>
    /// How many bytes of definitions and words of values there is room for.
    let definitionBytes: Int
    let words: Int
    /// Keeps the memory.
    let owner: MetricOwner

    enum Header {
        static let magic: UInt64 = 0x3152_5445_4D56_5753  // "SWVMETR1"
        static let words = 16
        static let version = 0
        static let definitionBytes = 1
        static let wordCapacity = 2
        static let definitionCapacity = 3
        static let refusedSeries = 4
        static let series = 5
    }

    /// How many bytes a memory takes; pages that are not written to take none.
    package static func size(words: Int, definitionBytes: Int) -> Int { 8 * (Header.words + words) + definitionBytes }

    /// - Parameters:
    ///   - base: zeros, or what another process has made of them.
    ///   - owner: keeps the memory.
    package init(_ base: UnsafeMutableRawPointer, words: Int, definitionBytes: Int, owner: MetricOwner) {
        self.base = base.assumingMemoryBound(to: Atomic<UInt64>.self)
        self.words = words
        self.definitionBytes = definitionBytes
        self.owner = owner
    }

    /// Memory of this process only.
    package static func own(
        words: Int = MetricLimits.replica.words,
        definitionBytes: Int = MetricLimits.replica.definitionBytes
    ) -> MetricMemory {
        let owner = OwnMemory(bytes: size(words: words, definitionBytes: definitionBytes))
        let memory = MetricMemory(owner.memory, words: words, definitionBytes: definitionBytes, owner: owner)
        for index in 0..<Header.words { memory.word(index).store(0) }
        return memory
    }

    /// Memory that another process made.
    ///
    /// - Returns: `nil` if it was made by another version of this code, or is not all there.
    package static func other(
        _ base: UnsafeMutableRawPointer,
        bytes: Int,
        owner: MetricOwner
    ) -> MetricMemory? {
        guard bytes >= 8 * Header.words else { return nil }
        let probe = MetricMemory(base, words: 0, definitionBytes: 0, owner: owner)
        guard probe.base[Header.version].load(ordering: .acquiring) == Header.magic,
            let words = Int(exactly: probe.word(Header.wordCapacity).value),
            let definitions = Int(exactly: probe.word(Header.definitionCapacity).value), words <= bytes,
            definitions <= bytes, size(words: words, definitionBytes: definitions) <= bytes
        else { return nil }
        return MetricMemory(base, words: words, definitionBytes: definitions, owner: owner)
    }

    /// Writes the header of a new memory.
    func begin() {
        word(Header.wordCapacity).store(UInt64(words))
        word(Header.definitionCapacity).store(UInt64(definitionBytes))
        base[Header.version].store(Header.magic, ordering: .releasing)
    }

    func word(_ index: Int) -> MetricCell { MetricCell(pointer: base + index) }

    /// The word of a value.
    func slot(_ index: Int) -> MetricCell { MetricCell(pointer: base + Header.words + index) }

    var definitions: UnsafeMutableRawPointer { UnsafeMutableRawPointer(base + Header.words + words) }

    /// How many bytes of ``definitions`` are valid.
    var validBytes: Int {
        let bytes = base[Header.definitionBytes].load(ordering: .acquiring)
        return min(Int(clamping: bytes), definitionBytes)
    }

    func publish(_ bytes: Int) { base[Header.definitionBytes].store(UInt64(bytes), ordering: .releasing) }

    /// Memory from the heap, whose pages the system provides when they are first written to.
    private final class OwnMemory: @unchecked Sendable {
        // Unchecked: only hands out the pointer.
        let memory: UnsafeMutableRawPointer
        init(bytes: Int) { memory = .allocate(byteCount: bytes, alignment: 64) }
        deinit { memory.deallocate() }
    }
}

// For tests.
extension MetricMemory {
    package func damage(at offset: Int, _ byte: UInt8) {
        definitions.storeBytes(of: byte, toByteOffset: offset, as: UInt8.self)
    }

    package func withBytes<Result>(_ body: (UnsafeMutableRawPointer) -> Result) -> Result {
        body(UnsafeMutableRawPointer(base))
    }
}
