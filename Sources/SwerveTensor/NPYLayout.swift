internal import NIOCore

/// The element type and byte order of a NumPy type string such as `<f4`.
struct NPYLayout: Equatable {
    var elementType: ElementType
    var isBigEndian: Bool

    /// What NumPy writes.
    private static let codes: [String: ElementType] = [
        "f2": .float16, "f4": .float32, "f8": .float64,
        "i1": .int8, "i2": .int16, "i4": .int32, "i8": .int64,
        "u1": .uint8, "u2": .uint16, "u4": .uint32, "u8": .uint64,
        "b1": .bool,
    ]

    /// The letters of C's types, as wide as on 64-bit Linux. Like the codes, they can follow a byte order.
    private static let letters: [String: ElementType] = [
        "?": .bool, "e": .float16, "f": .float32, "d": .float64,
        "b": .int8, "h": .int16, "i": .int32, "l": .int64, "q": .int64, "n": .int64, "p": .int64,
        "B": .uint8, "H": .uint16, "I": .uint32, "L": .uint64, "Q": .uint64, "N": .uint64, "P": .uint64,
    ]

    /// Names, which no byte order precedes.
    private static let names: [String: ElementType] = [
        "bool": .bool, "bool_": .bool,
        "float16": .float16, "half": .float16, "float32": .float32, "single": .float32,
        "float64": .float64, "double": .float64, "float": .float64,
        "int8": .int8, "byte": .int8, "int16": .int16, "short": .int16, "int32": .int32, "intc": .int32,
        "int64": .int64, "long": .int64, "longlong": .int64, "int": .int64, "int_": .int64, "intp": .int64,
        "uint8": .uint8, "ubyte": .uint8, "uint16": .uint16, "ushort": .uint16, "uint32": .uint32, "uintc": .uint32,
        "uint64": .uint64, "ulong": .uint64, "ulonglong": .uint64, "uint": .uint64, "uintp": .uint64,
    ]

    /// Reads what NumPy's `dtype()` reads: a code or letter, with a byte order or without, or a name. Without one, and
    /// with `=` or `|`, the order is little-endian.
    ///
    /// - Throws: ``TensorError`` with code `unsupportedType`; the message gives the reason.
    init(descriptor: String) throws(TensorError) {
        let order = descriptor.first.flatMap { "<>|=".contains($0) ? $0 : nil }
        let code = String(order == nil ? descriptor[...] : descriptor.dropFirst())
        let name = order == nil ? NPYLayout.names[code] : nil
        guard let type = NPYLayout.codes[code] ?? NPYLayout.letters[code] ?? name else {
            throw TensorError(.unsupportedType, ".npy: type '\(descriptor)': \(NPYLayout.reason(code))")
        }
        elementType = type
        isBigEndian = order == ">"
    }

    private static func reason(_ code: String) -> String {
        switch code.first {
        case "O": "objects would have to be unpickled, which runs code from the file"
        case "V": "records (structured types) are not supported"
        case "S", "U", "a": "text is not supported"
        case "c": "complex numbers are not supported"
        case "M", "m": "dates are not supported"
        default: "no such element type"
        }
    }

    /// The type string that NumPy writes for an element type on a little-endian machine.
    ///
    /// - Throws: ``TensorError`` with code `unsupportedType` for `bfloat16`.
    static func descriptor(of type: ElementType) throws(TensorError) -> String {
        guard let code = codes.first(where: { $0.value == type })?.key else {
            throw TensorError(.unsupportedType, ".npy: NumPy has no \(type); convert the elements to float32")
        }
        return (type.byteCount == 1 ? "|" : "<") + code
    }
}

/// Reorders elements from column-major to row-major order.
///
/// - Parameter shape: at least two dimensions, none of them 0.
func rowMajor(_ source: ByteBuffer, shape: [Int], elementByteCount: Int) -> ByteBuffer {
    switch elementByteCount {
    case 1: rowMajor(source, shape: shape, as: UInt8.self)
    case 2: rowMajor(source, shape: shape, as: UInt16.self)
    case 4: rowMajor(source, shape: shape, as: UInt32.self)
    default: rowMajor(source, shape: shape, as: UInt64.self)
    }
}

private func rowMajor<Word: FixedWidthInteger & BitwiseCopyable>(
    _ source: ByteBuffer,
    shape: [Int],
    as type: Word.Type
) -> ByteBuffer {
    let size = MemoryLayout<Word>.size
    var strides: [Int] = []
    var stride = size
    for dimension in shape {
        strides.append(stride)
        stride *= dimension
    }
    let last = shape.count - 1
    var result = ByteBuffer()
    result.writeWithUnsafeMutableBytes(minimumWritableBytes: source.readableBytes) { target in
        source.withUnsafeReadableBytes { source in
            var index = [Int](repeating: 0, count: shape.count)
            var start = 0
            for offset in Swift.stride(from: 0, to: source.count, by: size * shape[last]) {
                for column in 0..<shape[last] {
                    let word = source.loadUnaligned(fromByteOffset: start + column * strides[last], as: Word.self)
                    target.storeBytes(of: word, toByteOffset: offset + column * size, as: Word.self)
                }
                // Steps to the next row; the next-to-last index changes fastest.
                var axis = last - 1
                while axis >= 0 {
                    index[axis] += 1
                    start += strides[axis]
                    if index[axis] < shape[axis] { break }
                    start -= index[axis] * strides[axis]
                    index[axis] = 0
                    axis -= 1
                }
            }
        }
        return source.readableBytes
    }
    return result
}

/// Reverses the bytes of each element.
func byteSwapped(_ source: ByteBuffer, elementByteCount: Int) -> ByteBuffer {
    switch elementByteCount {
    case 2: byteSwapped(source, as: UInt16.self)
    case 4: byteSwapped(source, as: UInt32.self)
    default: byteSwapped(source, as: UInt64.self)
    }
}

private func byteSwapped<Word: FixedWidthInteger & BitwiseCopyable>(
    _ source: ByteBuffer,
    as type: Word.Type
) -> ByteBuffer {
    var result = ByteBuffer()
    result.writeWithUnsafeMutableBytes(minimumWritableBytes: source.readableBytes) { target in
        source.withUnsafeReadableBytes { source in
            for offset in stride(from: 0, to: source.count, by: MemoryLayout<Word>.size) {
                let word = source.loadUnaligned(fromByteOffset: offset, as: Word.self)
                target.storeBytes(of: word.byteSwapped, toByteOffset: offset, as: Word.self)
            }
        }
        return source.readableBytes
    }
    return result
}
