#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// The few file system operations that loading a model needs, without Foundation.
package enum Files {
    /// The largest configuration file that is read.
    static let maximumBytes = 16 << 20

    static func isFile(_ path: String) -> Bool { mode(of: path) == S_IFREG }

    static func isDirectory(_ path: String) -> Bool { mode(of: path) == S_IFDIR }

    private static func mode(of path: String) -> mode_t? {
        var info = stat()
        return stat(path, &info) == 0 ? info.st_mode & S_IFMT : nil
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

    /// The files below a folder, as sorted paths relative to it. Follows links and leaves out names that begin with a
    /// dot.
    ///
    /// - Throws: ``ONNXError`` with code `invalidArgument` when there are more than ``maximumFiles``.
    static func relativePaths(in folder: String) throws -> [String] {
        var paths: [String] = []
        try collect(folder, prefix: "", depth: 0, &paths)
        return paths.sorted()
    }

    /// The most files that a model's folder may hold, and the deepest level of folders that is searched.
    static let maximumFiles = 10_000
    private static let maximumDepth = 4

    private static func collect(_ folder: String, prefix: String, depth: Int, _ paths: inout [String]) throws {
        for name in names(in: folder) where !name.hasPrefix(".") {
            let path = "\(folder)/\(name)"
            if isFile(path) {
                paths.append(prefix + name)
            } else if depth < maximumDepth, isDirectory(path) {
                try collect(path, prefix: "\(prefix)\(name)/", depth: depth + 1, &paths)
            }
            guard paths.count <= maximumFiles else {
                throw ONNXError(
                    .invalidArgument,
                    "\(folder) holds more than \(maximumFiles) files; is it the folder of a model?"
                )
            }
        }
    }

    static func currentDirectory() -> String {
        guard let path = getcwd(nil, 0) else { return "/" }
        defer { free(path) }
        return String(cString: path)
    }

    static func environmentVariable(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }
    }

    /// Distinguishes a file from other files, and from earlier versions of itself.
    struct Identity: Hashable, Sendable, CustomStringConvertible {
        let path: String
        let device: UInt64
        let inode: UInt64
        let size: Int64
        let modifiedSeconds: Int64
        let modifiedNanoseconds: Int64

        /// One line.
        var description: String {
            "\(path) \(device):\(inode) \(size) \(modifiedSeconds).\(modifiedNanoseconds)"
        }
    }

    /// The identity of a file, with its real path; nil when there is no such file.
    static func identity(of path: String) -> Identity? {
        var info = stat()
        guard stat(path, &info) == 0, info.st_mode & S_IFMT == S_IFREG, let real = realpath(path, nil) else {
            return nil
        }
        defer { free(real) }
        #if canImport(Darwin)
            let modified = info.st_mtimespec
        #else
            let modified = info.st_mtim
        #endif
        return Identity(
            path: String(cString: real),
            device: UInt64(truncatingIfNeeded: info.st_dev),
            inode: UInt64(info.st_ino),
            size: Int64(info.st_size),
            modifiedSeconds: Int64(modified.tv_sec),
            modifiedNanoseconds: Int64(modified.tv_nsec)
        )
    }

    /// The content of a small file; nil when it cannot be read.
    static func text(_ path: String) -> String? {
        guard let bytes = try? read(path) else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The bytes of a file.
    ///
    /// - Throws: ``ONNXError`` with code `notFound`, or `invalidConfiguration` when it is larger than ``maximumBytes``.
    package static func read(_ path: String) throws -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw ONNXError(.notFound, "cannot read \(path): \(String(cString: strerror(errno)))")
        }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = readSome(descriptor, &chunk)
            guard count >= 0 else {
                throw ONNXError(.notFound, "cannot read \(path): \(String(cString: strerror(errno)))")
            }
            if count == 0 { return bytes }
            bytes.append(contentsOf: chunk[..<count])
            guard bytes.count <= maximumBytes else {
                throw ONNXError(.invalidConfiguration, "\(path) has more than \(maximumBytes) bytes")
            }
        }
    }

    /// Calls `read(2)` again when a signal interrupts it.
    private static func readSome(_ descriptor: Int32, _ chunk: inout [UInt8]) -> Int {
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
}
