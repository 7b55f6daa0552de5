#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// What the file system tells about a file.
package struct FileStatus: Sendable {
    package enum Kind: Sendable {
        case file, folder, other
    }

    package let kind: Kind
    package let size: Int
    /// The user who owns the file.
    package let owner: UInt32
    package let device: UInt64
    package let inode: UInt64
    /// When its content changed last, in seconds and nanoseconds since 1970.
    package let modifiedSeconds: Int
    package let modifiedNanoseconds: Int
    /// How many names the file has; 0 when it was removed and somebody still has it open.
    package let links: Int

    /// - Returns: nil when there is no such file, or it may not be looked at.
    package init?(_ path: String, followingLinks: Bool = true) {
        var info = stat()
        guard (followingLinks ? stat(path, &info) : lstat(path, &info)) == 0 else { return nil }
        self.init(info)
    }

    /// - Parameter descriptor: an open file.
    init?(_ descriptor: Int32) {
        var info = stat()
        guard fstat(descriptor, &info) == 0 else { return nil }
        self.init(info)
    }

    private init(_ info: stat) {
        kind =
            switch info.st_mode & S_IFMT {
            case S_IFREG: .file
            case S_IFDIR: .folder
            default: .other
            }
        size = Int(info.st_size)
        owner = info.st_uid
        device = UInt64(truncatingIfNeeded: info.st_dev)
        inode = UInt64(info.st_ino)
        #if canImport(Darwin)
            let modified = info.st_mtimespec
        #else
            let modified = info.st_mtim
        #endif
        modifiedSeconds = modified.tv_sec
        modifiedNanoseconds = modified.tv_nsec
        links = Int(info.st_nlink)
    }
}

/// Distinguishes a file from other files, and from earlier versions of itself.
package struct FileIdentity: Hashable, Sendable, CustomStringConvertible {
    private let path: String
    private let device: UInt64
    private let inode: UInt64
    private let size: Int
    private let modifiedSeconds: Int
    private let modifiedNanoseconds: Int

    /// The identity of a file, with its real path.
    ///
    /// - Returns: nil when there is no such file.
    package init?(_ path: String) {
        guard let status = FileStatus(path), status.kind == .file, let real = realpath(path, nil) else { return nil }
        defer { free(real) }
        self.path = String(cString: real)
        device = status.device
        inode = status.inode
        size = status.size
        modifiedSeconds = status.modifiedSeconds
        modifiedNanoseconds = status.modifiedNanoseconds
    }

    /// One line.
    package var description: String {
        "\(path) \(device):\(inode) \(size) \(modifiedSeconds).\(modifiedNanoseconds)"
    }
}
