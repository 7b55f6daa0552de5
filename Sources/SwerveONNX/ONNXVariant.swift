/// Which of a repository's ONNX files to take, by the names that Optimum and transformers.js give them.
///
/// `fp16` stands for `model_fp16.onnx`, at the root or in `onnx/`; a name that ends with `.onnx` for that very file.
public struct ONNXVariant: RawRepresentable, Hashable, Sendable, Codable, ExpressibleByStringLiteral,
    CustomStringConvertible
{
    public let rawValue: String

    /// - Parameter rawValue: what stands between `model_` and `.onnx`, or a file relative to the folder. `fp32` and
    ///   nothing mean `model.onnx`, `q8` means `quantized`, as in transformers.js.
    public init(rawValue: String) {
        switch rawValue {
        case "fp32", "default": self.rawValue = ""
        case "q8": self.rawValue = "quantized"
        default: self.rawValue = rawValue
        }
    }

    public init(_ rawValue: String) {
        self.init(rawValue: rawValue)
    }

    public init(stringLiteral rawValue: String) {
        self.init(rawValue: rawValue)
    }

    /// `model.onnx`, weights of 32 bits; where it is missing, the only ONNX file there is.
    public static let standard = ONNXVariant("")
    /// Weights of 16 bits, `model_fp16.onnx`.
    public static let fp16 = ONNXVariant("fp16")
    /// Weights of 8 bits as the exporting tool chose them, `model_quantized.onnx`.
    public static let quantized = ONNXVariant("quantized")
    /// Signed weights of 8 bits, `model_int8.onnx`.
    public static let int8 = ONNXVariant("int8")
    /// Unsigned weights of 8 bits, `model_uint8.onnx`.
    public static let uint8 = ONNXVariant("uint8")
    /// Weights of 4 bits, `model_q4.onnx`.
    public static let q4 = ONNXVariant("q4")
    /// Weights of 4 bits, the other numbers of 16, `model_q4f16.onnx`.
    public static let q4f16 = ONNXVariant("q4f16")
    /// Weights of 4 bits as bitsandbytes makes them, `model_bnb4.onnx`.
    public static let bnb4 = ONNXVariant("bnb4")

    public var description: String { rawValue.isEmpty ? "default" : rawValue }

    /// The file itself, when the variant names one.
    var fileName: String? { rawValue.hasSuffix(".onnx") ? rawValue : nil }
}
