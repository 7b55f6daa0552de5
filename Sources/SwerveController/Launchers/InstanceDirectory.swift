package import SwerveCore
internal import SwerveSystem

/// The directory in which the processes of one instance have their sockets and boards. Only this user can open it.
///
/// The instance holds a lock on a file in it, which the system releases however the process ends. So a directory whose
/// lock is free is a leftover, and the next instance of the same user removes it.
package struct InstanceDirectory {
    package let path: String
    private let lock: LockedFile

    /// The path of a Unix socket has at most 107 bytes.
    private static let maximumPathBytes = 107 - "/replica-18446744073709551615.board".utf8.count
    private static let longestName = 32
    private static let lockName = "lock"
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
        let draft: String
        do {
            draft = try FileSystem.makeTemporaryFolder("\(base)/\(Self.draftPrefix)")
        } catch {
            throw Self.error("made", base, error)
        }
        path = "\(base)/\(Self.prefix)\(ThisProcess.id)-\(draft.suffix(6))"
        do {
            lock = try LockedFile(making: "\(draft)/\(Self.lockName)")
            // Nobody sees the directory under its name before it is locked.
            try FileSystem.rename(draft, to: path)
        } catch {
            Self.remove(all: draft)
            throw Self.error("locked", base, error)
        }
    }

    package func removeAll() { withExtendedLifetime(lock) { Self.remove(all: path) } }

    static func remove(_ file: String) { try? FileSystem.remove(file) }

    private static func temporaryDirectory() -> String {
        let wanted = ThisProcess.environmentVariable("TMPDIR") ?? ""
        return wanted.isEmpty || wanted.utf8.count > maximumPathBytes - longestName ? "/tmp" : wanted
    }

    private static func error(_ what: String, _ base: String, _ failure: SystemFailure) -> ServeError {
        ServeError(.system, "no directory can be \(what) in '\(base)': \(failure.reason)")
    }

    /// The lock file is removed last, so that an interrupted removal still leaves a recognisable leftover.
    private static func remove(all path: String) {
        for name in FileSystem.names(in: path) where name != lockName {
            // Folders are the executables of other programs, and what replicas start in.
            FileSystem.removeTree("\(path)/\(name)")
        }
        if FileSystem.names(in: path) == [lockName] { remove("\(path)/\(lockName)") }
        FileSystem.removeEmptyFolder(path)
    }

    // MARK: Finding those that run

    /// An instance of this user that runs.
    package struct Running: Sendable {
        /// The process that runs it.
        package let processID: Int32
        package let instance: InstanceID
        package let path: String
        package var clientsAddress: String { InstanceDirectory.clientsAddress(in: path, instance) }
    }

    private static let clientsPrefix = "clients-"
    private static let socketSuffix = ".sock"

    /// Where an instance listens for clients.
    static func clientsAddress(in path: String, _ instance: InstanceID) -> String {
        "\(path)/\(clientsPrefix)\(instance)\(socketSuffix)"
    }

    /// The instances of this user that run and take clients, by the numbers of their processes.
    ///
    /// - Parameter base: where to look; where directories are made by default.
    package static func running(in base: String? = nil) -> [Running] {
        let base = base ?? temporaryDirectory()
        var found: [Running] = []
        for name in FileSystem.names(in: base) where Kind(name) == .directory {
            let path = "\(base)/\(name)"
            guard let process = Int32(name.dropFirst(prefix.count).prefix { $0 != "-" }),
                let status = FileStatus(path, followingLinks: false), status.kind == .folder,
                status.owner == ThisProcess.userID, isLocked(path)
            else { continue }
            for file in FileSystem.names(in: path) where file.hasPrefix(clientsPrefix) && file.hasSuffix(socketSuffix) {
                let text = file.dropFirst(clientsPrefix.count).dropLast(socketSuffix.count)
                guard let instance = InstanceID(text) else { continue }
                found.append(Running(processID: process, instance: instance, path: path))
            }
        }
        return found.sorted { ($0.processID, $0.path) < ($1.processID, $1.path) }
    }

    /// Whether an instance holds the directory.
    private static func isLocked(_ path: String) -> Bool {
        do { return try LockedFile("\(path)/\(lockName)") == nil } catch { return false }
    }

    private static func removeLeftovers(in base: String) {
        for name in FileSystem.names(in: base) {
            let path = "\(base)/\(name)"
            guard let kind = Kind(name), let status = FileStatus(path, followingLinks: false), status.kind == .folder,
                status.owner == ThisProcess.userID
            else { continue }
            if kind == .draft, WallClock.seconds - status.modifiedSeconds < oldestDraft { continue }
            do {
                if let lock = try LockedFile("\(path)/\(lockName)") {
                    withExtendedLifetime(lock) { remove(all: path) }
                }
            } catch {
                // Succeeds with one whose removal was interrupted at the very end.
                if error.code == .noSuchFile { FileSystem.removeEmptyFolder(path) }
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
}
