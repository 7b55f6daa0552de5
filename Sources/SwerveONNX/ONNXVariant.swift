/// Which of a repository's ONNX files to use, by the names that Optimum and transformers.js give them.
///
/// `fp16` stands for `model_fp16.onnx`, at the root or in `onnx/`; a name that ends with `.onnx` stands for that file.
public struct ONNXVariant: RawRepresentable, Hashable, Sendable, Codable, ExpressibleByStringLiteral,
    CustomStringConvertible
{
    public let rawValue: String

    /// - Parameter rawValue: the text between `model_` and `.onnx`, or a file's path relative to the folder. `fp32`,
    ///   `default` and an empty text mean `model.onnx`, `q8` means `quantized`, as in transformers.js.
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

    /// 32-bit weights, `model.onnx`; if it is missing, the only ONNX file.
    public static let standard = ONNXVariant("")
    /// 16-bit weights, `model_fp16.onnx`.
    public static let fp16 = ONNXVariant("fp16")
    /// 8-bit weights in the export tool's default format, `model_quantized.onnx`.
    public static let quantized = ONNXVariant("quantized")
    /// Signed 8-bit weights, `model_int8.onnx`.
    public static let int8 = ONNXVariant("int8")
    /// Unsigned 8-bit weights, `model_uint8.onnx`.
    public static let uint8 = ONNXVariant("uint8")
    /// 4-bit weights, `model_q4.onnx`.
    public static let q4 = ONNXVariant("q4")
    /// 4-bit weights with all other numbers in 16 bits, `model_q4f16.onnx`.
    public static let q4f16 = ONNXVariant("q4f16")
    /// 4-bit weights from bitsandbytes, `model_bnb4.onnx`.
    public static let bnb4 = ONNXVariant("bnb4")

    public var description: String { rawValue.isEmpty ? "default" : rawValue }

    /// The file itself, when the variant names one.
    var fileName: String? { rawValue.hasSuffix(".onnx") ? rawValue : nil }
}
