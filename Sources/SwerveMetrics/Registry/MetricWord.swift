/// The word of a counter or a gauge. It keeps the memory that it is in, so it may outlive its registry; what it counts
/// then, nobody reads any more.
package struct MetricWord: Sendable {
    private let cell: MetricCell
    private let owner: MetricOwner

    init(cell: MetricCell, owner: MetricOwner) {
        self.cell = cell
        self.owner = owner
    }

    /// Adds from any thread.
    package func add(_ amount: UInt64 = 1) { cell.add(amount) }
    /// Adds to a number that is kept as the bits of a `Double`, from any thread.
    package func add(floating amount: Double) { cell.add(floating: amount) }
    package func store(_ value: UInt64) { cell.store(value) }
    package var value: UInt64 { cell.value }
}

/// Words of a registry, by index. They keep the memory that they are in, as a ``MetricWord`` does.
package struct MetricWords: Sendable {
    private let first: MetricCell
    /// `nil` if there was no room: what is counted is shown nowhere.
    private let slot: Int?
    private let owner: MetricOwner

    init(first: MetricCell, slot: Int?, owner: MetricOwner) {
        self.first = first
        self.slot = slot
        self.owner = owner
    }

    /// Adds from any thread.
    @inline(__always)
    package func add(_ amount: UInt64 = 1, at index: Int) { first[index].add(amount) }

    /// Adds where only one thread at a time writes the word, which costs no more than for a plain variable.
    @inline(__always)
    package func addAlone(_ amount: UInt64 = 1, at index: Int) { first[index].addAlone(amount) }

    @inline(__always)
    package func store(_ value: UInt64, at index: Int) { first[index].store(value) }

    /// What the word adds to, or takes from, a value.
    package func term(_ index: Int, isNegative: Bool = false) -> MetricTerm? {
        slot.map { MetricTerm(slot: $0 + index, isNegative: isNegative) }
    }
}
