internal import CONNXRuntime
public import SwerveTensor

/// An input or output of a model.
public struct ONNXPort: Hashable, Sendable, CustomStringConvertible {
    /// One dimension of a tensor.
    public struct Dimension: Hashable, Sendable, CustomStringConvertible {
        /// The size; nil when it may differ from run to run.
        public let size: Int?
        /// The name of a dimension without a size, for example `batch_size`; nil when it has none.
        public let name: String?

        public var description: String { size.map(String.init) ?? name ?? "?" }
    }

    /// The name by which runs refer to it.
    public let name: String
    /// The type of the elements; nil when it is not a tensor of numbers.
    public let elementType: ElementType?
    /// The dimensions, outermost first.
    public let dimensions: [Dimension]

    public var description: String {
        "\(name): \(elementType.map(\.name) ?? "unsupported") [\(dimensions.map(\.description).joined(separator: ", "))]"
    }

    init(session: OpaquePointer, isInput: Bool, index: Int) {
        let shape = onnxrt_session_port_shape(session, isInput, index)
        name = String(cString: onnxrt_session_port_name(session, isInput, index))
        elementType = ElementType(onnxCode: shape.element_type)
        dimensions = shape.sizes.enumerated().map { position, size in
            guard size < 0 else { return Dimension(size: size, name: nil) }
            let name = String(cString: onnxrt_session_port_symbol(session, isInput, index, position))
            return Dimension(size: nil, name: name.isEmpty ? nil : name)
        }
    }

    /// - Throws: ``ONNXError`` with code `unsupportedType` or `invalidInput`.
    func check(_ tensor: Tensor) throws {
        guard let elementType else {
            throw ONNXError(.unsupportedType, "input '\(name)' is not a tensor of numbers")
        }
        guard tensor.elementType == elementType else {
            throw ONNXError(.invalidInput, "input '\(name)' takes \(elementType), not \(tensor.elementType)")
        }
        let fits =
            tensor.shape.count == dimensions.count
            && zip(tensor.shape, dimensions).allSatisfy { $1.size == nil || $0 == $1.size }
        guard fits else {
            throw ONNXError(.invalidInput, "input takes \(self), a tensor of shape \(tensor.shape) does not fit")
        }
    }
}

extension ElementType {
    private static let onnxCodes: [Int32: ElementType] = [
        1: .float32, 2: .uint8, 3: .int8, 4: .uint16, 5: .int16, 6: .int32, 7: .int64, 9: .bool, 10: .float16,
        11: .float64, 12: .uint32, 13: .uint64,
    ]

    /// The type with this number in ONNX; nil for those that tensors here cannot hold, such as text.
    init?(onnxCode: Int32) {
        guard let type = ElementType.onnxCodes[onnxCode] else { return nil }
        self = type
    }

    /// The number of the type in ONNX.
    var onnxCode: Int32 {
        guard let code = ElementType.onnxCodes.first(where: { $0.value == self })?.key else {
            preconditionFailure("every element type has a number in ONNX")
        }
        return code
    }
}

extension onnxrt_shape {
    /// A shape of at most 16 dimensions; nil when there are more.
    init?(elementType: ElementType, sizes: [Int]) {
        guard sizes.count <= Int(ONNXRT_MAXIMUM_RANK) else { return nil }
        self.init()
        element_type = elementType.onnxCode
        rank = sizes.count
        withUnsafeMutableBytes(of: &dimensions) { raw in
            let dimensions = raw.assumingMemoryBound(to: Int64.self)
            for (position, size) in sizes.enumerated() { dimensions[position] = Int64(size) }
        }
    }

    /// The dimensions; -1 where one is dynamic.
    var sizes: [Int] {
        withUnsafeBytes(of: dimensions) { $0.assumingMemoryBound(to: Int64.self).prefix(rank).map(Int.init) }
    }
}
