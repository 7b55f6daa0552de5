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
        case file, folder, link, other
    }

    package let kind: Kind
    package let size: Int
    /// The user who owns the file.
    package let owner: UInt32
    /// Who may do what with the file: the nine bits of its mode.
    package let permissions: UInt32
    package let device: UInt64
    package let inode: UInt64
    /// When its content changed last, in seconds and nanoseconds since 1970.
    package let modifiedSeconds: Int
    package let modifiedNanoseconds: Int
    /// When anything about the file changed last, which nobody can set.
    package let changedSeconds: Int
    package let changedNanoseconds: Int
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
            case S_IFLNK: .link
            default: .other
            }
        size = Int(info.st_size)
        owner = info.st_uid
        permissions = UInt32(info.st_mode) & 0o777
        device = UInt64(truncatingIfNeeded: info.st_dev)
        inode = UInt64(info.st_ino)
        #if canImport(Darwin)
            let (modified, changed) = (info.st_mtimespec, info.st_ctimespec)
        #else
            let (modified, changed) = (info.st_mtim, info.st_ctim)
        #endif
        modifiedSeconds = modified.tv_sec
        modifiedNanoseconds = modified.tv_nsec
        changedSeconds = changed.tv_sec
        changedNanoseconds = changed.tv_nsec
        links = Int(info.st_nlink)
    }
}

/// Distinguishes a file from other files, and from earlier versions of itself.
///
/// The time of the last change is part of it: a file that was unpacked in the place of another may have the same size,
/// the same inode and the same modification time.
package struct FileIdentity: Hashable, Sendable, CustomStringConvertible {
    private let path: String
    private let device: UInt64
    private let inode: UInt64
    private let size: Int
    private let modifiedSeconds: Int
    private let modifiedNanoseconds: Int
    private let changedSeconds: Int
    private let changedNanoseconds: Int

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
        changedSeconds = status.changedSeconds
        changedNanoseconds = status.changedNanoseconds
    }

    /// One line.
    package var description: String {
        "\(path) \(device):\(inode) \(size) \(modifiedSeconds).\(modifiedNanoseconds) "
            + "\(changedSeconds).\(changedNanoseconds)"
    }
}
