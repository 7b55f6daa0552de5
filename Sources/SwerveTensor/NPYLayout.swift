internal import NIOCore

/// The element type and byte order of a NumPy type string such as `<f4`.
struct NPYLayout: Equatable {
    var elementType: ElementType
    var isBigEndian: Bool

    private static let codes: [String: ElementType] = [
        "f2": .float16, "f4": .float32, "f8": .float64,
        "i1": .int8, "i2": .int16, "i4": .int32, "i8": .int64,
        "u1": .uint8, "u2": .uint16, "u4": .uint32, "u8": .uint64,
        "b1": .bool,
    ]

    /// - Throws: ``TensorError`` with code `unsupportedType`; the message gives the reason.
    init(descriptor: String) throws(TensorError) {
        let order = descriptor.first
        let code = descriptor.dropFirst()
        guard let order, "<>|=".contains(order), let kind = code.first else {
            throw TensorError(.unsupportedType, ".npy: '\(descriptor)' is not a type")
        }
        guard let type = NPYLayout.codes[String(code)] else {
            let why =
                switch kind {
                case "O": "objects would have to be unpickled, which runs code from the file"
                case "V": "records (structured types) are not supported"
                case "S", "U", "a": "text is not supported"
                case "c": "complex numbers are not supported"
                case "M", "m": "dates are not supported"
                default: "no such element type"
                }
            throw TensorError(.unsupportedType, ".npy: type '\(descriptor)': \(why)")
        }
        guard order != "|" || type.byteCount == 1 else {
            throw TensorError(.unsupportedType, ".npy: '\(descriptor)' does not name a byte order")
        }
        elementType = type
        isBigEndian = order == ">"
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
