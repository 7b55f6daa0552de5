internal import CONNXRuntime
public import SwerveTensor

/// The type of a model's input or output.
///
/// Every type has a name, but only tensors of numbers and of text are supported.
public struct ONNXType: Hashable, Sendable, CustomStringConvertible {
    /// `float32` and the other names of ``ElementType``, `string`, or the name of an unsupported type, such as `int4`,
    /// `complex64` or `sequence`.
    public let name: String

    /// The type of the elements; nil when it is not a tensor of numbers that a ``Tensor`` can hold.
    public var elementType: ElementType? { ElementType(name: name) }
    /// Whether this is a tensor of text.
    public var isText: Bool { self == .string }
    /// Whether values of the type can be passed in and out.
    public var isSupported: Bool { elementType != nil || isText }

    public var description: String { name }

    /// Tensors of text.
    public static let string = ONNXType(name: "string")

    /// Tensors of numbers.
    public init(_ elementType: ElementType) {
        name = elementType.name
    }

    private init(name: String) {
        self.name = name
    }

    /// - Parameters:
    ///   - kind: the kind of the value, as ONNX Runtime numbers it.
    ///   - elementType: ONNX's number of the element type, for tensors.
    init(kind: Int32, elementType: Int32) {
        name =
            switch kind {
            case Int32(ONNXRT_TENSOR.rawValue): ONNXType.elementNames[elementType] ?? "element type \(elementType)"
            case Int32(ONNXRT_SEQUENCE.rawValue): "sequence"
            case Int32(ONNXRT_MAP.rawValue): "map"
            case Int32(ONNXRT_SPARSE_TENSOR.rawValue): "sparse tensor"
            case Int32(ONNXRT_OPTIONAL.rawValue): "optional"
            default: "kind \(kind)"
            }
    }

    /// The names of the element types, by their numbers in ONNX.
    private static let elementNames: [Int32: String] = [
        1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64", 8: "string", 9: "bool",
        10: "float16", 11: "float64", 12: "uint32", 13: "uint64", 14: "complex64", 15: "complex128", 16: "bfloat16",
        17: "float8e4m3fn", 18: "float8e4m3fnuz", 19: "float8e5m2", 20: "float8e5m2fnuz", 21: "uint4", 22: "int4",
        23: "float4e2m1", 24: "uint2", 25: "int2",
    ]

    /// The number of an element type in ONNX.
    static func onnxCode(of type: ElementType) -> Int32 {
        guard let code = elementNames.first(where: { $0.value == type.name })?.key else {
            preconditionFailure("every element type has a number in ONNX")
        }
        return code
    }
}

extension ONNXType: Codable {
    /// Reads the name.
    public init(from decoder: any Decoder) throws {
        name = try decoder.singleValueContainer().decode(String.self)
    }

    /// Writes the name.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(name)
    }
}

/// An input or output value of a model: numbers or text.
public enum ONNXValue: Hashable, Sendable, CustomStringConvertible {
    case tensor(Tensor)
    case text(StringTensor)

    /// The size of each dimension.
    public var shape: [Int] {
        switch self {
        case .tensor(let tensor): tensor.shape
        case .text(let text): text.shape
        }
    }

    /// The type of the value.
    public var type: ONNXType {
        switch self {
        case .tensor(let tensor): ONNXType(tensor.elementType)
        case .text: .string
        }
    }

    /// The numbers; nil for text.
    public var tensor: Tensor? {
        if case .tensor(let tensor) = self { tensor } else { nil }
    }

    /// The text; nil for numbers.
    public var text: StringTensor? {
        if case .text(let text) = self { text } else { nil }
    }

    public var description: String { "\(type) \(shape)" }
}

extension ONNXValue: Codable {
    private enum CodingKeys: String, CodingKey { case tensor, text }

    /// Reads what ``encode(to:)`` writes.
    ///
    /// - Throws: `DecodingError`.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        if let text = try container.decodeIfPresent(StringTensor.self, forKey: .text) {
            self = .text(text)
        } else {
            self = .tensor(try container.decode(Tensor.self, forKey: .tensor))
        }
    }

    /// Writes one field, `tensor` or `text`.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        switch self {
        case .tensor(let tensor): try container.encode(tensor, forKey: .tensor)
        case .text(let text): try container.encode(text, forKey: .text)
        }
    }
}
