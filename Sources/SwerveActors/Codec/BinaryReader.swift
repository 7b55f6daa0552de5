internal import Distributed
package import NIOCore
internal import SwerveCore

/// Decodes what ``BinaryWriter`` wrote. It checks every length against the bytes it has, so no input can make it read
/// out of bounds, allocate more than the input holds, or trap.
public final class BinaryReader: Decoder {
    package let buffer: ByteBuffer
    /// The current region, as indices into `buffer`.
    var position: Int
    var end: Int
    /// Whether the current region is a `nil`.
    var isNil = false
    private var depth = 0
    /// Resolves decoded references to deployments.
    package let system: ServeSystem
    /// Opens the streams among a call's arguments; `nil` in other values.
    let streams: (any ArgumentStreams)?

    public var codingPath: [any CodingKey] { [] }
    public var userInfo: [CodingUserInfoKey: Any] { [.actorSystemKey: system] }

    package init(_ buffer: ByteBuffer, system: ServeSystem, streams: (any ArgumentStreams)? = nil) {
        self.buffer = buffer
        self.streams = streams
        self.position = buffer.readerIndex
        self.end = buffer.writerIndex
        self.system = system
    }

    public func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        KeyedDecodingContainer(try KeyedReader<Key>(reader: self, start: position, end: end))
    }
    public func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        UnkeyedReader(reader: self, start: position, end: end)
    }
    public func singleValueContainer() throws -> any SingleValueDecodingContainer { SingleValueReader(reader: self) }

    static func malformed(_ what: String) -> ServeError { ServeError(.invalidArgument, "malformed value: \(what)") }

    /// Reads the region that starts at the current position, and moves past it.
    @inline(__always)
    package func nextRegion<T: Decodable>(_ type: T.Type) throws -> T {
        let (start, stop, isNil) = try regionBounds(at: position, limit: end)
        let value = try region(type, start, stop, isNil: isNil)
        position = stop
        return value
    }

    /// Whether `buffer` has the whole region that starts at `index`.
    static func isWholeRegion(in buffer: ByteBuffer, at index: Int) -> Bool {
        guard index + 4 <= buffer.writerIndex,
            let length = buffer.getInteger(at: index, endianness: .little, as: UInt32.self)
        else { return false }
        return length == .max || Int(length) <= buffer.writerIndex - index - 4
    }

    /// Reads what ``BinaryWriter/write(stream:)`` wrote.
    func streamPosition() throws -> (position: UInt32, maxAhead: Int) {
        let text = try integer(UInt64.self)
        return (UInt32(truncatingIfNeeded: text), max(1, Int(text >> 32)))
    }

    /// What is behind the current position.
    var remaining: ByteBuffer { buffer.getSlice(at: position, length: end - position) ?? ByteBuffer() }

    /// Moves past the region that starts at the current position.
    func skipRegion() throws {
        position = try regionBounds(at: position, limit: end).1
    }

    /// The start and the end of the region whose length is at `index`, and whether it is a `nil`.
    @inline(__always)
    func regionBounds(at index: Int, limit: Int) throws -> (Int, Int, Bool) {
        guard index + 4 <= limit, let length = buffer.getInteger(at: index, endianness: .little, as: UInt32.self) else {
            throw Self.malformed("it ends where the length of a part should be")
        }
        if length == .max { return (index + 4, index + 4, true) }
        guard Int(length) <= limit - index - 4 else {
            throw Self.malformed("a part of \(length) bytes where only \(limit - index - 4) are left")
        }
        return (index + 4, index + 4 + Int(length), false)
    }

    @inline(__always)
    func region<T: Decodable>(_ type: T.Type, _ start: Int, _ stop: Int, isNil: Bool) throws -> T {
        let saved = (position, end, self.isNil)
        (position, end, self.isNil) = (start, stop, isNil)
        defer { (position, end, self.isNil) = saved }
        return try read(type)
    }

    /// Reads the current region as a value.
    @inline(__always)
    func read<T: Decodable>(_ type: T.Type) throws -> T {
        if T.self == Int.self { return unsafeBitCast(try integer(Int.self), to: T.self) }
        if T.self == String.self { return unsafeBitCast(try string(), to: T.self) }
        if T.self == Double.self { return unsafeBitCast(Double(bitPattern: try integer(UInt64.self)), to: T.self) }
        if T.self == Bool.self { return unsafeBitCast(try integer(UInt8.self) != 0, to: T.self) }
        if T.self == Float.self { return unsafeBitCast(Float(bitPattern: try integer(UInt32.self)), to: T.self) }
        if T.self == ByteBuffer.self {
            guard !isNil, let slice = buffer.getSlice(at: position, length: end - position) else {
                throw Self.malformed("no bytes")
            }
            return unsafeBitCast(slice, to: T.self)
        }
        if let array = try readArray(type) { return array }
        if let number = try readInteger(type) { return number }
        depth += 1
        defer { depth -= 1 }
        if depth > BinaryWriter.maximumDepth { throw Self.malformed("it nests too deeply") }
        return try T(from: self)
    }

    @inline(__always)
    func integer<I: FixedWidthInteger>(_ type: I.Type) throws -> I {
        guard end - position == MemoryLayout<I>.size,
            let value = buffer.getInteger(at: position, endianness: .little, as: I.self)
        else { throw Self.malformed("\(I.self) in \(end - position) bytes") }
        return value
    }

    @inline(__always)
    func string() throws -> String {
        guard !isNil, let text = buffer.getString(at: position, length: end - position) else {
            throw Self.malformed("no string")
        }
        return text
    }

    private func readArray<T>(_ type: T.Type) throws -> T? {
        func block<Element: BitwiseCopyable>(_ type: Element.Type) throws -> T {
            let size = MemoryLayout<Element>.size
            let length = end - position
            guard !isNil, length % size == 0 else { throw Self.malformed("[\(Element.self)] in \(length) bytes") }
            // All empty arrays share one storage.
            if length == 0 { return unsafeBitCast([Element](), to: T.self) }
            let offset = position - buffer.readerIndex
            let array = [Element](unsafeUninitializedCapacity: length / size) { target, count in
                buffer.withUnsafeReadableBytes { bytes in
                    UnsafeMutableRawBufferPointer(target).copyMemory(
                        from: UnsafeRawBufferPointer(rebasing: bytes[offset..<(offset + length)])
                    )
                }
                count = length / size
            }
            return unsafeBitCast(array, to: T.self)
        }
        if T.self == [UInt8].self { return try block(UInt8.self) }
        if T.self == [Float].self { return try block(Float.self) }
        if T.self == [Double].self { return try block(Double.self) }
        if T.self == [Int].self { return try block(Int.self) }
        if T.self == [Int32].self { return try block(Int32.self) }
        if T.self == [Int64].self { return try block(Int64.self) }
        if T.self == [UInt16].self { return try block(UInt16.self) }
        return nil
    }

    private func readInteger<T>(_ type: T.Type) throws -> T? {
        func read<I: FixedWidthInteger>(_ type: I.Type) throws -> T { unsafeBitCast(try integer(type), to: T.self) }
        if T.self == Int8.self { return try read(Int8.self) }
        if T.self == Int16.self { return try read(Int16.self) }
        if T.self == Int32.self { return try read(Int32.self) }
        if T.self == Int64.self { return try read(Int64.self) }
        if T.self == UInt.self { return try read(UInt.self) }
        if T.self == UInt8.self { return try read(UInt8.self) }
        if T.self == UInt16.self { return try read(UInt16.self) }
        if T.self == UInt32.self { return try read(UInt32.self) }
        if T.self == UInt64.self { return try read(UInt64.self) }
        if T.self == Int128.self { return try read(Int128.self) }
        if T.self == UInt128.self { return try read(UInt128.self) }
        return nil
    }
}
