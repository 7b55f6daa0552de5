internal import NIOCore

/// A collection whose equal values may encode their entries in different orders.
protocol UnorderedCollection {
    static var entryShape: BinaryWriter.EntryShape { get }
}

extension Set: UnorderedCollection {
    static var entryShape: BinaryWriter.EntryShape { .region }
}

extension Dictionary: UnorderedCollection {
    /// As the standard library encodes dictionaries.
    static var entryShape: BinaryWriter.EntryShape {
        Key.self == String.self || Key.self == Int.self || Key.self is any CodingKeyRepresentable.Type ? .keyed : .pair
    }
}

extension BinaryWriter {
    /// What one entry of a collection consists of.
    enum EntryShape {
        case region, keyed, pair
    }

    /// Sorts the entries that were written from `start` on by their bytes, so that equal collections have equal bytes.
    func sortEntries(from start: Int, _ shape: EntryShape) {
        guard var rest = buffer.getSlice(at: start, length: buffer.writerIndex - start) else { return }
        var entries: [ByteBuffer] = []
        while rest.readableBytes > 0 {
            guard let length = Self.entryLength(rest, shape), let entry = rest.readSlice(length: length) else { return }
            entries.append(entry)
        }
        entries.sort { $0.readableBytesView.lexicographicallyPrecedes($1.readableBytesView) }
        buffer.moveWriterIndex(to: start)
        for entry in entries { buffer.writeImmutableBuffer(entry) }
    }

    private static func entryLength(_ buffer: ByteBuffer, _ shape: EntryShape) -> Int? {
        var rest = buffer
        func skipRegion() -> Bool {
            guard let length = rest.readInteger(endianness: .little, as: UInt32.self) else { return false }
            return length == .max || rest.readSlice(length: Int(length)) != nil
        }
        func skipKey() -> Bool {
            guard let short = rest.readInteger(as: UInt8.self) else { return false }
            if short < 255 { return rest.readSlice(length: Int(short)) != nil }
            guard let long = rest.readInteger(endianness: .little, as: UInt32.self) else { return false }
            return rest.readSlice(length: Int(long)) != nil
        }
        let isWhole =
            switch shape {
            case .region: skipRegion()
            case .keyed: skipKey() && skipRegion()
            case .pair: skipRegion() && skipRegion()
            }
        return isWhole ? buffer.readableBytes - rest.readableBytes : nil
    }
}
