internal import SwerveSystem

/// The files in a folder or repository that make up one model, found by their names alone.
public struct ONNXModelFiles: Hashable, Sendable {
    /// The ONNX file, relative to the folder.
    public let model: String
    /// The files beside the model that hold its weights; usually none.
    public let data: [String]

    /// All files.
    public var all: [String] { [model] + data }

    /// The folders to search for an ONNX file, in this order.
    private static let folders = ["", "onnx/"]
    /// How many names a message lists.
    private static let listedNames = 20

    /// Finds the ONNX file of a variant and its weights.
    ///
    /// - Parameters:
    ///   - variant: the variant; by default `model.onnx`, or else the only ONNX file.
    ///   - paths: the files, as paths relative to the folder.
    /// - Throws: ``ONNXError`` with code `notFound`; the message says what was expected and what was found.
    public init(_ variant: ONNXVariant = .standard, among paths: some Collection<String>) throws {
        let wanted: [String]
        if let name = variant.fileName {
            wanted = [name]
        } else {
            let name = variant.rawValue.isEmpty ? "model.onnx" : "model_\(variant.rawValue).onnx"
            wanted = ONNXModelFiles.folders.map { $0 + name }
        }
        let found = paths.filter { $0.hasSuffix(".onnx") }.sorted()
        let only = variant == .standard && found.count == 1 ? found.first : nil
        guard let model = wanted.first(where: found.contains) ?? only else {
            throw ONNXError(
                .notFound,
                "no \(wanted.joined(separator: " and no ")); \(ONNXModelFiles.description(of: found, among: paths))"
            )
        }
        self.model = model
        data = paths.filter { ONNXModelFiles.isData($0, of: model) }.sorted()
    }

    /// Finds the files in a folder on this machine.
    ///
    /// - Throws: ``ONNXError`` with code `notFound`, naming the folder.
    public init(_ variant: ONNXVariant = .standard, in folder: String) throws {
        let paths = try ONNXModelFiles.paths(in: folder)
        do {
            try self.init(variant, among: paths)
        } catch let error as ONNXError where error.code == .notFound {
            throw ONNXError(.notFound, "in \(folder): \(error.message)")
        }
    }

    /// The files below a folder, as sorted paths relative to it.
    ///
    /// - Throws: ``ONNXError`` with code `notFound` when there is no such folder, `invalidArgument` for one with more than
    ///   10,000 files.
    package static func paths(in folder: String) throws -> [String] {
        guard FileSystem.isFolder(folder) else {
            let what =
                FileSystem.isFile(folder)
                ? "\(folder) is a file, not the folder of a model" : "there is no folder \(folder)"
            throw ONNXError(.notFound, what)
        }
        return try Files.relativePaths(in: folder)
    }

    /// Whether a file holds weights of a model, by the names that export tools use: `model.onnx_data`,
    /// `model.onnx_data_1`, `model.onnx.data`, `model.data`.
    private static func isData(_ path: String, of model: String) -> Bool {
        guard path != model else { return false }
        let stem = model.dropLast(".onnx".count)
        return path.hasPrefix(model + "_data") || path.hasPrefix(model + ".data") || path == stem + ".data"
    }

    private static func description(of models: [String], among paths: some Collection<String>) -> String {
        guard models.isEmpty else { return "there are \(list(models))" }
        let others = paths.sorted()
        return others.isEmpty ? "there are no files at all" : "there is no ONNX file, only \(list(others))"
    }

    private static func list(_ names: [String]) -> String {
        let more = names.count - listedNames
        return names.prefix(listedNames).joined(separator: ", ") + (more > 0 ? " and \(more) more" : "")
    }
}
