import Foundation
import SwerveCore
import SwerveEnvironments

/// A folder for the time of a test.
final class TemporaryFolder {
    let path = FileManager.default.temporaryDirectory.appending(path: "environments-\(UUID())").path()

    init() {
        // Fails later, where the folder is used.
        try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }
    deinit {
        // Copies are read-only.
        let removal = Process()
        removal.executableURL = URL(filePath: "/bin/sh")
        removal.arguments = ["-c", "chmod -R u+w '\(path)'; rm -rf '\(path)'"]
        try? removal.run()
        removal.waitUntilExit()
    }

    /// Writes a file below it, and the folders around the file.
    @discardableResult func write(_ name: String, _ content: String, mode: Int = 0o644) throws -> String {
        let url = URL(filePath: "\(path)/\(name)")
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(content.utf8).write(to: url)
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: url.path())
        return url.path()
    }

    func write(_ name: String, _ zip: ZipBuilder) throws -> String {
        try Data(zip.bytes).write(to: URL(filePath: "\(path)/\(name)"))
        return "\(path)/\(name)"
    }
}

extension KeptFolders {
    func keep(_ path: String, excludes: [String] = []) throws(ServeError) -> String {
        try keep(Source(path, excludes: excludes))
    }

    static func digest(of path: String, excludes: [String] = []) throws(ServeError) -> String {
        try digest(of: Source(path, excludes: excludes))
    }
}

extension FolderSource {
    /// The files' contents by path, as texts.
    func contents(_ limits: FolderLimits = FolderLimits()) throws(FolderProblem) -> [String: String] {
        var found: [String: [UInt8]] = [:]
        var path = ""
        _ = try manifest(
            limits,
            begin: { entry throws(FolderProblem) in
                path = entry.path
                if case .file = entry.kind { found[path] = [] }
            },
            take: { bytes throws(FolderProblem) in found[path, default: []] += bytes }
        )
        return found.mapValues { String(decoding: $0, as: UTF8.self) }
    }
}
