internal import SwerveCore

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

func processID() -> Int32 { getpid() }

/// The directory, open to this user only, in which the processes of one instance have their sockets and boards.
struct InstanceDirectory {
    let path: String
    var controllerAddress: String { "\(path)/controller.sock" }

    /// Unix socket paths may have 107 bytes.
    private static let maximumPathBytes = 107 - "/replica-18446744073709551615.board".utf8.count
    private static let prefix = "swerve-"

    init() throws(ServeError) {
        let wanted = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        let base = wanted.utf8.count > Self.maximumPathBytes - 32 || wanted.isEmpty ? "/tmp" : wanted
        Self.removeLeftovers(in: base)
        var template = Array("\(base)/\(Self.prefix)\(getpid())-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw ServeError(.system, "no directory can be made in '\(base)': \(String(cString: strerror(errno)))")
        }
        self.path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    func removeAll() { Self.removeAll(path) }
    static func remove(_ file: String) { unlink(file) }

    private static func removeAll(_ path: String) {
        for name in names(in: path) { unlink("\(path)/\(name)") }
        rmdir(path)
    }

    /// A process that was killed could not remove its directory; its number in the name tells that it is gone.
    private static func removeLeftovers(in base: String) {
        for name in names(in: base) where name.hasPrefix(prefix) {
            let number = name.dropFirst(prefix.count).prefix { $0 != "-" }
            guard let pid = pid_t(number), kill(pid, 0) != 0, errno == ESRCH else { continue }
            var status = stat()
            guard lstat("\(base)/\(name)", &status) == 0, status.st_uid == getuid() else { continue }
            removeAll("\(base)/\(name)")
        }
    }

    private static func names(in path: String) -> [String] {
        guard let directory = opendir(path) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }
}
