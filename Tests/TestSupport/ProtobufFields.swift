/// A message of Protocol Buffers, read by the definition of the wire format.
package struct ProtobufFields {
    package struct Malformed: Error {}
    package enum Value: Hashable {
        case varint(UInt64)
        case fixed64(UInt64)
        case fixed32(UInt32)
        case bytes([UInt8])
    }
    package struct Field: Hashable {
        package let number: Int
        package let value: Value
    }
    package let fields: [Field]

    package init(_ bytes: [UInt8]) throws {
        var rest = bytes[...]
        var found: [Field] = []
        func varint() throws -> UInt64 {
            var value: UInt64 = 0
            var shift: UInt64 = 0
            while let byte = rest.popFirst() {
                value |= UInt64(byte & 0x7F) << shift
                if byte & 0x80 == 0 { return value }
                shift += 7
            }
            throw Malformed()
        }
        func take(_ count: Int) throws -> [UInt8] {
            guard count <= rest.count else { throw Malformed() }
            defer { rest = rest.dropFirst(count) }
            return Array(rest.prefix(count))
        }
        while !rest.isEmpty {
            let key = try varint()
            let value: Value
            switch key & 7 {
            case 0: value = .varint(try varint())
            case 1: value = .fixed64(try take(8).reversed().reduce(0) { $0 << 8 | UInt64($1) })
            case 2: value = .bytes(try take(Int(try varint())))
            case 5: value = .fixed32(try take(4).reversed().reduce(0) { $0 << 8 | UInt32($1) })
            default: throw Malformed()
            }
            found.append(Field(number: Int(key >> 3), value: value))
        }
        fields = found
    }

    package func values(_ number: Int) -> [Value] { fields.filter { $0.number == number }.map(\.value) }

    package func bytes(_ number: Int) throws -> [UInt8] {
        guard case .bytes(let bytes)? = values(number).first else { throw Malformed() }
        return bytes
    }

    package func message(_ number: Int) throws -> ProtobufFields { try ProtobufFields(bytes(number)) }
    package func text(_ number: Int) throws -> String { String(decoding: try bytes(number), as: UTF8.self) }

    package func all(_ number: Int) throws -> [ProtobufFields] {
        try values(number).map { value in
            guard case .bytes(let bytes) = value else { throw Malformed() }
            return try ProtobufFields(bytes)
        }
    }
}
