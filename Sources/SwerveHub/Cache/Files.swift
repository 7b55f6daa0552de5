internal import SwerveSystem

/// The file system calls of the cache, with the errors of this library. They block, so they run on ``Disk``'s threads.
enum Files {
    /// Makes a folder and its parent folders.
    static func makeFolders(_ path: String) throws(HubError) {
        try adapted(FileSystem.makeFolders(path))
    }

    static func remove(_ path: String) throws(HubError) {
        try adapted(FileSystem.remove(path))
    }

    /// Makes a symbolic link, replacing what is there.
    static func link(_ path: String, to target: String) throws(HubError) {
        try adapted(FileSystem.link(path, to: target))
    }

    /// The bytes of a file; nil when there is no such file.
    static func read(_ path: String, limit: Int) throws(HubError) -> [UInt8]? {
        do {
            return try FileSystem.read(path, limit: limit)
        } catch {
            if error.isMissing { return nil }
            guard error.code != .fileTooLarge else {
                throw HubError(.tooLarge, "\(path) has more than \(limit) bytes")
            }
            throw HubError(error)
        }
    }

    /// Writes a file so that others see all of it or nothing.
    static func write(_ bytes: [UInt8], to path: String) throws(HubError) {
        try adapted(FileSystem.write(bytes, to: path, mode: 0o666))
    }

    /// Makes a call, whose failure becomes an error of this library.
    static func adapted<Result>(_ call: @autoclosure () throws(SystemFailure) -> Result) throws(HubError) -> Result {
        do { return try call() } catch { throw HubError(error) }
    }
}

extension HubError {
    init(_ failure: SystemFailure) {
        if failure.isDiskFull {
            self.init(.diskFull, "\(failure); make room, or set HF_HUB_CACHE to another disk")
        } else {
            self.init(.cacheUnusable, failure.description)
        }
    }
}
