package import NIOCore
package import SwerveCore
internal import SwerveHTTPTypes

extension JSONValue {
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
}
