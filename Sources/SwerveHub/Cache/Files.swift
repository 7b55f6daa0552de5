#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// File system calls. They block, so they run on ``Disk``'s threads, except those that read the process's environment.
enum Files {
    static func environmentVariable(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }
    }

    static func currentFolder() -> String {
        guard let path = getcwd(nil, 0) else { return "/" }
        defer { free(path) }
        return String(cString: path)
    }

    static func homeFolder() -> String? {
        getpwuid(getuid()).flatMap { $0.pointee.pw_dir }.map { String(cString: $0) }
    }

    /// The size of a regular file, following links; nil when there is no such file.
    static func size(_ path: String) -> Int? {
        var info = stat()
        guard stat(path, &info) == 0, info.st_mode & S_IFMT == S_IFREG else { return nil }
        return Int(info.st_size)
    }

    static func isFolder(_ path: String) -> Bool {
        var info = stat()
        return stat(path, &info) == 0 && info.st_mode & S_IFMT == S_IFDIR
    }

    /// The names in a folder, sorted; empty when it cannot be read.
    static func names(in path: String) -> [String] {
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

    /// Makes a folder and its parent folders.
    static func makeFolders(_ path: String) throws(HubError) {
        if mkdir(path, 0o777) == 0 || errno == EEXIST && isFolder(path) { return }
        let code = errno
        guard code == ENOENT, let slash = path.lastIndex(of: "/"), slash > path.startIndex else {
            throw failure("make the folder", path, code)
        }
        try makeFolders(String(path[..<slash]))
        // Another process may have been faster.
        guard mkdir(path, 0o777) == 0 || errno == EEXIST && isFolder(path) else {
            throw failure("make the folder", path, errno)
        }
    }

    static func remove(_ path: String) throws(HubError) {
        guard unlink(path) == 0 || errno == ENOENT else { throw failure("remove", path, errno) }
    }

    static func rename(_ old: String, _ new: String) throws(HubError) {
        #if canImport(Darwin)
            let status = Darwin.rename(old, new)
        #elseif canImport(Glibc)
            let status = Glibc.rename(old, new)
        #else
            let status = Musl.rename(old, new)
        #endif
        guard status == 0 else { throw failure("move a file to", new, errno) }
    }

    /// Makes a symbolic link, replacing what is there.
    static func link(_ path: String, to target: String) throws(HubError) {
        for _ in 0..<3 {
            if symlink(target, path) == 0 { return }
            guard errno == EEXIST else { throw failure("make a symbolic link at", path, errno) }
            try remove(path)
        }
        throw failure("make a symbolic link at", path, EEXIST)
    }

    /// The bytes of a file; nil when there is no such file.
    static func read(_ path: String, limit: Int) throws(HubError) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT || errno == ENOTDIR { return nil }
            throw failure("read", path, errno)
        }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = readSome(descriptor, &chunk)
            guard count >= 0 else { throw failure("read", path, errno) }
            if count == 0 { return bytes }
            bytes.append(contentsOf: chunk[..<count])
            guard bytes.count <= limit else { throw HubError(.tooLarge, "\(path) has more than \(limit) bytes") }
        }
    }

    /// Writes a file so that others see all of it or nothing.
    static func write(_ bytes: [UInt8], to path: String) throws {
        let scratch = "\(path).\(String(UInt32.random(in: .min ... .max), radix: 16)).tmp"
        let descriptor = open(scratch, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw failure("write", scratch, errno) }
        defer { close(descriptor) }
        do {
            try bytes.withUnsafeBytes { try writeAll(descriptor, $0, path) }
            try rename(scratch, path)
        } catch {
            unlink(scratch)
            throw error
        }
    }

    /// Writes all bytes at the file's current position.
    static func writeAll(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer, _ path: String) throws(HubError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let slice = UnsafeRawBufferPointer(rebasing: rest)
            #if canImport(Darwin)
                let count = Darwin.write(descriptor, slice.baseAddress, slice.count)
            #elseif canImport(Glibc)
                let count = Glibc.write(descriptor, slice.baseAddress, slice.count)
            #else
                let count = Musl.write(descriptor, slice.baseAddress, slice.count)
            #endif
            if count > 0 {
                rest = rest.dropFirst(count)
            } else if count == 0 || errno != EINTR {
                throw failure("write", path, count == 0 ? ENOSPC : errno)
            }
        }
    }

    /// Calls `read(2)` again when a signal interrupts it.
    static func readSome(_ descriptor: Int32, _ chunk: inout [UInt8]) -> Int {
        while true {
            #if canImport(Darwin)
                let count = Darwin.read(descriptor, &chunk, chunk.count)
            #elseif canImport(Glibc)
                let count = Glibc.read(descriptor, &chunk, chunk.count)
            #else
                let count = Musl.read(descriptor, &chunk, chunk.count)
            #endif
            if count >= 0 || errno != EINTR { return count }
        }
    }

    /// The free bytes on the file system of a folder; nil when unknown.
    static func freeBytes(_ folder: String) -> Int? {
        var info = statvfs()
        guard statvfs(folder, &info) == 0, info.f_blocks > 0 else { return nil }
        let (bytes, isTooMany) = Int(clamping: info.f_bavail).multipliedReportingOverflow(by: Int(info.f_frsize))
        return isTooMany ? nil : bytes
    }

    static func failure(_ verb: String, _ path: String, _ code: Int32) -> HubError {
        let reason = String(cString: strerror(code))
        switch code {
        case ENOSPC, EDQUOT:
            return HubError(
                .diskFull,
                "cannot \(verb) \(path): \(reason); make room, or set HF_HUB_CACHE to another disk"
            )
        default:
            return HubError(.cacheUnusable, "cannot \(verb) \(path): \(reason)")
        }
    }
}
