public import SwerveONNX

/// A model's files on this machine.
public struct ModelFolder: Hashable, Sendable {
    /// The path of the folder.
    public let path: String
    /// The ONNX file, relative to the folder.
    public let model: String
    /// The commit of the repository that the folder is a snapshot of; nil for a folder of the user's.
    public let commit: String?

    /// The path of the ONNX file.
    public var modelPath: String { "\(path)/\(model)" }
}

/// What of a model is wanted.
public struct ModelFiles: Hashable, Sendable {
    /// Which ONNX file.
    public var variant: ONNXVariant
    /// Other files that must be there, such as `config.json`.
    public var others: [String]
    /// How to make an ONNX file, for the message that there is none; `MODEL` stands for the model's name.
    public var advice: String

    /// - Parameters:
    ///   - variant: `model.onnx` unless said otherwise.
    ///   - others: none unless said otherwise.
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

    /// The files to take of those that there are.
    ///
    /// - Throws: ``ONNXError`` with code `notFound`: what is missing, what is there, and what to do about it.
    func chosen(among paths: [String], of model: String) throws -> (model: String, all: [String]) {
        let missing = others.filter { !paths.contains($0) }
        guard missing.isEmpty else {
            throw ONNXError(.notFound, "\(model) has no \(missing.joined(separator: " and no "))")
        }
        do {
            let files = try ONNXModelFiles(variant, among: paths)
            return (files.model, files.all + others)
        } catch let error as ONNXError where error.code == .notFound {
            // Where there are others, the message lists them to choose from.
            guard !paths.contains(where: { $0.hasSuffix(".onnx") }) else {
                throw ONNXError(.notFound, "\(model) has \(error.message)")
            }
            let hint = advice.split(separator: "MODEL", omittingEmptySubsequences: false).joined(separator: model)
            throw ONNXError(.notFound, "\(model) has \(error.message). \(hint)")
        }
    }
}
