internal import CONNXRuntime
public import SwerveTensor

/// An input or output of a model.
public struct ONNXPort: Hashable, Sendable, Codable, CustomStringConvertible {
    /// The most dimensions that a model's inputs and outputs may have.
    public static let maximumRank = Int(ONNXRT_MAXIMUM_RANK)

    /// One dimension of a tensor.
    public struct Dimension: Hashable, Sendable, Codable, CustomStringConvertible {
        /// The size; nil when it may differ from run to run.
        public let size: Int?
        /// The name of a dimension without a size, for example `batch_size`; nil when it has none.
        public let name: String?

        public init(size: Int?, name: String? = nil) {
            self.size = size
            self.name = name
        }

        public var description: String { size.map(String.init) ?? name ?? "?" }
    }

    /// The name that runs use for it.
    public let name: String
    /// What it holds.
    public let type: ONNXType
    /// The dimensions, outermost first.
    public let dimensions: [Dimension]

    /// The type of the elements; nil when the port does not hold a tensor of numbers.
    public var elementType: ElementType? { type.elementType }

    public var description: String {
        "\(name): \(type) [\(dimensions.map(\.description).joined(separator: ", "))]"
    }

    public init(name: String, type: ONNXType, dimensions: [Dimension]) {
        self.name = name
        self.type = type
        self.dimensions = dimensions
    }

    init(session: OpaquePointer, isInput: Bool, index: Int) {
        let shape = onnxrt_session_port_shape(session, isInput, index)
        name = String(cString: onnxrt_session_port_name(session, isInput, index))
        type = ONNXType(kind: onnxrt_session_port_kind(session, isInput, index), elementType: shape.element_type)
        dimensions = shape.sizes.enumerated().map { position, size in
            guard size < 0 else { return Dimension(size: size) }
            let name = String(cString: onnxrt_session_port_symbol(session, isInput, index, position))
            return Dimension(size: nil, name: name.isEmpty ? nil : name)
        }
    }

    /// - Throws: ``ONNXError`` with code `unsupportedType` or `invalidInput`.
    func check(_ value: ONNXValue) throws {
        guard type.isSupported else {
            throw ONNXError(.unsupportedType, "input '\(name)' has the unsupported type \(type)")
        }
        guard value.type == type else {
            throw ONNXError(.invalidInput, "input '\(name)' takes \(type), not \(value.type)")
        }
        let fits =
            value.shape.count == dimensions.count
            && zip(value.shape, dimensions).allSatisfy { $1.size == nil || $0 == $1.size }
        guard fits else {
            throw ONNXError(.invalidInput, "input \(self) does not accept a tensor of shape \(value.shape)")
        }
    }
}

extension onnxrt_shape {
    /// A shape of at most 16 dimensions; nil when there are more.
    init?(elementType: Int32, sizes: [Int]) {
        guard sizes.count <= ONNXPort.maximumRank else { return nil }
        self.init()
        element_type = elementType
        rank = sizes.count
        withUnsafeMutableBytes(of: &dimensions) { raw in
            let dimensions = raw.assumingMemoryBound(to: Int64.self)
            for (position, size) in sizes.enumerated() { dimensions[position] = Int64(size) }
        }
    }

    /// The dimensions; -1 for a dynamic one.
    var sizes: [Int] {
        withUnsafeBytes(of: dimensions) { $0.assumingMemoryBound(to: Int64.self).prefix(rank).map(Int.init) }
    }
}
