/// An array of texts with a shape, as ``Tensor`` is an array of numbers.
public struct StringTensor: Hashable, Sendable, CustomStringConvertible {
    /// The size of each dimension; empty for a single text.
    public let shape: [Int]
    /// The texts in row-major order.
    public let values: [String]

    /// - Throws: ``TensorError`` with code `invalidShape` or `sizeMismatch`.
    public init(shape: [Int], values: [String]) throws(TensorError) {
        // Counts one byte per text, so that the same rules apply to the shape as for numbers.
        let count = try Tensor.byteCount(shape: shape, elementType: .uint8)
        guard values.count == count else {
            throw TensorError(.sizeMismatch, "shape \(shape) takes \(count) texts, there are \(values.count)")
        }
        self.shape = shape
        self.values = values
    }

    public var description: String { "StringTensor(\(shape))" }
}

extension StringTensor: Codable {
    private enum CodingKeys: String, CodingKey { case shape, values }

    /// Reads and validates the texts.
    ///
    /// - Throws: `DecodingError.dataCorrupted` with a ``TensorError`` as the underlying error when the parts do not fit
    ///   together.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let shape = try container.decode([Int].self, forKey: .shape)
        let values = try container.decode([String].self, forKey: .values)
        do {
            try self.init(shape: shape, values: values)
        } catch {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: error.message, underlyingError: error)
            )
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(shape, forKey: .shape)
        try container.encode(values, forKey: .values)
    }
}
