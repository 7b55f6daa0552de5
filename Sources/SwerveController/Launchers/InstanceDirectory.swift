package import SwerveCore

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// This process's id.
package func processID() -> Int32 { getpid() }

/// The directory in which the processes of one instance have their sockets and boards. Only this user can open it.
///
/// The instance holds a lock on a file in it, which the system releases however the process ends. So a directory whose
/// lock is free is a leftover, and the next instance of the same user removes it.
package struct InstanceDirectory {
    package let path: String
    private let lock: DirectoryLock

    /// The path of a Unix socket has at most 107 bytes.
    private static let maximumPathBytes = 107 - "/replica-18446744073709551615.board".utf8.count
    private static let longestName = 32
    private static let prefix = "swerve-"
    /// For a directory that is still being made and has no lock yet.
    private static let draftPrefix = ".swerve-"
    /// Seconds. Making a directory takes a millisecond, so a draft this old was left by a process that was killed.
    private static let oldestDraft = 3600

    /// Removes what killed instances left behind, and makes a directory.
    ///
    /// - Parameter base: where to make it; `TMPDIR` by default, or `/tmp` when that is too long for socket paths.
    package init(in base: String? = nil) throws(ServeError) {
        let base = base ?? Self.temporaryDirectory()
        Self.removeLeftovers(in: base)
        var template = Array("\(base)/\(Self.draftPrefix)XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Self.failure("made", base, errno) }
        let draft = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        // The directory gets its final name only once it is locked.
        let path = "\(base)/\(Self.prefix)\(getpid())-\(draft.suffix(6))"
        guard let lock = DirectoryLock(making: draft), rename(draft, path) == 0 else {
            let code = errno
            Self.remove(all: draft)
            throw Self.failure("locked", base, code)
        }
        (self.path, self.lock) = (path, lock)
    }

    package func removeAll() { withExtendedLifetime(lock) { Self.remove(all: path) } }

    static func remove(_ file: String) { unlink(file) }

    private static func temporaryDirectory() -> String {
        let wanted = getenv("TMPDIR").map { String(cString: $0) } ?? ""
        return wanted.isEmpty || wanted.utf8.count > maximumPathBytes - longestName ? "/tmp" : wanted
    }

    private static func failure(_ what: String, _ base: String, _ code: Int32) -> ServeError {
        ServeError(.system, "a directory in '\(base)' cannot be \(what): \(String(cString: strerror(code)))")
    }

    /// The lock file is removed last, so that an interrupted removal still leaves a recognisable leftover.
    private static func remove(all path: String) {
        for name in names(in: path) where name != DirectoryLock.name { unlink("\(path)/\(name)") }
        if names(in: path) == [DirectoryLock.name] { unlink("\(path)/\(DirectoryLock.name)") }
        rmdir(path)
    }

    private static func removeLeftovers(in base: String) {
        for name in names(in: base) {
            let path = "\(base)/\(name)"
            var status = stat()
            guard let kind = Kind(name), lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR,
                status.st_uid == getuid()
            else { continue }
            if kind == .draft, time(nil) - changeTime(status) < oldestDraft { continue }
            if let lock = DirectoryLock(of: path) {
                withExtendedLifetime(lock) { remove(all: path) }
            } else if errno == ENOENT {
                // Removes a directory whose removal was interrupted at the very end.
                rmdir(path)
            }
        }
    }

    private enum Kind {
        case directory, draft

        /// - Returns: `nil` for a name that ``InstanceDirectory/init(in:)`` does not make.
        init?(_ name: String) {
            if name.hasPrefix(draftPrefix) {
                guard Self.isSuffix(name.dropFirst(draftPrefix.count)) else { return nil }
                self = .draft
            } else {
                let parts = name.dropFirst(prefix.count).split(separator: "-", omittingEmptySubsequences: false)
                guard name.hasPrefix(prefix), parts.count == 2, UInt32(parts[0]) != nil, Self.isSuffix(parts[1]) else {
                    return nil
                }
                self = .directory
            }
        }

        private static func isSuffix(_ text: Substring) -> Bool {
            text.utf8.count == 6 && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber) }
        }
    }

    private static func changeTime(_ status: stat) -> Int {
        #if canImport(Darwin)
            status.st_mtimespec.tv_sec
        #else
            status.st_mtim.tv_sec
        #endif
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

/// An exclusive lock that the directory's owner holds as long as it lives; the programs that it starts do not inherit
/// it.
private final class DirectoryLock: Sendable {
    static let name = "lock"
    private let descriptor: Int32

    /// Makes the file. Where the file system has no locks, leftovers are not found; everything else works.
    ///
    /// - Returns: `nil` with `errno` when the file cannot be made.
    init?(making directory: String) {
        let descriptor = open("\(directory)/\(Self.name)", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        if descriptor < 0 { return nil }
        flock(descriptor, LOCK_EX | LOCK_NB)
        self.descriptor = descriptor
    }

    /// - Returns: `nil` with `errno` when another process holds the lock, or the directory has no lock file or just
    ///   lost it.
    init?(of directory: String) {
        let descriptor = open("\(directory)/\(Self.name)", O_RDWR | O_CLOEXEC | O_NOFOLLOW)
        if descriptor < 0 { return nil }
        var status = stat()
        // Another process may have removed the file in between; its lock then means nothing.
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0, fstat(descriptor, &status) == 0, status.st_nlink > 0 else {
            close(descriptor)
            errno = EWOULDBLOCK
            return nil
        }
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }
}
