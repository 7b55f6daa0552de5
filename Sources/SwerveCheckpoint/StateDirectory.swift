package import SwerveCore
internal import SwerveSystem

/// The directory in which an instance keeps what a later start continues with. It belongs to one user and to one
/// instance at a time.
package struct StateDirectory: Sendable {
    package let path: String
    private let lock: LockedFile

    private static let lockName = "lock"

    /// Makes the directory if it is not there, and locks it until this value is gone or the process has ended.
    ///
    /// - Throws: ``ServeError`` with code `stateInUse` if another instance has it, `stateUnusable` if it belongs to
    ///   another user or others may enter it, and `system` if it cannot be made.
    package init(_ path: String) throws(ServeError) {
        self.path = path
        do {
            if !FileSystem.exists(path) { try Self.make(path) }
            guard let status = FileStatus(path), status.kind == .folder else {
                throw ServeError(.stateUnusable, "the state directory '\(path)' is not a directory")
            }
            try Self.check(status, path)
            guard let lock = try LockedFile("\(path)/\(Self.lockName)", makingWith: 0o600) else {
                throw ServeError(
                    .stateInUse,
                    "the state directory '\(path)' is used by another instance; end that one, or choose another directory"
                )
            }
            self.lock = lock
        } catch let error as ServeError {
            throw error
        } catch let failure as SystemFailure {
            throw ServeError(.system, "the state directory '\(path)' cannot be used: \(failure)")
        } catch {
            throw ServeError(.system, "the state directory '\(path)' cannot be used: \(error)")
        }
    }

    private static func make(_ path: String) throws {
        if let slash = path.lastIndex(of: "/"), slash != path.startIndex {
            try FileSystem.makeFolders(String(path[..<slash]))
        }
        try FileSystem.makeFolder(path, mode: 0o700)
    }

    private static func check(_ status: FileStatus, _ path: String) throws(ServeError) {
        if status.owner != ThisProcess.userID {
            throw ServeError(
                .stateUnusable,
                "the state directory '\(path)' belongs to user \(status.owner), not to this process's user \(ThisProcess.userID)"
            )
        }
        if status.permissions & 0o077 != 0 {
            let mode = String(status.permissions, radix: 8)
            throw ServeError(
                .stateUnusable,
                "the state directory '\(path)' has mode \(mode), so other users may enter it; make it 700 (chmod 700)"
            )
        }
    }

    /// Lets another instance have the directory from now on.
    package func release() { lock.unlock() }

    /// The file that holds the goal.
    package var database: String { "\(path)/state.sqlite" }

    /// The file that holds what was deployed.
    package var deploys: String { "\(path)/deploys.sqlite" }

    /// The folder of the executables that are kept, beside the file that holds the goal.
    ///
    /// - Parameter database: the path of that file.
    package static func executables(beside database: String) -> String { "\(folder(of: database))executables" }

    /// The folder of the working directories that are kept, beside the file that holds the goal.
    ///
    /// - Parameter database: the path of that file.
    package static func workingDirectories(beside database: String) -> String {
        "\(folder(of: database))working-directories"
    }

    private static func folder(of database: String) -> Substring {
        database.lastIndex(of: "/").map { database[...$0] } ?? ""
    }
}
