package import NIOCore
internal import SwerveHTTPTypes

/// A value of JSON.
package indirect enum JSONValue: Hashable, Sendable {
    case null
    case bool(Bool)
    case integer(Int64)
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])

    /// The value as text, with the keys of objects in order, so that the same value gives the same text.
    package var bytes: ByteBuffer {
        var bytes = ByteBuffer()
        write(to: &bytes)
        return bytes
    }

    private func write(to bytes: inout ByteBuffer) {
        switch self {
        case .null: bytes.writeStaticString("null")
        case .bool(let value): bytes.writeString(value ? "true" : "false")
        case .integer(let value): bytes.writeString(String(value))
        // JSON has no infinite numbers.
        case .number(let value): bytes.writeString(value.isFinite ? value.description : "null")
        case .string(let text): bytes.writeJSONString(text)
        case .array(let values): Self.write(values, "[", "]", to: &bytes) { $0.write(to: &$1) }
        case .object(let fields):
            Self.write(fields.sorted { $0.key < $1.key }, "{", "}", to: &bytes) { field, bytes in
                bytes.writeJSONString(field.key)
                bytes.writeStaticString(":")
                field.value.write(to: &bytes)
            }
        }
    }

    private static func write<Element>(
        _ elements: [Element],
        _ start: StaticString,
        _ end: StaticString,
        to bytes: inout ByteBuffer,
        _ write: (Element, inout ByteBuffer) -> Void
    ) {
        bytes.writeStaticString(start)
        for (index, element) in elements.enumerated() {
            if index > 0 { bytes.writeStaticString(",") }
            write(element, &bytes)
        }
        bytes.writeStaticString(end)
    }

    /// The field of an object; `nil` for other values, and if there is none.
    package subscript(name: String) -> JSONValue? {
        if case .object(let fields) = self { fields[name] } else { nil }
    }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByDictionaryLiteral, ExpressibleByArrayLiteral, ExpressibleByNilLiteral
{
    package init(stringLiteral value: String) { self = .string(value) }
    package init(integerLiteral value: Int64) { self = .integer(value) }
    package init(booleanLiteral value: Bool) { self = .bool(value) }
    package init(nilLiteral: ()) { self = .null }
    package init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    package init(dictionaryLiteral elements: (String, JSONValue)...) {
        self = .object(Dictionary(elements) { _, last in last })
    }
}
