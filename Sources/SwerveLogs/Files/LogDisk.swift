package import SwerveCore
internal import SwerveSystem

/// A file of a log directory.
package struct LogFileInfo: Hashable, Sendable {
    package var name: String
    package var bytes: Int
    /// When it was written last, in nanoseconds.
    package var lastWritten: Int

    package init(name: String, bytes: Int, lastWritten: Int) {
        self.name = name
        self.bytes = bytes
        self.lastWritten = lastWritten
    }
}

/// Why something could not be done with a log file.
package struct LogDiskError: Error, Hashable, Sendable {
    package let reason: String

    package init(_ reason: String) {
        self.reason = reason
    }
}

/// A directory of log files. The calls block, and each is made from one thread at a time.
package protocol LogDisk: Sendable {
    /// 0 if there is no such file.
    func size(_ name: String) -> Int
    /// Adds bytes to a file, which is made if it is not there.
    func append(_ bytes: [UInt8], to name: String) throws(LogDiskError)
    /// What is not there is neither renamed nor removed, and that is no error.
    func perform(_ step: LogFileStep) throws(LogDiskError)
    func files() -> [LogFileInfo]
}

/// A directory of the file system. Its files are opened for each write, so that they take no descriptors, and whoever
/// removes or moves one disturbs nobody.
package struct LogDirectory: LogDisk {
    private let path: String

    /// Makes the directory, unless it is there.
    ///
    /// - Throws: ``ServeError`` with code `invalidOptions`.
    package init(_ path: String) throws(ServeError) {
        self.path = path
        do throws(SystemFailure) {
            if let slash = path.lastIndex(of: "/"), slash > path.startIndex {
                try FileSystem.makeFolders(String(path[..<slash]))
            }
            if !FileSystem.isFolder(path) { try FileSystem.makeFolder(path, mode: 0o700) }
        } catch {
            throw ServeError(.invalidOptions, "logs.directory '\(path)' cannot be made: \(error.reason)")
        }
        guard FileSystem.isWritable(path) else {
            throw ServeError(.invalidOptions, "logs.directory '\(path)' cannot be written")
        }
    }

    package func size(_ name: String) -> Int { FileSystem.size("\(path)/\(name)") ?? 0 }

    package func append(_ bytes: [UInt8], to name: String) throws(LogDiskError) {
        do { try FileSystem.append(bytes, to: "\(path)/\(name)", mode: 0o600) } catch {
            throw LogDiskError("'\(path)/\(name)' cannot be written: \(error.reason)")
        }
    }

    package func perform(_ step: LogFileStep) throws(LogDiskError) {
        do throws(SystemFailure) {
            switch step {
            case .remove(let name): try FileSystem.remove("\(path)/\(name)")
            case .rename(let old, let new):
                if FileSystem.exists("\(path)/\(old)") { try FileSystem.rename("\(path)/\(old)", to: "\(path)/\(new)") }
            }
        } catch {
            throw LogDiskError("the files in '\(path)' cannot be renamed: \(error.reason)")
        }
    }

    package func files() -> [LogFileInfo] {
        FileSystem.names(in: path).compactMap { name in
            guard let status = FileStatus("\(path)/\(name)", followingLinks: false), status.kind == .file else {
                return nil
            }
            let time = status.modifiedSeconds &* 1_000_000_000 &+ status.modifiedNanoseconds
            return LogFileInfo(name: name, bytes: status.size, lastWritten: time)
        }
    }
}
