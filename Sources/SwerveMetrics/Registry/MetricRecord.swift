/// Definitions as bytes: what a process appends to its memory, and others read.
enum MetricRecord {
    static func encode(_ definition: MetricDefinition) -> [UInt8] {
        var bytes: [UInt8] = []
        func put(_ value: some FixedWidthInteger) {
            withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
        }
        func put(_ text: String) {
            put(UInt16(clamping: text.utf8.count))
            bytes.append(contentsOf: text.utf8.prefix(Int(UInt16.max)))
        }
        put(definition.kind.rawValue)
        put(UInt8(definition.isFloating ? 1 : 0))
        put(definition.scale.bitPattern)
        put(UInt8(definition.terms.count))
        for term in definition.terms {
            put(UInt32(term.slot))
            put(UInt32(term.count))
            put(UInt8(term.isNegative ? 1 : 0))
        }
        put(UInt8(definition.bounds.count))
        for bound in definition.bounds { put(bound.bitPattern) }
        put(UInt32(definition.sum))
        put(UInt32(definition.exemplars.map { $0 + 1 } ?? 0))
        put(definition.name)
        put(UInt8(definition.labels.count))
        for label in definition.labels {
            put(label.name)
            put(label.value)
        }
        return withUnsafeBytes(of: UInt32(bytes.count).littleEndian) { Array($0) } + bytes
    }

    /// Reads the definition at the beginning of the bytes, and goes on behind it.
    ///
    /// - Parameter words: how many words there are; a definition that means others is not valid.
    /// - Returns: `nil` if there is no valid one. Other processes write the bytes, so nothing is taken for granted.
    static func decode(_ bytes: UnsafeRawBufferPointer, at offset: inout Int, words: Int) -> MetricDefinition? {
        var reader = Reader(bytes: bytes, offset: offset)
        guard let length: UInt32 = reader.next(), Int(length) <= bytes.count - reader.offset else { return nil }
        let end = reader.offset + Int(length)
        reader.end = end
        guard let definition = reader.definition(), definition.isWithin(words) else { return nil }
        offset = end
        return definition
    }

    private struct Reader {
        let bytes: UnsafeRawBufferPointer
        var offset: Int
        var end: Int

        init(bytes: UnsafeRawBufferPointer, offset: Int) {
            self.bytes = bytes
            self.offset = offset
            self.end = bytes.count
        }

        mutating func next<Value: FixedWidthInteger>() -> Value? {
            guard end - offset >= MemoryLayout<Value>.size else { return nil }
            defer { offset += MemoryLayout<Value>.size }
            return Value(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Value.self))
        }

        mutating func text() -> String? {
            guard let length: UInt16 = next(), end - offset >= Int(length) else { return nil }
            defer { offset += Int(length) }
            return String(decoding: bytes[offset..<offset + Int(length)], as: UTF8.self)
        }

        mutating func definition() -> MetricDefinition? {
            guard let number: UInt8 = next(), let kind = MetricKind(rawValue: number), let flags: UInt8 = next(),
                let scale: UInt64 = next(), let terms = terms(), let bounds = bounds(), let sum: UInt32 = next(),
                let exemplars: UInt32 = next(), let name = text(), let labels = labels()
            else { return nil }
            var definition = MetricDefinition(
                kind,
                name,
                labels,
                terms: terms,
                isFloating: flags & 1 != 0,
                scale: Double(bitPattern: scale)
            )
            definition.bounds = bounds
            definition.sum = Int(sum)
            definition.exemplars = exemplars == 0 ? nil : Int(exemplars) - 1
            return definition
        }

        mutating func terms() -> [MetricTerm]? {
            guard let count: UInt8 = next() else { return nil }
            var terms: [MetricTerm] = []
            for _ in 0..<count {
                guard let slot: UInt32 = next(), let words: UInt32 = next(), let sign: UInt8 = next() else {
                    return nil
                }
                terms.append(MetricTerm(slot: Int(slot), count: Int(words), isNegative: sign != 0))
            }
            return terms
        }

        mutating func bounds() -> [Double]? {
            guard let count: UInt8 = next() else { return nil }
            var bounds: [Double] = []
            for _ in 0..<count {
                guard let bits: UInt64 = next() else { return nil }
                bounds.append(Double(bitPattern: bits))
            }
            return bounds
        }

        mutating func labels() -> [MetricLabel]? {
            guard let count: UInt8 = next() else { return nil }
            var labels: [MetricLabel] = []
            for _ in 0..<count {
                guard let name = text(), let value = text() else { return nil }
                labels.append(MetricLabel(name, value))
            }
            return labels
        }
    }
}

extension MetricDefinition {
    /// Whether it means only words that there are.
    fileprivate func isWithin(_ words: Int) -> Bool {
        guard terms.allSatisfy({ $0.count <= words && $0.slot <= words - $0.count }) else { return false }
        guard kind == .histogram else { return !isFloating || terms.first?.count == 1 }
        let places = exemplars.map { $0 <= words - MetricExemplars.words } ?? true
        return terms.count == 1 && terms[0].count == bounds.count + 1 && sum < words && places
    }
}
