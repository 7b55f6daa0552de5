#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// The folder for converted models and for the shapes recorded from requests.
///
/// Only the user can read it. Everything in it can be deleted: what is missing is made again.
struct CacheFolder {
    let path: String

    /// - Parameters:
    ///   - path: the folder; nil means `$SWERVE_CACHE`, else `swerve` in `$XDG_CACHE_HOME` or in `~/.cache`.
    ///   - environment: looks up an environment variable.
    init(_ path: String?, environment: (String) -> String? = Files.environmentVariable) {
        func variable(_ name: String) -> String? { environment(name).flatMap { $0.isEmpty ? nil : $0 } }
        self.path =
            path ?? variable("SWERVE_CACHE") ?? variable("XDG_CACHE_HOME").map { $0 + "/swerve" }
            ?? variable("HOME").map { $0 + "/.cache/swerve" } ?? "/tmp/swerve-cache-\(getuid())"
    }

    /// Returns a subfolder, creating it if needed.
    ///
    /// - Throws: ``ONNXError`` with code `cacheFailed`.
    func subfolder(_ name: String) throws -> String {
        var made = ""
        for part in "\(path)/\(name)".split(separator: "/", omittingEmptySubsequences: false) {
            made += made.isEmpty && part.isEmpty ? "/" : (made.isEmpty || made == "/" ? "" : "/") + part
            guard mkdir(made, 0o700) == 0 || errno == EEXIST || Files.isDirectory(made) else {
                throw failure("cannot make \(made)")
            }
        }
        return made
    }

    /// Creates a new folder with a unique name in `folder`.
    ///
    /// - Throws: ``ONNXError`` with code `cacheFailed`.
    func temporaryFolder(in folder: String) throws -> String {
        var template = Array("\(folder)/\(CacheFolder.partialPrefix)XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw failure("cannot make a folder in \(folder)") }
        return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// The prefix of the names of unfinished folders.
    static let partialPrefix = "partial."

    /// Writes a file completely or not at all.
    ///
    /// - Throws: ``ONNXError`` with code `cacheFailed`.
    func write(_ bytes: [UInt8], to file: String) throws {
        var template = Array("\(file).XXXXXX".utf8CString)
        let descriptor = mkstemp(&template)
        guard descriptor >= 0 else { throw failure("cannot write \(file)") }
        let temporary = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { writeSome(descriptor, $0) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            rest = rest.dropFirst(count)
        }
        close(descriptor)
        guard rest.isEmpty, rename(temporary, file) == 0 else {
            let error = failure("cannot write \(file)")
            unlink(temporary)
            throw error
        }
    }

    private func writeSome(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
        #if canImport(Darwin)
            Darwin.write(descriptor, bytes.baseAddress, bytes.count)
        #elseif canImport(Glibc)
            Glibc.write(descriptor, bytes.baseAddress, bytes.count)
        #else
            Musl.write(descriptor, bytes.baseAddress, bytes.count)
        #endif
    }

    /// Gives a finished folder its final name; false when another process was first.
    func publish(_ temporary: String, as folder: String) -> Bool {
        rename(temporary, folder) == 0
    }

    /// Removes a folder and the files in it.
    static func remove(_ folder: String) {
        for name in Files.names(in: folder) { unlink("\(folder)/\(name)") }
        rmdir(folder)
    }

    /// Removes the oldest folders in `folder` until `limit` are left. Files mapped by a process stay readable to it.
    static func prune(_ folder: String, keeping limit: Int) {
        let ages = Files.names(in: folder).map { name in
            var info = stat()
            guard stat("\(folder)/\(name)", &info) == 0 else { return (name, Int.max) }
            #if canImport(Darwin)
                return (name, info.st_mtimespec.tv_sec)
            #else
                return (name, info.st_mtim.tv_sec)
            #endif
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

    private func failure(_ what: String) -> ONNXError {
        ONNXError(.cacheFailed, "\(what): \(String(cString: strerror(errno)))")
    }
}
