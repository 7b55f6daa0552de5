public import NIOCore

extension Tensor {
    /// The first bytes of every `.npy` file.
    package static let npyMagic: [UInt8] = [0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59]

    /// Reads a NumPy `.npy` file, format 1.0, 2.0 or 3.0.
    ///
    /// Column-major (Fortran order) and big-endian arrays are converted; others share the bytes of the file. Arrays of
    /// objects or records are refused: reading them means unpickling, which runs code from the file.
    ///
    /// - Parameters:
    ///   - file: the whole file; bytes after the array are ignored, as in NumPy.
    ///   - limits: checked against the header before anything is allocated.
    /// - Throws: ``TensorError`` with code `malformed`, `unsupportedType`, `tooLarge`, `invalidShape`, `sizeMismatch` or
    ///   `invalidValue`.
    public init(npy file: ByteBuffer, limits: NPYLimits = NPYLimits()) throws(TensorError) {
        var file = file
        let header = try Tensor.readNPYHeader(&file, limits: limits)
        let layout = try NPYLayout(descriptor: header.descriptor)
        let count = try Tensor.byteCount(shape: header.shape, elementType: layout.elementType)
        guard count <= limits.maximumDataBytes else {
            throw TensorError(.tooLarge, ".npy: \(count) bytes of elements, the limit is \(limits.maximumDataBytes)")
        }
        guard let elements = file.readSlice(length: count) else {
            throw TensorError(
                .sizeMismatch,
                ".npy: the header promises \(count) bytes of elements, \(file.readableBytes) follow"
            )
        }
        file = elements
        let size = layout.elementType.byteCount
        if header.isFortranOrder && header.shape.count > 1 && count > 0 {
            file = rowMajor(file, shape: header.shape, elementByteCount: size)
        }
        if layout.isBigEndian && size > 1 {
            file = byteSwapped(file, elementByteCount: size)
        }
        try self.init(shape: header.shape, elementType: layout.elementType, bytes: file)
    }

    /// The tensor as a NumPy `.npy` file, byte for byte what `numpy.save` writes.
    ///
    /// - Throws: ``TensorError`` with code `unsupportedType` for `bfloat16`, which NumPy does not have.
    public func npy() throws(TensorError) -> ByteBuffer {
        let tuple = shape.count == 1 ? "(\(shape[0]),)" : "(\(shape.map(String.init).joined(separator: ", ")))"
        let descriptor = try NPYLayout.descriptor(of: elementType)
        var header = "{'descr': '\(descriptor)', 'fortran_order': False, 'shape': \(tuple), }"
        if let first = shape.first {
            // NumPy leaves room for 21 digits, so that the first dimension can grow in place.
            header += String(repeating: " ", count: 21 - String(first).count)
        }
        // The magic string, version and length take 10 bytes; the elements start at a multiple of 64.
        header += String(repeating: " ", count: 64 - (10 + header.utf8.count + 1) % 64) + "\n"

        var file = ByteBuffer()
        file.reserveCapacity(10 + header.utf8.count + bytes.readableBytes)
        file.writeBytes(Tensor.npyMagic)
        file.writeBytes([1, 0])
        file.writeInteger(UInt16(header.utf8.count), endianness: .little)
        file.writeString(header)
        file.writeImmutableBuffer(bytes)
        return file
    }

    private static func readNPYHeader(
        _ file: inout ByteBuffer,
        limits: NPYLimits
    ) throws(TensorError) -> NPYHeaderParser.Header {
        guard file.readBytes(length: npyMagic.count) == npyMagic else {
            throw TensorError(.malformed, "not a .npy file: it does not begin with \\x93NUMPY")
        }
        guard let major = file.readInteger(as: UInt8.self), let minor = file.readInteger(as: UInt8.self) else {
            throw TensorError(.malformed, ".npy: the file ends in the version")
        }
        guard (1...3).contains(major), minor == 0 else {
            throw TensorError(.malformed, ".npy: format \(major).\(minor) is not known")
        }
        let length =
            major == 1
            ? file.readInteger(endianness: .little, as: UInt16.self).map(Int.init)
            : file.readInteger(endianness: .little, as: UInt32.self).map(Int.init)
        guard let length else { throw TensorError(.malformed, ".npy: the file ends in the length of the header") }
        guard length <= limits.maximumHeaderBytes else {
            throw TensorError(.tooLarge, ".npy: a header of \(length) bytes, the limit is \(limits.maximumHeaderBytes)")
        }
        guard let text = file.readBytes(length: length) else {
            throw TensorError(.malformed, ".npy: the file ends in the header")
        }
        var parser = NPYHeaderParser(text)
        return try parser.parse(limits: limits)
    }
}
