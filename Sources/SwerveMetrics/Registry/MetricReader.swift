/// Reads the series of one process, its own or another one. Definitions are read once; they are only appended.
package struct MetricReader: Sendable {
    private let memory: MetricMemory
    private var definitions: [MetricDefinition] = []
    private var offset = 0

    package init(_ memory: MetricMemory) {
        self.memory = memory
    }

    /// How many series found no room in that process.
    package var refused: UInt64 { memory.word(MetricMemory.Header.refusedSeries).value }

    /// Adds the present values to a snapshot.
    ///
    /// - Parameter isWanted: which series; all by default.
    package mutating func read(
        into snapshot: inout MetricSnapshot,
        where isWanted: (MetricDefinition) -> Bool = { _ in true }
    ) {
        refresh()
        for definition in definitions where isWanted(definition) {
            snapshot.add(value(of: definition), definition.kind, definition.name, definition.labels)
        }
    }

    private mutating func refresh() {
        let valid = memory.validBytes
        guard valid > offset else { return }
        let bytes = UnsafeRawBufferPointer(start: memory.definitions, count: valid)
        while offset < valid {
            // What another process has written may be anything; what is not valid ends the list.
            guard let next = MetricRecord.decode(bytes, at: &offset, words: memory.words) else {
                offset = .max
                return
            }
            definitions.append(next)
        }
    }

    private func value(of definition: MetricDefinition) -> MetricValue {
        if definition.kind == .histogram {
            let first = definition.terms[0].slot
            let sum = memory.slot(definition.sum).value
            return .histogram(
                MetricDistribution(
                    bounds: definition.bounds,
                    counts: (0...definition.bounds.count).map { memory.slot(first + $0).value },
                    sum: definition.isFloating ? Double(bitPattern: sum) : Double(sum) * definition.scale,
                    exemplars: definition.exemplars.map {
                        MetricExemplars(first: memory.slot($0)).read(scale: definition.scale)
                    } ?? []
                )
            )
        }
        if definition.isFloating { return .number(Double(bitPattern: memory.slot(definition.terms[0].slot).value)) }
        // Words are read one after the other while requests go on, so a difference may be below zero for a moment.
        var sum: Int64 = 0
        for term in definition.terms {
            for slot in term.slot..<term.slot + term.count {
                let word = Int64(bitPattern: memory.slot(slot).value)
                sum = term.isNegative ? sum &- word : sum &+ word
            }
        }
        if definition.terms.count > 1 { sum = max(0, sum) }
        return .number(Double(sum) * definition.scale)
    }
}
