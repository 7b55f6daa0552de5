internal import SwerveSystem

/// The folder for converted models and for the shapes recorded from requests.
///
/// Only the user can read it. Everything in it can be deleted: what is missing is made again.
package struct CacheFolder: Sendable {
    package let path: String
    /// Whether the folder is in one where everybody may write, so that somebody else may have made it.
    private let isInPublic: Bool

    /// - Parameters:
    ///   - path: the folder; nil means `$SWERVE_CACHE`, else `swerve` in `$XDG_CACHE_HOME` or in `~/.cache`. Without a
    ///     home folder that can be written to, `swerve-cache-<user>` in the folder for temporary files.
    ///   - environment: looks up an environment variable.
    ///   - userHome: the home folder when `HOME` is not set.
    ///   - temporary: the folder for temporary files.
    package init(
        _ path: String?,
        environment: (String) -> String? = ThisProcess.environmentVariable,
        userHome: String? = FileSystem.homeFolder,
        temporary: String = "/tmp"
    ) {
        func variable(_ name: String) -> String? { environment(name).flatMap { $0.isEmpty ? nil : $0 } }
        let home = (variable("HOME") ?? userHome).flatMap { home in
            let cache = home + "/.cache"
            return FileSystem.isWritable(FileSystem.exists(cache) ? cache : home) ? cache : nil
        }
        let own = path ?? variable("SWERVE_CACHE") ?? (variable("XDG_CACHE_HOME") ?? home).map { $0 + "/swerve" }
        self.path = own ?? "\(temporary)/swerve-cache-\(ThisProcess.userID)"
        isInPublic = own == nil
    }

    /// Returns a subfolder, creating it if needed.
    ///
    /// - Throws: ``ONNXError`` with code `cacheFailed`.
    package func subfolder(_ name: String) throws -> String {
        if isInPublic {
            try? FileSystem.makeFolder(path, mode: 0o700)
            try check()
        }
        var made = ""
        for part in "\(path)/\(name)".split(separator: "/", omittingEmptySubsequences: false) {
            made += made.isEmpty && part.isEmpty ? "/" : (made.isEmpty || made == "/" ? "" : "/") + part
            try makeFolder(made)
        }
        return made
    }

    /// Whether what is in the folder can only come from this user.
    var isTrusted: Bool { !isInPublic || (try? check()) != nil }

    /// Refuses a folder in a public place that somebody else made, or may write to.
    private func check() throws {
        let status = FileStatus(path, followingLinks: false)
        let problem: String? =
            switch status {
            case nil: "cannot be made"
            case let status? where status.kind == .link: "is a symbolic link"
            case let status? where status.kind != .folder: "is not a folder"
            case let status? where status.owner != ThisProcess.userID:
                "belongs to user \(status.owner), not to \(ThisProcess.userID)"
            case let status? where status.permissions & 0o077 != 0:
                "can be used by others: its mode is \(String(status.permissions, radix: 8)), not 700"
            default: nil
            }
        guard let problem else { return }
        throw ONNXError(
            .cacheFailed,
            "the cache folder \(path) \(problem). There is no home folder to use instead: remove it, or set SWERVE_CACHE "
                + "to a folder of your own"
        )
    }

    /// Makes one folder that only the user may enter, unless it is there.
    ///
    /// - Throws: ``ONNXError`` with code `cacheFailed`.
    func makeFolder(_ path: String) throws {
        do {
            try FileSystem.makeFolder(path, mode: 0o700)
        } catch {
            guard error.code == .exists || FileSystem.isFolder(path) else {
                throw ONNXError(.cacheFailed, "cannot make \(path): \(error.reason)")
            }
        }
    }

    /// The prefix of the names of unfinished folders.
    static let partialPrefix = "partial."

    /// Writes a file completely or not at all.
    ///
    /// - Throws: ``ONNXError`` with code `cacheFailed`.
    func write(_ bytes: [UInt8], to file: String) throws {
        do {
            try FileSystem.write(bytes, to: file, mode: 0o600)
        } catch {
            throw ONNXError(.cacheFailed, "cannot write \(file): \(error.reason)")
        }
    }

    /// Returns once a folder and its files are on the disk.
    ///
    /// - Throws: ``ONNXError`` with code `cacheFailed`.
    func sync(_ folder: String) throws {
        do {
            for name in FileSystem.names(in: folder) { try FileSystem.sync("\(folder)/\(name)") }
            try FileSystem.sync(folder)
        } catch {
            throw ONNXError(.cacheFailed, "\(error)")
        }
    }

    /// Gives a finished folder its final name, for good.
    ///
    /// - Throws: ``ONNXError`` with code `cacheFailed`.
    func publish(_ draft: String, as folder: String) throws {
        do {
            try FileSystem.rename(draft, to: folder)
            try FileSystem.sync("\(folder)/..")
        } catch {
            throw ONNXError(.cacheFailed, "\(error)")
        }
    }

    /// Removes a folder and the files in it.
    static func remove(_ folder: String) {
        for name in FileSystem.names(in: folder) { try? FileSystem.remove("\(folder)/\(name)") }
        FileSystem.removeEmptyFolder(folder)
    }

    /// A file name for a text: its hash. Two texts may have the same hash, so the text is stored beside the files and
    /// compared.
    static func name(for text: String) -> String {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in text.utf8 {
            hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3
        }
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
