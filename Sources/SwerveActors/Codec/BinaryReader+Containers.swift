internal import NIOCore
internal import SwerveCore

struct KeyedReader<Key: CodingKey>: KeyedDecodingContainerProtocol {
    /// Where to look first: values are nearly always read in the order in which they were written.
    private final class Cursor {
        var position: Int
        init(_ position: Int) {
            self.position = position
        }
    }
    private struct Entry {
        var key: Range<Int>
        var start: Int
        var stop: Int
        var isNil: Bool
    }

    let reader: BinaryReader
    let start: Int
    let end: Int
    private let cursor: Cursor
    var codingPath: [any CodingKey] { [] }

    init(reader: BinaryReader, start: Int, end: Int) throws {
        self.reader = reader
        self.start = start
        self.end = end
        self.cursor = Cursor(start)
    }

    @inline(__always)
    private func entry(at index: Int) throws -> Entry {
        guard var length = reader.buffer.getInteger(at: index, as: UInt8.self).map(Int.init) else {
            throw BinaryReader.malformed("a key that is cut off")
        }
        var keyStart = index + 1
        if length == 255 {
            length =
                reader.buffer.getInteger(at: keyStart, endianness: .little, as: UInt32.self).map(Int.init) ?? .max / 2
            keyStart += 4
        }
        guard keyStart + length <= end else { throw BinaryReader.malformed("a key that is cut off") }
        let (start, stop, isNil) = try reader.regionBounds(at: keyStart + length, limit: end)
        return Entry(key: keyStart..<(keyStart + length), start: start, stop: stop, isNil: isNil)
    }

    private func find(_ key: some CodingKey) throws -> Entry? {
        var text = key.stringValue
        let hint = cursor.position
        return try text.withUTF8 { wanted in
            try scan(from: hint, to: end, for: wanted) ?? scan(from: start, to: hint, for: wanted)
        }
    }

    private func scan(from: Int, to: Int, for wanted: UnsafeBufferPointer<UInt8>) throws -> Entry? {
        var position = from
        while position < to {
            let entry = try entry(at: position)
            position = entry.stop
            guard entry.key.count == wanted.count else { continue }
            let base = reader.buffer.readerIndex
            let same = reader.buffer.withUnsafeReadableBytes { bytes in
                bytes[(entry.key.lowerBound - base)..<(entry.key.upperBound - base)].elementsEqual(wanted)
            }
            if same {
                cursor.position = entry.stop
                return entry
            }
        }
        return nil
    }

    private func need(_ key: some CodingKey) throws -> Entry {
        guard let entry = try find(key) else {
            throw DecodingError.keyNotFound(
                key,
                .init(codingPath: [], debugDescription: "no value for '\(key.stringValue)'")
            )
        }
        return entry
    }

    var allKeys: [Key] {
        var keys: [Key] = []
        var position = start
        while position < end, let entry = try? entry(at: position) {
            if let text = reader.buffer.getString(at: entry.key.lowerBound, length: entry.key.count),
                let key = Key(stringValue: text)
            {
                keys.append(key)
            }
            position = entry.stop
        }
        return keys
    }
    func contains(_ key: Key) -> Bool { (try? find(key)) != nil }
    func decodeNil(forKey key: Key) throws -> Bool { try need(key).isNil }
    @inline(__always)
    func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T {
        let entry = try need(key)
        return try reader.region(type, entry.start, entry.stop, isNil: entry.isNil)
    }
    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type,
        forKey key: Key
    ) throws -> KeyedDecodingContainer<Nested> {
        let entry = try need(key)
        return KeyedDecodingContainer(try KeyedReader<Nested>(reader: reader, start: entry.start, end: entry.stop))
    }
    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
        let entry = try need(key)
        return UnkeyedReader(reader: reader, start: entry.start, end: entry.stop)
    }
    func superDecoder() throws -> any Decoder { try nested(SuperKey.super) }
    func superDecoder(forKey key: Key) throws -> any Decoder { try nested(key) }

    private func nested(_ key: some CodingKey) throws -> NestedDecoder {
        let entry = try need(key)
        return NestedDecoder(reader: reader, start: entry.start, end: entry.stop, isNil: entry.isNil)
    }
}

struct UnkeyedReader: UnkeyedDecodingContainer {
    let reader: BinaryReader
    private var position: Int
    private let end: Int
    private(set) var currentIndex = 0
    var count: Int? { nil }
    var isAtEnd: Bool { position >= end }
    var codingPath: [any CodingKey] { [] }

    init(reader: BinaryReader, start: Int, end: Int) {
        self.reader = reader
        self.position = start
        self.end = end
    }

    private mutating func next() throws -> (Int, Int, Bool) {
        let bounds = try reader.regionBounds(at: position, limit: end)
        position = bounds.1
        currentIndex += 1
        return bounds
    }

    mutating func decodeNil() throws -> Bool {
        guard try reader.regionBounds(at: position, limit: end).2 else { return false }
        _ = try next()
        return true
    }
    mutating func decode<T: Decodable>(_ type: T.Type) throws -> T {
        let (start, stop, isNil) = try next()
        return try reader.region(type, start, stop, isNil: isNil)
    }
    mutating func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) throws -> KeyedDecodingContainer<Nested>
    {
        let (start, stop, _) = try next()
        return KeyedDecodingContainer(try KeyedReader<Nested>(reader: reader, start: start, end: stop))
    }
    mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
        let (start, stop, _) = try next()
        return UnkeyedReader(reader: reader, start: start, end: stop)
    }
    mutating func superDecoder() throws -> any Decoder {
        let (start, stop, isNil) = try next()
        return NestedDecoder(reader: reader, start: start, end: stop, isNil: isNil)
    }
}

struct SingleValueReader: SingleValueDecodingContainer {
    let reader: BinaryReader
    var codingPath: [any CodingKey] { [] }
    func decodeNil() -> Bool { reader.isNil }
    func decode<T: Decodable>(_ type: T.Type) throws -> T { try reader.read(type) }
}

/// What `superDecoder` returns: a decoder of one region.
struct NestedDecoder: Decoder {
    let reader: BinaryReader
    let start: Int
    let end: Int
    let isNil: Bool
    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { reader.userInfo }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        KeyedDecodingContainer(try KeyedReader<Key>(reader: reader, start: start, end: end))
    }
    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        UnkeyedReader(reader: reader, start: start, end: end)
    }
    func singleValueContainer() throws -> any SingleValueDecodingContainer { NestedValue(decoder: self) }

    private struct NestedValue: SingleValueDecodingContainer {
        let decoder: NestedDecoder
        var codingPath: [any CodingKey] { [] }
        func decodeNil() -> Bool { decoder.isNil }
        func decode<T: Decodable>(_ type: T.Type) throws -> T {
            try decoder.reader.region(type, decoder.start, decoder.end, isNil: decoder.isNil)
        }
    }
}
