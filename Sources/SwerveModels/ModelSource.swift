public import SwerveHub
internal import SwerveONNX
internal import SwerveSystem

/// Where a model comes from: a folder or file on this machine, or a repository on a model hub.
public struct ModelSource: Hashable, Sendable, CustomStringConvertible {
    private enum Kind: Hashable {
        case folder(String)
        case repository(String)
    }

    private let kind: Kind
    /// The text that the user wrote.
    public let description: String

    /// The path of the folder or file, with `~` replaced; nil for a repository.
    public var folder: String? {
        if case .folder(let path) = kind { path } else { nil }
    }

    /// The name of the repository, `owner/name`; nil for a folder.
    public var repository: String? {
        if case .repository(let name) = kind { name } else { nil }
    }

    /// Distinguishes folders from repositories: a text that begins with `/`, `./`, `../` or `~`, or that is an existing
    /// path, is a folder; `owner/name` is a repository.
    ///
    /// - Parameters:
    ///   - model: the text that the user wrote.
    ///   - home: the folder that `~` stands for; the user's home folder by default.
    /// - Throws: ``ONNXError`` with code `notFound` when it is neither.
    public init(_ model: String, home: String? = nil) throws {
        description = model
        if model == "~" || model.hasPrefix("~/") {
            let home = home ?? ThisProcess.environmentVariable("HOME") ?? "/"
            kind = .folder(home + model.dropFirst())
        } else if ["/", "./", "../"].contains(where: model.hasPrefix) || model == "." || model == ".."
            || (!model.isEmpty && FileSystem.exists(model))
        {
            kind = .folder(model)
        } else if ModelSource.isRepository(model) {
            kind = .repository(model)
        } else {
            throw ONNXError(
                .notFound,
                "'\(model.prefix(200))' is neither an existing folder nor the name of a repository, owner/name"
            )
        }
    }

    private static func isRepository(_ text: String) -> Bool {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        return parts.count == 2
            && parts.allSatisfy { part in
                !part.isEmpty
                    && part.utf8.allSatisfy {
                        switch $0 {
                        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"),
                            UInt8(ascii: "."):
                            true
                        default: false
                        }
                    }
            }
    }

    /// Returns the folder of a model with the requested files. Downloads a repository's files unless the cache has
    /// them.
    ///
    /// - Parameters:
    ///   - model: a folder's path or a repository's name, see ``init(_:home:)``; or the path of an ONNX file, which is
    ///     used regardless of the variant, with the other files beside it.
    ///   - revision: the branch, tag or commit of a repository; ignored for a folder.
    ///   - commit: the commit that the revision stands for, if it was found before; see ``ModelName``.
    ///   - files: which of the model's files to get.
    ///   - hub: the hub for repositories.
    /// - Throws: ``ONNXError`` with code `notFound` when the folder or a file is missing, `invalidModel` when a Git LFS
    ///   pointer is in the place of a file; `HubError`; `CancellationError`.
    public static func resolve(
        _ model: String,
        revision: String = "main",
        commit: String? = nil,
        files: ModelFiles = ModelFiles(),
        hub: ModelHub = ModelHub()
    ) async throws -> ModelFolder {
        let source = try ModelSource(model)
        switch source.kind {
        case .folder(let path) where path.hasSuffix(".onnx"):
            let (folder, name) = split(path)
            var files = files
            files.variant = ONNXVariant(name)
            return try local(folder, files, named: folder)
        case .folder(let path):
            return try local(path, files, named: model)
        case .repository(let name):
            let snapshot = try await hub.load(name, revision: revision, commit: commit) {
                .matching(try files.chosen(among: $0.files.map(\.path), of: name).all)
            }
            let chosen = try files.chosen(among: snapshot.files, of: name)
            for file in chosen.all where GitLFSPointer.isPointer(at: "\(snapshot.folder)/\(file)") {
                throw ONNXError(
                    .invalidModel,
                    "\(file) of \(name) is a Git LFS pointer on the hub too, not the file itself: run `git lfs pull` in a "
                        + "clone that has the file, and upload it again or bind that folder"
                )
            }
            return ModelFolder(path: snapshot.folder, model: chosen.model, commit: snapshot.commit)
        }
    }

    private static func local(_ folder: String, _ files: ModelFiles, named model: String) throws -> ModelFolder {
        let chosen = try files.chosen(among: ONNXModelFiles.paths(in: folder), of: model)
        for file in chosen.all { try Files.checkIsFetched("\(folder)/\(file)") }
        return ModelFolder(path: folder, model: chosen.model, commit: nil)
    }

    /// The folder of a file, and its name.
    private static func split(_ path: String) -> (folder: String, name: String) {
        guard let slash = path.lastIndex(of: "/") else { return (".", path) }
        let folder = slash == path.startIndex ? "/" : String(path[..<slash])
        return (folder, String(path[path.index(after: slash)...]))
    }
}
