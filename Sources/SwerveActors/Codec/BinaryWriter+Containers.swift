internal import NIOCore
internal import SwerveCore

/// The starts of the regions that nested containers opened. A region's length is final only when its container is done,
/// so each write corrects the lengths of all of them. A container may grow only while it is the last thing in the
/// buffer.
typealias EnclosingRegions = [Int]

extension BinaryWriter {
    func openNested(in enclosing: EnclosingRegions) -> EnclosingRegions {
        if !isOpen(enclosing) { wasMisused = true }
        let start = buffer.writerIndex
        integer(0 as UInt32)
        correct(enclosing)
        return enclosing + [start]
    }

    @inline(__always)
    func correct(_ enclosing: EnclosingRegions) {
        if enclosing.isEmpty { return }
        let end = buffer.writerIndex
        for start in enclosing { buffer.setInteger(UInt32(end - start - 4), at: start, endianness: .little) }
    }

    /// Whether the innermost region is the last thing in the buffer.
    @inline(__always)
    func isOpen(_ enclosing: EnclosingRegions) -> Bool {
        guard let start = enclosing.last else { return true }
        let length = buffer.getInteger(at: start, endianness: .little, as: UInt32.self) ?? 0
        return start + 4 + Int(length) == buffer.writerIndex
    }

    @inline(__always)
    func checkOpen(_ enclosing: EnclosingRegions) throws {
        if !isOpen(enclosing) { throw Self.leftContainer }
    }

    @inline(__always)
    func key(_ key: some CodingKey) {
        var text = key.stringValue
        text.withUTF8 { utf8 in
            buffer.writeInteger(UInt8(clamping: utf8.count))
            if utf8.count >= 255 { integer(UInt32(clamping: utf8.count)) }
            buffer.writeBytes(UnsafeRawBufferPointer(utf8))
        }
    }
}

struct KeyedWriter<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let writer: BinaryWriter
    let enclosing: EnclosingRegions
    var codingPath: [any CodingKey] { [] }

    @inline(__always)
    mutating func encode<T: Encodable>(_ value: T, forKey key: Key) throws {
        try writer.checkOpen(enclosing)
        writer.key(key)
        try writer.region(value)
        writer.correct(enclosing)
    }
    mutating func encodeNil(forKey key: Key) throws {
        try writer.checkOpen(enclosing)
        writer.key(key)
        writer.integer(UInt32.max)
        writer.correct(enclosing)
    }
    mutating func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type,
        forKey key: Key
    ) -> KeyedEncodingContainer<Nested> {
        KeyedEncodingContainer(KeyedWriter<Nested>(writer: writer, enclosing: open(key)))
    }
    mutating func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
        UnkeyedWriter(writer: writer, enclosing: open(key))
    }
    mutating func superEncoder() -> any Encoder { NestedEncoder(writer: writer, enclosing: open(SuperKey.super)) }
    mutating func superEncoder(forKey key: Key) -> any Encoder {
        NestedEncoder(writer: writer, enclosing: open(key))
    }

    private func open(_ key: some CodingKey) -> EnclosingRegions {
        if !writer.isOpen(enclosing) { writer.wasMisused = true }
        writer.key(key)
        writer.correct(enclosing)
        return writer.openNested(in: enclosing)
    }
}

enum SuperKey: String, CodingKey { case `super` }

struct UnkeyedWriter: UnkeyedEncodingContainer {
    let writer: BinaryWriter
    let enclosing: EnclosingRegions
    var count = 0
    var codingPath: [any CodingKey] { [] }

    init(writer: BinaryWriter, enclosing: EnclosingRegions) {
        self.writer = writer
        self.enclosing = enclosing
    }

    mutating func encodeNil() throws {
        try writer.checkOpen(enclosing)
        count += 1
        writer.integer(UInt32.max)
        writer.correct(enclosing)
    }
    mutating func encode<T: Encodable>(_ value: T) throws {
        try writer.checkOpen(enclosing)
        count += 1
        try writer.region(value)
        writer.correct(enclosing)
    }
    mutating func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) -> KeyedEncodingContainer<Nested> {
        KeyedEncodingContainer(KeyedWriter<Nested>(writer: writer, enclosing: open()))
    }
    mutating func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
        UnkeyedWriter(writer: writer, enclosing: open())
    }
    mutating func superEncoder() -> any Encoder { NestedEncoder(writer: writer, enclosing: open()) }

    private mutating func open() -> EnclosingRegions {
        count += 1
        return writer.openNested(in: enclosing)
    }
}

struct SingleValueWriter: SingleValueEncodingContainer {
    let writer: BinaryWriter
    let enclosing: EnclosingRegions
    var codingPath: [any CodingKey] { [] }

    mutating func encodeNil() throws {
        guard let start = enclosing.last else {
            writer.wroteNil = true
            return
        }
        writer.buffer.setInteger(UInt32.max, at: start, endianness: .little)
    }
    mutating func encode<T: Encodable>(_ value: T) throws {
        try writer.checkOpen(enclosing)
        try writer.write(value)
        writer.correct(enclosing)
        // The value was an optional `nil`. Without enclosing regions, the code that opened this region handles it.
        if writer.wroteNil, !enclosing.isEmpty {
            writer.wroteNil = false
            try encodeNil()
        }
    }
}

/// What `superEncoder` returns: an encoder whose value fills a region inside its parent's.
struct NestedEncoder: Encoder {
    let writer: BinaryWriter
    let enclosing: EnclosingRegions
    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { writer.userInfo }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        KeyedEncodingContainer(KeyedWriter<Key>(writer: writer, enclosing: enclosing))
    }
    func unkeyedContainer() -> any UnkeyedEncodingContainer { UnkeyedWriter(writer: writer, enclosing: enclosing) }
    func singleValueContainer() -> any SingleValueEncodingContainer {
        SingleValueWriter(writer: writer, enclosing: enclosing)
    }
}
