package import NIOCore

extension Tensor {
    /// The elements as an array, in row-major order.
    ///
    /// - Parameter type: the Swift type of the elements.
    /// - Throws: ``TensorError`` with code `typeMismatch` when ``elementType`` is not that of `type`.
    public func values<Element: TensorElement>(as type: Element.Type = Element.self) throws(TensorError) -> [Element] {
        try check(type)
        return bytes.withUnsafeReadableBytes { source in
            [Element](unsafeUninitializedCapacity: elementCount) { buffer, count in
                UnsafeMutableRawBufferPointer(buffer).copyMemory(from: source)
                count = elementCount
            }
        }
    }

    /// Passes the elements to a closure, without a copy if they are aligned in memory.
    ///
    /// A tensor that is a slice of a larger buffer may lie at an address that is not aligned for its type; then the
    /// closure gets a copy.
    ///
    /// - Parameters:
    ///   - type: the Swift type of the elements.
    ///   - body: gets the elements in row-major order; the pointer is valid until it returns.
    /// - Throws: ``TensorError`` with code `typeMismatch`, and what `body` throws.
    public func withUnsafeElements<Element: TensorElement, Result>(
        as type: Element.Type = Element.self,
        _ body: (UnsafeBufferPointer<Element>) throws -> Result
    ) throws -> Result {
        try check(type)
        if let result = try withAlignedElements(as: type, body) { return result }
        return try values(as: type).withUnsafeBufferPointer(body)
    }

    /// The bytes; copied when their address is not aligned for the element type.
    package var alignedBytes: ByteBuffer {
        let isAligned = bytes.withUnsafeReadableBytes {
            UInt(bitPattern: $0.baseAddress) % UInt(elementType.byteCount) == 0
        }
        return isAligned ? bytes : ByteBuffer(bytes: bytes.readableBytesView)
    }

    private func withAlignedElements<Element: TensorElement, Result>(
        as type: Element.Type,
        _ body: (UnsafeBufferPointer<Element>) throws -> Result
    ) throws -> Result? {
        try bytes.withUnsafeReadableBytes { source in
            let address = UInt(bitPattern: source.baseAddress)
            guard address % UInt(MemoryLayout<Element>.alignment) == 0 else { return nil }
            return try body(source.bindMemory(to: Element.self))
        }
    }

    private func check<Element: TensorElement>(_ type: Element.Type) throws(TensorError) {
        guard Element.elementType == elementType else {
            throw TensorError(.typeMismatch, "the tensor holds \(elementType), not \(Element.elementType)")
        }
    }
}

extension Tensor: Codable {
    private enum CodingKeys: String, CodingKey {
        case shape, elementType, bytes
    }

    /// Reads and validates a tensor.
    ///
    /// - Throws: `DecodingError.dataCorrupted` with a ``TensorError`` as the underlying error when the parts do not fit
    ///   together.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let shape = try container.decode([Int].self, forKey: .shape)
        let elementType = try container.decode(ElementType.self, forKey: .elementType)
        let bytes = try container.decode(ByteBuffer.self, forKey: .bytes)
        do {
            try self.init(shape: shape, elementType: elementType, bytes: bytes)
        } catch {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: error.message, underlyingError: error)
            )
        }
    }

    /// Writes the shape, the element type, and the bytes as one `ByteBuffer`, which an encoder can store as one block.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(shape, forKey: .shape)
        try container.encode(elementType, forKey: .elementType)
        try container.encode(bytes, forKey: .bytes)
    }
}
