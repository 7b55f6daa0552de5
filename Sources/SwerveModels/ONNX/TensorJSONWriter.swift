internal import NIOCore
internal import SwerveONNX
internal import SwerveTensor

/// Writes outputs as JSON: `{"outputs": {"y": {"shape": [1, 2], "dtype": "float32", "data": [[0.5, 2.0]]}}}`.
///
/// Numbers that JSON lacks become the texts "NaN", "Infinity" and "-Infinity"; without elements, `data` is `[]`. An
/// output can be sent as an input.
enum TensorJSONWriter {
    static func write(_ outputs: [String: ONNXValue], of ports: [ONNXPort]) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.writeStaticString("{\"outputs\":{")
        for (index, port) in ports.enumerated() {
            guard let value = outputs[port.name] else { continue }
            if index > 0 { buffer.writeStaticString(",") }
            write(port.name, to: &buffer)
            let shape = value.shape.map(String.init).joined(separator: ",")
            buffer.writeString(":{\"shape\":[\(shape)],\"dtype\":\"\(value.type)\",\"data\":")
            write(value, to: &buffer)
            buffer.writeStaticString("}")
        }
        buffer.writeStaticString("}}\n")
        return buffer
    }

    private static func write(_ value: ONNXValue, to buffer: inout ByteBuffer) {
        switch value {
        case .text(let text):
            nested(text.shape, to: &buffer) { write(text.values[$0], to: &$1) }
        case .tensor(let tensor):
            writeNumbers(tensor, to: &buffer)
        }
    }

    private static func writeNumbers(_ tensor: Tensor, to buffer: inout ByteBuffer) {
        func write<Element: BitwiseCopyable>(as type: Element.Type, _ put: (Element, inout ByteBuffer) -> Void) {
            tensor.bytes.withUnsafeReadableBytes { bytes in
                nested(tensor.shape, to: &buffer) { index, buffer in
                    let offset = index * MemoryLayout<Element>.size
                    put(bytes.loadUnaligned(fromByteOffset: offset, as: type), &buffer)
                }
            }
        }
        func integer<Number: FixedWidthInteger & BitwiseCopyable>(_ type: Number.Type) {
            write(as: type) { $1.writeString(String($0)) }
        }
        switch tensor.elementType {
        case .float32: write(as: UInt32.self) { real(Float(bitPattern: $0), to: &$1) }
        case .float64: write(as: UInt64.self) { real(Double(bitPattern: $0), to: &$1) }
        case .float16: write(as: UInt16.self) { real(HalfPrecision.float($0), to: &$1) }
        case .bfloat16: write(as: UInt16.self) { real(Float(BFloat16(bitPattern: $0)), to: &$1) }
        case .int8: integer(Int8.self)
        case .int16: integer(Int16.self)
        case .int32: integer(Int32.self)
        case .int64: integer(Int64.self)
        case .uint16: integer(UInt16.self)
        case .uint32: integer(UInt32.self)
        case .uint64: integer(UInt64.self)
        case .bool: write(as: UInt8.self) { $1.writeString($0 == 0 ? "false" : "true") }
        default: integer(UInt8.self)
        }
    }

    private static func real<Number: BinaryFloatingPoint & LosslessStringConvertible>(
        _ number: Number,
        to buffer: inout ByteBuffer
    ) {
        if number.isFinite {
            buffer.writeString(String(number))
        } else {
            buffer.writeString(number.isNaN ? "\"NaN\"" : number < 0 ? "\"-Infinity\"" : "\"Infinity\"")
        }
    }

    /// Writes elements in row-major order as nested lists.
    private static func nested(
        _ shape: [Int],
        to buffer: inout ByteBuffer,
        element: (Int, inout ByteBuffer) -> Void
    ) {
        // Nested lists of a shape such as [1000000000, 0] would be a huge text without any elements.
        guard !shape.contains(0) else { return _ = buffer.writeStaticString("[]") }
        var next = 0
        func write(_ axis: Int) {
            guard axis < shape.count else {
                element(next, &buffer)
                next += 1
                return
            }
            buffer.writeStaticString("[")
            for index in 0..<shape[axis] {
                if index > 0 { buffer.writeStaticString(",") }
                write(axis + 1)
            }
            buffer.writeStaticString("]")
        }
        write(0)
    }

    private static func write(_ text: String, to buffer: inout ByteBuffer) {
        buffer.writeStaticString("\"")
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): buffer.writeMultipleIntegers(UInt8(ascii: "\\"), byte)
            case 0..<0x20:
                let digits = Array("0123456789abcdef".utf8)
                buffer.writeStaticString("\\u00")
                buffer.writeMultipleIntegers(digits[Int(byte >> 4)], digits[Int(byte & 15)])
            default: buffer.writeInteger(byte)
            }
        }
        buffer.writeStaticString("\"")
    }
}
