/// Writes the wire format of Protocol Buffers: as much of it as OTLP needs. Fields with the default value are left out, as
/// proto3 does.
struct ProtobufWriter {
    private(set) var bytes: [UInt8] = []

    private enum Kind: UInt64 {
        case varint = 0
        case fixed64 = 1
        case length = 2
        case fixed32 = 5
    }

    mutating func varint(_ field: Int, _ value: UInt64) {
        if value != 0 { always(varint: field, value) }
    }

    /// Writes the field even if it is 0: for members of a `oneof`.
    mutating func always(varint field: Int, _ value: UInt64) {
        key(field, .varint)
        append(value)
    }

    mutating func fixed64(_ field: Int, _ value: UInt64) {
        if value != 0 { always(fixed64: field, value) }
    }

    mutating func always(fixed64 field: Int, _ value: UInt64) {
        key(field, .fixed64)
        for shift in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(8 * shift))) }
    }

    mutating func fixed32(_ field: Int, _ value: UInt32) {
        if value == 0 { return }
        key(field, .fixed32)
        for shift in 0..<4 { bytes.append(UInt8(truncatingIfNeeded: value >> UInt32(8 * shift))) }
    }

    mutating func text(_ field: Int, _ value: String) {
        if !value.isEmpty { always(text: field, value) }
    }

    mutating func always(text field: Int, _ value: String) {
        key(field, .length)
        append(UInt64(value.utf8.count))
        bytes.append(contentsOf: value.utf8)
    }

    /// Writes numbers as bytes, the first one first.
    mutating func bigEndian(_ field: Int, _ values: UInt64...) {
        key(field, .length)
        append(UInt64(8 * values.count))
        for value in values {
            for shift in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(56 - 8 * shift))) }
        }
    }

    /// Writes a message, even an empty one.
    mutating func message(_ field: Int, _ body: (inout ProtobufWriter) -> Void) {
        var inner = ProtobufWriter()
        body(&inner)
        key(field, .length)
        append(UInt64(inner.bytes.count))
        bytes.append(contentsOf: inner.bytes)
    }

    private mutating func key(_ field: Int, _ kind: Kind) { append(UInt64(field) << 3 | kind.rawValue) }

    private mutating func append(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }
}

/// Reads the wire format of Protocol Buffers, field by field.
struct ProtobufReader {
    enum Value {
        case number(UInt64)
        case bytes(ArraySlice<UInt8>)
    }
    private var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) {
        rest = bytes
    }

    /// - Returns: `nil` at the end, and where the bytes are malformed.
    mutating func next() -> (field: Int, value: Value)? {
        guard let key = varint(), key >> 3 > 0, key >> 3 < 1 << 29 else { return nil }
        switch key & 7 {
        case 0: return varint().map { (Int(key >> 3), .number($0)) }
        case 1: return take(8).map { (Int(key >> 3), .number(Self.littleEndian($0))) }
        case 2:
            guard let length = varint(), length <= UInt64(rest.count) else { return nil }
            return take(Int(length)).map { (Int(key >> 3), .bytes($0)) }
        case 5: return take(4).map { (Int(key >> 3), .number(Self.littleEndian($0))) }
        default: return nil
        }
    }

    private mutating func take(_ count: Int) -> ArraySlice<UInt8>? {
        guard rest.count >= count else { return nil }
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count)
    }

    private static func littleEndian(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    private mutating func varint() -> UInt64? {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 64, by: 7) {
            guard let byte = rest.popFirst() else { return nil }
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
        }
        return nil
    }
}
