package import NIOCore
internal import SwerveCore

/// Encodes `Codable` values into the binary form that travels between processes.
///
/// A value fills a *region*, whose length is stored outside it. Integers and floating-point numbers are little-endian
/// with a fixed width, strings are UTF-8, and arrays of numbers and byte buffers are copied as one block. A keyed
/// container is a sequence of `[key length: UInt8][key][region length: UInt32][region]`, an unkeyed one a sequence of
/// `[region length: UInt32][region]`. The region length 0xFFFF_FFFF stands for `nil`. After a key length of 255 the
/// real one follows as a UInt32, because dictionary keys may be long.
public final class BinaryWriter: Encoder {
    package var buffer: ByteBuffer
    /// Set when the region just written is a `nil`. The code that opened the region then writes the length for `nil`.
    var wroteNil = false
    /// Set when a nested container was opened in one that is no longer last in the buffer. Opening cannot throw, so the
    /// error comes later.
    var wasMisused = false
    private var depth = 0
    /// Names bound deployments while an application is built.
    package let names: (any DeploymentNaming)?
    /// Whether the output is read in this process only.
    package let staysInProcess: Bool
    /// The streams among a call's arguments, which are encoded as their positions here; `nil` in other values.
    package private(set) var streams: [any AnyResponseStream]?

    /// How deep values may nest. The limit stops endless recursion in a value's `encode(to:)`.
    package static let maximumDepth = 512

    public var codingPath: [any CodingKey] { [] }
    public var userInfo: [CodingUserInfoKey: Any] { [:] }

    package init(
        _ buffer: consuming ByteBuffer = ByteBuffer(),
        names: (any DeploymentNaming)? = nil,
        staysInProcess: Bool = false,
        allowsStreams: Bool = false
    ) {
        self.buffer = buffer
        self.names = names
        self.staysInProcess = staysInProcess
        self.streams = allowsStreams ? [] : nil
    }

    /// Encodes a stream as its position.
    ///
    /// - Throws: ``ServeError`` with code `unencodable` where no stream can be, `invalidArgument` if it was used before.
    func write(stream: any AnyResponseStream) throws {
        guard let number = streams?.count else {
            throw ServeError(
                .unencodable,
                "a ResponseStream can be an argument of a call and the whole result of a method, nothing else"
            )
        }
        if stream.isUsed { throw ServeError(.invalidArgument, "the stream was already read") }
        integer(UInt64(UInt32(clamping: stream.maxAhead)) << 32 | UInt64(number))
        streams?.append(stream)
    }

    /// Moves the output out of the writer. The caller is then the only owner, so appending does not copy the bytes.
    package func takeBuffer() -> ByteBuffer {
        let taken = buffer
        buffer = ByteBuffer()
        return taken
    }

    public func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        KeyedEncodingContainer(KeyedWriter<Key>(writer: self, enclosing: []))
    }
    public func unkeyedContainer() -> any UnkeyedEncodingContainer { UnkeyedWriter(writer: self, enclosing: []) }
    public func singleValueContainer() -> any SingleValueEncodingContainer {
        SingleValueWriter(writer: self, enclosing: [])
    }

    /// Writes a value as a region, preceded by its length.
    @inline(__always)
    package func region<T: Encodable>(_ value: T) throws {
        let start = buffer.writerIndex
        buffer.writeInteger(0 as UInt32)
        try write(value)
        closeRegion(from: start)
    }

    @inline(__always)
    func closeRegion(from start: Int) {
        let length = wroteNil ? UInt32.max : UInt32(truncatingIfNeeded: buffer.writerIndex - start - 4)
        wroteNil = false
        buffer.setInteger(length, at: start, endianness: .little)
    }

    /// Writes a value without a length.
    @inline(__always)
    package func write<T: Encodable>(_ value: T) throws {
        if T.self == Int.self { return integer(unsafeBitCast(value, to: Int.self)) }
        if T.self == String.self {
            buffer.writeString(unsafeBitCast(value, to: String.self))
            return
        }
        if T.self == Double.self { return integer(unsafeBitCast(value, to: Double.self).bitPattern) }
        if T.self == Bool.self { return integer(unsafeBitCast(value, to: Bool.self) ? 1 as UInt8 : 0) }
        if T.self == Float.self { return integer(unsafeBitCast(value, to: Float.self).bitPattern) }
        if T.self == ByteBuffer.self {
            buffer.writeImmutableBuffer(unsafeBitCast(value, to: ByteBuffer.self))
            return
        }
        if writeArray(value) || writeInteger(value) { return }
        depth += 1
        defer { depth -= 1 }
        if depth > Self.maximumDepth {
            throw ServeError(.unencodable, "\(T.self) nests deeper than \(Self.maximumDepth) levels")
        }
        if let names { try encode(value, resolvedBy: names) } else { try value.encode(to: self) }
        if wasMisused { throw Self.leftContainer }
    }

    /// Encodes a part of the arguments of an application that is being built. Arguments are compared by their bytes.
    private func encode(_ value: some Encodable, resolvedBy names: any DeploymentNaming) throws {
        if let unordered = value as? any UnorderedCollection {
            let start = buffer.writerIndex
            try value.encode(to: self)
            return sortEntries(from: start, type(of: unordered).entryShape)
        }
        guard let value = value as? any ResolvedAtDeploy else { return try value.encode(to: self) }
        try names.resolved(value).encode(to: self)
    }

    static var leftContainer: ServeError {
        ServeError(.unencodable, "a nested container was written to after its parent had continued")
    }

    @inline(__always)
    func integer<I: FixedWidthInteger>(_ value: I) {
        buffer.writeInteger(value, endianness: .little)
    }

    private func writeArray<T>(_ value: T) -> Bool {
        func block<Element: BitwiseCopyable>(_ type: Element.Type) -> Bool {
            unsafeBitCast(value, to: [Element].self).withUnsafeBytes { _ = buffer.writeBytes($0) }
            return true
        }
        if T.self == [UInt8].self { return block(UInt8.self) }
        if T.self == [Float].self { return block(Float.self) }
        if T.self == [Double].self { return block(Double.self) }
        if T.self == [Int].self { return block(Int.self) }
        if T.self == [Int32].self { return block(Int32.self) }
        if T.self == [Int64].self { return block(Int64.self) }
        if T.self == [UInt16].self { return block(UInt16.self) }
        return false
    }

    private func writeInteger<T>(_ value: T) -> Bool {
        func write<I: FixedWidthInteger>(_ type: I.Type) -> Bool {
            integer(unsafeBitCast(value, to: I.self))
            return true
        }
        if T.self == Int8.self { return write(Int8.self) }
        if T.self == Int16.self { return write(Int16.self) }
        if T.self == Int32.self { return write(Int32.self) }
        if T.self == Int64.self { return write(Int64.self) }
        if T.self == UInt.self { return write(UInt.self) }
        if T.self == UInt8.self { return write(UInt8.self) }
        if T.self == UInt16.self { return write(UInt16.self) }
        if T.self == UInt32.self { return write(UInt32.self) }
        if T.self == UInt64.self { return write(UInt64.self) }
        if T.self == Int128.self { return write(Int128.self) }
        if T.self == UInt128.self { return write(UInt128.self) }
        return false
    }
}
