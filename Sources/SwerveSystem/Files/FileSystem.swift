#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// Files and folders, without Foundation. The calls block.
package enum FileSystem {
    // MARK: What is there

    package static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// Whether this user may make files in a folder.
    package static func isWritable(_ path: String) -> Bool { access(path, W_OK | X_OK) == 0 }

    package static func isFile(_ path: String) -> Bool { FileStatus(path)?.kind == .file }

    package static func isFolder(_ path: String) -> Bool { FileStatus(path)?.kind == .folder }

    /// The size of a regular file, following links; nil when there is no such file.
    package static func size(_ path: String) -> Int? {
        guard let status = FileStatus(path), status.kind == .file else { return nil }
        return status.size
    }

    /// The names in a folder, sorted; empty when it cannot be read.
    package static func names(in path: String) -> [String] {
        guard let directory = opendir(path) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: MemoryLayout.size(ofValue: $0.pointee)) {
                    String(cString: $0)
                }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    package static var currentFolder: String {
        guard let path = getcwd(nil, 0) else { return "/" }
        defer { free(path) }
        return String(cString: path)
    }

    /// The user's home folder according to the system's list of users.
    package static var homeFolder: String? {
        getpwuid(getuid()).flatMap { $0.pointee.pw_dir }.map { String(cString: $0) }
    }

    /// The free bytes on the file system of a folder; nil when unknown.
    package static func freeBytes(_ folder: String) -> Int? {
        var info = statvfs()
        guard statvfs(folder, &info) == 0, info.f_blocks > 0 else { return nil }
        let (bytes, isTooMany) = Int(clamping: info.f_bavail).multipliedReportingOverflow(by: Int(info.f_frsize))
        return isTooMany ? nil : bytes
    }

    // MARK: Making, moving and removing

    package static func makeFolder(_ path: String, mode: UInt32) throws(SystemFailure) {
        guard mkdir(path, mode_t(mode)) == 0 else { throw failure("make the folder", path) }
    }

    /// Makes a folder and its parent folders, unless they are there.
    package static func makeFolders(_ path: String) throws(SystemFailure) {
        do {
            return try makeFolder(path, mode: 0o777)
        } catch {
            if error.code == .exists, isFolder(path) { return }
            guard error.code == .noSuchFile, let slash = path.lastIndex(of: "/"), slash > path.startIndex else {
                throw error
            }
            try makeFolders(String(path[..<slash]))
        }
        do {
            try makeFolder(path, mode: 0o777)
        } catch {
            // Another process may have been faster.
            guard error.code == .exists, isFolder(path) else { throw error }
        }
    }

    /// Makes a folder that only this user may enter, with a name that nobody else has.
    ///
    /// - Parameter prefix: the path without the last six characters of the name.
    package static func makeTemporaryFolder(_ prefix: String) throws(SystemFailure) -> String {
        var template = Array("\(prefix)XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw failure("make the folder", "\(prefix)XXXXXX") }
        return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Makes a symbolic link, replacing what is there.
    package static func link(_ path: String, to target: String) throws(SystemFailure) {
        for _ in 0..<3 {
            if symlink(target, path) == 0 { return }
            guard errno == EEXIST else { throw failure("make a symbolic link at", path) }
            try remove(path)
        }
        throw SystemFailure("make a symbolic link at", path, .exists)
    }

    package static func rename(_ old: String, to new: String) throws(SystemFailure) {
        guard systemRename(old, new) == 0 else { throw failure("move a file to", new) }
    }

    /// Removes a file or a link, if it is there.
    package static func remove(_ path: String) throws(SystemFailure) {
        guard unlink(path) == 0 || errno == ENOENT else { throw failure("remove", path) }
    }

    /// Removes a folder if it is empty.
    package static func removeEmptyFolder(_ path: String) { _ = rmdir(path) }

    private static func failure(_ attempt: String, _ path: String) -> SystemFailure {
        SystemFailure(attempt, path, .last)
    }
}
