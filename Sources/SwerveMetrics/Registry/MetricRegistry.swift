internal import Synchronization

/// The series that one process counts, in its ``MetricMemory``.
///
/// Definitions are made under a lock, when a route, a pool, a replica or a method is. What they return counts without
/// one. A series that was defined stays as long as the registry does; the same definition again gives the same series.
package final class MetricRegistry: Sendable {
    package let memory: MetricMemory
    private let common: [MetricLabel]
    private let limit: Int
    private let overflowed: @Sendable (String) -> Void
    private let state: Mutex<State>
    /// Where is counted what is shown nowhere.
    private let scratch: MetricMemory

    private struct Key: Hashable {
        let name: String
        let labels: [MetricLabel]
        var copy = 0
        let layout: Layout
    }
    /// Of two definitions with different layouts, neither may use the other's words.
    private struct Layout: Hashable {
        var isFloating = false
        var hasExemplars = false
    }
    /// What all series of a name have in common.
    private struct Shape: Hashable {
        let kind: MetricKind
        var bounds: [Double] = []
    }
    private struct State {
        var known: [Key: Int] = [:]
        var shapes: [String: Shape] = [:]
        /// The first words of what was asked for with a purpose.
        var purposes: [String: Int] = [:]
        var words = 0
        var definitionBytes = 0
        var overflows = 0
        var hasOverflowed = false
    }

    /// - Parameters:
    ///   - memory: zeros.
    ///   - common: labels of every series.
    ///   - limit: see ``MetricLimits``.
    ///   - overflowed: called once, with a text for the log, when a series finds no room.
    package init(
        _ memory: MetricMemory,
        common: [MetricLabel] = [],
        limit: Int = MetricLimits.replica.series,
        overflowed: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        self.memory = memory
        self.common = common.map { MetricLabel($0.name, MetricNames.value($0.value)) }
        self.limit = limit
        self.overflowed = overflowed
        self.state = Mutex(State())
        self.scratch = MetricMemory.own(words: 256, definitionBytes: 8)
        for index in 0..<256 { scratch.slot(index).store(0) }
        memory.begin()
    }

    // MARK: Words

    /// Words that several definitions can mean. They begin a line of the processor's cache if there are several.
    ///
    /// - Parameter purpose: the same again gives the same words; `nil` for new ones.
    package func words(_ count: Int, for purpose: String? = nil) -> MetricWords {
        let first = state.withLock { state -> Int? in
            if let purpose, let known = state.purposes[purpose] { return known }
            let first = allot(count, &state)
            if let purpose { state.purposes[purpose] = first }
            return first
        }
        let (cell, owner) = place(first)
        return MetricWords(first: cell, slot: first, owner: owner)
    }

    /// Where to count for a series: in the registry's memory, or without a slot where nobody reads.
    private func place(_ slot: Int?) -> (MetricCell, MetricOwner) {
        slot.map { (memory.slot($0), memory.owner) } ?? (scratch.slot(0), scratch.owner)
    }

    private func allot(_ count: Int, _ state: inout State) -> Int? {
        let first = count > 1 ? (state.words + 7) & ~7 : state.words
        guard first + count <= memory.words else { return nil }
        for index in first..<first + count { memory.slot(index).store(0) }
        state.words = first + count
        return first
    }

    // MARK: Series

    /// - Parameter copy: tells series with the same name and labels apart that different threads write; whoever reads
    ///   adds them up.
    package func counter(_ name: String, _ labels: [MetricLabel] = [], copy: Int = 0, floating: Bool = false)
        -> MetricWord
    {
        value(.counter, name, labels, copy, floating)
    }

    package func gauge(_ name: String, _ labels: [MetricLabel] = [], copy: Int = 0, floating: Bool = false)
        -> MetricWord
    {
        value(.gauge, name, labels, copy, floating)
    }

    private func value(
        _ kind: MetricKind,
        _ name: String,
        _ labels: [MetricLabel],
        _ copy: Int,
        _ floating: Bool
    ) -> MetricWord {
        let slot = series(Shape(kind: kind), name, labels, copy, Layout(isFloating: floating)) { state, definition in
            guard let slot = allot(1, &state) else { return nil }
            definition.terms = [MetricTerm(slot: slot)]
            definition.isFloating = floating
            return slot
        }
        let (cell, owner) = self.place(slot)
        return MetricWord(cell: cell, owner: owner)
    }

    /// A series whose value is the sum of words that count for other series, too, or for none.
    package func derived(
        _ kind: MetricKind,
        _ name: String,
        _ labels: [MetricLabel],
        copy: Int = 0,
        _ terms: [MetricTerm?]
    ) {
        let terms = terms.compactMap { $0 }
        guard !terms.isEmpty else { return }
        _ = series(Shape(kind: kind), name, labels, copy, Layout()) { _, definition in
            definition.terms = terms
            return terms[0].slot
        }
    }

    /// - Parameter exemplars: whether the ids of some requests are kept.
    package func histogram(
        _ name: String,
        _ labels: [MetricLabel] = [],
        _ bounds: MetricBounds,
        copy: Int = 0,
        exemplars: Bool = false,
        floating: Bool = false
    ) -> MetricHistogram {
        let buckets = bounds.count + 1
        let places = exemplars ? MetricExemplars.words : 0
        let shape = Shape(kind: .histogram, bounds: bounds.values)
        let layout = Layout(isFloating: floating, hasExemplars: exemplars)
        let slot = series(shape, name, labels, copy, layout) { state, definition in
            guard let slot = allot(buckets + 1 + places, &state) else { return nil }
            definition.terms = [MetricTerm(slot: slot, count: buckets)]
            definition.bounds = bounds.values
            definition.scale = bounds.scale
            definition.sum = slot + buckets
            definition.isFloating = floating
            definition.exemplars = exemplars ? slot + buckets + 1 : nil
            return slot
        }
        let (first, owner) = place(slot)
        return MetricHistogram(first, bounds, exemplars ? MetricExemplars(first: first[buckets + 1]) : nil, owner)
    }

    /// - Returns: the first word of the series; `nil` if there is no room even for what overflows.
    private func series(
        _ shape: Shape,
        _ name: String,
        _ own: [MetricLabel],
        _ copy: Int,
        _ layout: Layout,
        _ place: (inout State, inout MetricDefinition) -> Int?
    ) -> Int? {
        let labels = MetricNames.labels(own, beside: common)
        let (slot, isFirst) = state.withLock { state -> (Int?, Bool) in
            let name = Self.name(name, shape, state)
            let key = Key(name: name, labels: labels, copy: copy, layout: layout)
            if let slot = state.known[key] { return (slot, false) }
            if state.known.count - state.overflows < limit {
                let definition = MetricDefinition(shape.kind, name, labels, terms: [])
                if let slot = define(definition, place, &state) {
                    state.known[key] = slot
                    // Only now, so that names that find no room take none.
                    state.shapes[name] = shape
                    return (slot, false)
                }
            }
            let isFirst = !state.hasOverflowed
            state.hasOverflowed = true
            memory.word(MetricMemory.Header.refusedSeries).add()
            return (overflow(shape, name, layout, place, &state), isFirst)
        }
        if isFirst {
            overflowed("this process counts \(limit) series of metrics, as many as it may, or has no room for more")
        }
        return slot
    }

    /// A valid name that no metric of another kind, or with other buckets, has.
    private static func name(_ text: String, _ shape: Shape, _ state: State) -> String {
        var name = MetricNames.name(text)
        if shape.kind == .counter, name.hasSuffix("_total"), name.utf8.count > 6 { name.removeLast(6) }
        while let other = state.shapes[name], other != shape { name += "_\(shape.kind)" }
        return name
    }

    private func overflow(
        _ shape: Shape,
        _ name: String,
        _ layout: Layout,
        _ place: (inout State, inout MetricDefinition) -> Int?,
        _ state: inout State
    ) -> Int? {
        guard shape.kind != .gauge else { return nil }
        let labels = MetricNames.labels([MetricLabel("overflow", "true")], beside: common)
        let key = Key(name: name, labels: labels, layout: layout)
        if let slot = state.known[key] { return slot }
        guard state.overflows < MetricLimits.overflows else { return nil }
        guard let slot = define(MetricDefinition(shape.kind, name, labels, terms: []), place, &state) else {
            return nil
        }
        state.known[key] = slot
        state.shapes[name] = shape
        state.overflows += 1
        return slot
    }

    private func define(
        _ definition: MetricDefinition,
        _ place: (inout State, inout MetricDefinition) -> Int?,
        _ state: inout State
    ) -> Int? {
        var definition = definition
        let words = state.words
        guard let slot = place(&state, &definition) else { return nil }
        let record = MetricRecord.encode(definition)
        guard state.definitionBytes + record.count <= memory.definitionBytes else {
            state.words = words
            return nil
        }
        record.withUnsafeBytes {
            (memory.definitions + state.definitionBytes).copyMemory(from: $0.baseAddress!, byteCount: $0.count)
        }
        state.definitionBytes += record.count
        memory.publish(state.definitionBytes)
        return slot
    }
}

extension MetricHistogram {
    /// How many values it has counted, as part of another series of the same registry.
    package func term(in registry: MetricRegistry, isNegative: Bool = false) -> MetricTerm? {
        let slot = buckets.pointer - registry.memory.slot(0).pointer
        guard (0..<registry.memory.words).contains(slot) else { return nil }
        return MetricTerm(slot: slot, count: count + 1, isNegative: isNegative)
    }
}
