internal import SwerveSystem

/// The files of a model, with the errors of this library.
package enum Files {
    /// The largest configuration file that is read.
    static let maximumBytes = 16 << 20

    /// The files below a folder, as sorted paths relative to it. Follows links and leaves out names that begin with a
    /// dot.
    ///
    /// - Throws: ``ONNXError`` with code `invalidArgument` when there are more than ``maximumFiles``.
    static func relativePaths(in folder: String) throws -> [String] {
        var paths: [String] = []
        try collect(folder, prefix: "", depth: 0, &paths)
        return paths.sorted()
    }

    /// The most files that a model's folder may hold, and the deepest level of folders that is searched.
    static let maximumFiles = 10_000
    private static let maximumDepth = 4

    private static func collect(_ folder: String, prefix: String, depth: Int, _ paths: inout [String]) throws {
        for name in FileSystem.names(in: folder) where !name.hasPrefix(".") {
            let path = "\(folder)/\(name)"
            if FileSystem.isFile(path) {
                paths.append(prefix + name)
            } else if depth < maximumDepth, FileSystem.isFolder(path) {
                try collect(path, prefix: "\(prefix)\(name)/", depth: depth + 1, &paths)
            }
            guard paths.count <= maximumFiles else {
                throw ONNXError(
                    .invalidArgument,
                    "\(folder) holds more than \(maximumFiles) files; is it the folder of a model?"
                )
            }
        }
    }

    /// The content of a small file; nil when it cannot be read.
    static func text(_ path: String) -> String? {
        guard let bytes = try? read(path) else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The bytes of a file.
    ///
    /// - Throws: ``ONNXError`` with code `notFound`, or `invalidConfiguration` when it is larger than ``maximumBytes``.
    package static func read(_ path: String) throws -> [UInt8] {
        do {
            return try FileSystem.read(path, limit: maximumBytes)
        } catch {
            guard error.code != .fileTooLarge else {
                throw ONNXError(.invalidConfiguration, "\(path) has more than \(maximumBytes) bytes")
            }
            throw ONNXError(.notFound, error.description)
        }
    }

    /// - Throws: ``ONNXError`` with code `invalidModel` when a Git LFS pointer is in the place of the file.
    package static func checkIsFetched(_ path: String) throws {
        guard GitLFSPointer.isPointer(at: path) else { return }
        let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        throw ONNXError(
            .invalidModel,
            "\(path) is a Git LFS pointer, not the file itself: Git LFS has not fetched it. Run `git lfs pull` in \(folder)"
        )
    }
}
