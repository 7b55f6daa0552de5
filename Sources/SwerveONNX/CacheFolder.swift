internal import SwerveSystem

/// The folder for converted models and for the shapes recorded from requests.
///
/// Only the user can read it. Everything in it can be deleted: what is missing is made again.
struct CacheFolder {
    let path: String

    /// - Parameters:
    ///   - path: the folder; nil means `$SWERVE_CACHE`, else `swerve` in `$XDG_CACHE_HOME` or in `~/.cache`.
    ///   - environment: looks up an environment variable.
    init(_ path: String?, environment: (String) -> String? = ThisProcess.environmentVariable) {
        func variable(_ name: String) -> String? { environment(name).flatMap { $0.isEmpty ? nil : $0 } }
        self.path =
            path ?? variable("SWERVE_CACHE") ?? variable("XDG_CACHE_HOME").map { $0 + "/swerve" }
            ?? variable("HOME").map { $0 + "/.cache/swerve" } ?? "/tmp/swerve-cache-\(ThisProcess.userID)"
    }

    /// Returns a subfolder, creating it if needed.
    ///
    /// - Throws: ``ONNXError`` with code `cacheFailed`.
    func subfolder(_ name: String) throws -> String {
        var made = ""
        for part in "\(path)/\(name)".split(separator: "/", omittingEmptySubsequences: false) {
            made += made.isEmpty && part.isEmpty ? "/" : (made.isEmpty || made == "/" ? "" : "/") + part
            do {
                try FileSystem.makeFolder(made, mode: 0o700)
            } catch {
                guard error.code == .exists || FileSystem.isFolder(made) else {
                    throw ONNXError(.cacheFailed, "cannot make \(made): \(error.reason)")
                }
            }
        }
        return made
    }

    /// Creates a new folder with a unique name in `folder`.
    ///
    /// - Throws: ``ONNXError`` with code `cacheFailed`.
    func temporaryFolder(in folder: String) throws -> String {
        do {
            return try FileSystem.makeTemporaryFolder("\(folder)/\(CacheFolder.partialPrefix)")
        } catch {
            throw ONNXError(.cacheFailed, "cannot make a folder in \(folder): \(error.reason)")
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

    /// Gives a finished folder its final name; false when another process was first.
    func publish(_ temporary: String, as folder: String) -> Bool {
        (try? FileSystem.rename(temporary, to: folder)) != nil
    }

    /// Removes a folder and the files in it.
    static func remove(_ folder: String) {
        for name in FileSystem.names(in: folder) { try? FileSystem.remove("\(folder)/\(name)") }
        FileSystem.removeEmptyFolder(folder)
    }

    /// Removes the oldest folders in `folder` until `limit` are left. Files mapped by a process stay readable to it.
    static func prune(_ folder: String, keeping limit: Int) {
        let ages = FileSystem.names(in: folder).map { name in
            (name, FileStatus("\(folder)/\(name)")?.modifiedSeconds ?? .max)
        }
        for (name, _) in ages.sorted(by: { $0.1 > $1.1 }).dropFirst(limit) { remove("\(folder)/\(name)") }
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
