internal import NIOCore
internal import SwerveCore

/// Where the regions start that nested containers opened. Their lengths are known only when their owners are done, so
/// each write corrects them; a container may grow only while it is the last thing in the buffer.
typealias EnclosingRegions = [Int]

extension BinaryWriter {
    func openNested(in enclosing: EnclosingRegions) -> EnclosingRegions {
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

    @inline(__always)
    func checkOpen(_ enclosing: EnclosingRegions) throws {
        guard let start = enclosing.last else { return }
        let length = buffer.getInteger(at: start, endianness: .little, as: UInt32.self) ?? 0
        guard start + 4 + Int(length) == buffer.writerIndex else {
            throw ServeError(.unencodable, "a nested container was written to after its parent went on")
        }
    }

    @inline(__always)
    func key(_ key: some CodingKey) throws {
        var text = key.stringValue
        try text.withUTF8 { utf8 in
            guard utf8.count < 256 else {
                throw ServeError(.unencodable, "the coding key '\(key.stringValue)' is longer than 255 bytes")
            }
            buffer.writeInteger(UInt8(utf8.count))
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
        try writer.key(key)
        try writer.region(value)
        writer.correct(enclosing)
    }
    mutating func encodeNil(forKey key: Key) throws {
        try writer.checkOpen(enclosing)
        try writer.key(key)
        writer.integer(UInt32.max)
        writer.correct(enclosing)
    }
    mutating func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type, forKey key: Key
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

    /// A key too long for the format has no way to be refused here; the decoder then misses it.
    private func open(_ key: some CodingKey) -> EnclosingRegions {
        do { try writer.key(key) } catch { writer.buffer.writeInteger(0 as UInt8) }
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
