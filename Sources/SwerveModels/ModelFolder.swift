public import SwerveONNX

/// A model's files on this machine.
public struct ModelFolder: Hashable, Sendable {
    /// The path of the folder.
    public let path: String
    /// The ONNX file, relative to the folder.
    public let model: String
    /// The repository commit that the folder is a snapshot of; nil for the user's own folder.
    public let commit: String?

    /// The path of the ONNX file.
    public var modelPath: String { "\(path)/\(model)" }
}

/// Which files of a model to get.
public struct ModelFiles: Hashable, Sendable {
    /// Which ONNX file to use.
    public var variant: ONNXVariant
    /// Other required files, such as `config.json`.
    public var others: [String]
    /// How to make an ONNX file, for the error message when there is none; `MODEL` stands for the model's name.
    public var advice: String

    /// - Parameters:
    ///   - variant: `model.onnx` by default.
    ///   - others: none by default.
    ///   - advice: how to make an ONNX file.
    public init(
        variant: ONNXVariant = .standard,
        others: [String] = [],
        advice: String = "Export it to ONNX, for example with `optimum-cli export onnx --model MODEL FOLDER`."
    ) {
        self.variant = variant
        self.others = others
        self.advice = advice
    }

    /// Chooses the files to get from the existing ones.
    ///
    /// - Throws: ``ONNXError`` with code `notFound`; the message says what is missing, what exists, and what to do
    ///   about it.
    func chosen(among paths: [String], of model: String) throws -> (model: String, all: [String]) {
        let missing = others.filter { !paths.contains($0) }
        guard missing.isEmpty else {
            throw ONNXError(.notFound, "\(model) has no \(missing.joined(separator: " and no "))")
        }
        do {
            let files = try ONNXModelFiles(variant, among: paths)
            return (files.model, files.all + others)
        } catch let error as ONNXError where error.code == .notFound {
            // If there are other ONNX files, the message lists them to choose from.
            guard !paths.contains(where: { $0.hasSuffix(".onnx") }) else {
                throw ONNXError(.notFound, "\(model) has \(error.message)")
            }
            let hint = advice.split(separator: "MODEL", omittingEmptySubsequences: false).joined(separator: model)
            throw ONNXError(.notFound, "\(model) has \(error.message). \(hint)")
        }
    }
}
