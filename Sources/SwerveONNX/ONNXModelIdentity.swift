internal import SwerveSystem

/// Distinguishes a model from others and from earlier versions of itself: by its file and all files with its weights.
///
/// A commit of a repository may change the weights and keep the graph. In the hub's cache the graph is then the same
/// file under both commits, so the weights are looked up beside the path that was given, not beside the file that its
/// link leads to.
struct ONNXModelIdentity: Hashable, Sendable, CustomStringConvertible {
    private struct DataFile: Hashable {
        let location: String
        /// Nil when there is no such file: ONNX Runtime says so when it loads the model.
        let identity: FileIdentity?
    }

    private let model: FileIdentity
    private let data: [DataFile]

    /// - Throws: ``ONNXError`` with code `notFound` when there is no such file, `invalidModel` when a Git LFS pointer is
    ///   in the place of a file.
    init(_ path: String) throws {
        guard let model = FileIdentity(path) else {
            throw ONNXError(.notFound, "there is no model file at \(path)")
        }
        try Files.checkIsFetched(path)
        let locations: [String]
        do {
            locations = try ONNXExternalData.locations(in: path)
        } catch {
            throw ONNXError(.notFound, "\(error)")
        }
        let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
        self.model = model
        data = try locations.map { location in
            try Files.checkIsFetched(folder + location)
            return DataFile(location: location, identity: FileIdentity(folder + location))
        }
    }

    /// One line for each file.
    var description: String {
        let lines = data.map { "\($0.location) \($0.identity?.description ?? "none")" }
        return ([model.description] + lines).joined(separator: "\n")
    }
}
