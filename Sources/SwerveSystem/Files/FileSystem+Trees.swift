internal import CSwerveSystem

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

// Folders with all that is in them.
extension FileSystem {
    /// The names in a folder, as bytes and sorted.
    ///
    /// - Throws: where ``names(in:)`` returns nothing.
    package static func entries(in path: String) throws(SystemFailure) -> [[UInt8]] {
        guard let directory = opendir(path) else { throw SystemFailure("read the folder", path, .last) }
        defer { closedir(directory) }
        var names: [[UInt8]] = []
        errno = 0
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: MemoryLayout.size(ofValue: $0.pointee)) {
                    [UInt8](UnsafeRawBufferPointer(start: $0, count: strlen($0)))
                }
            }
            if name != Array(".".utf8), name != Array("..".utf8) { names.append(name) }
            errno = 0
        }
        if errno != 0 { throw SystemFailure("read the folder", path, .last) }
        return names.sorted { $0.lexicographicallyPrecedes($1) }
    }

    /// What a symbolic link says.
    package static func target(ofLink path: String) throws(SystemFailure) -> [UInt8] {
        var target = [CChar](repeating: 0, count: 4096)
        let count = readlink(path, &target, target.count)
        guard count >= 0 else { throw SystemFailure("read the link", path, .last) }
        return target[..<count].map { UInt8(bitPattern: $0) }
    }

    /// Makes a symbolic link where nothing is.
    package static func makeLink(_ path: String, to target: String) throws(SystemFailure) {
        guard symlink(target, path) == 0 else { throw SystemFailure("make a symbolic link at", path, .last) }
    }

    /// The path of what a path leads to, without links; nil if there is nothing.
    package static func realPath(_ path: String) -> String? {
        guard let real = realpath(path, nil) else { return nil }
        defer { free(real) }
        return String(cString: real)
    }

    /// A path that means the same in another current folder.
    package static func absolute(_ path: String) -> String {
        path.hasPrefix("/") ? path : "\(currentFolder)/\(path)"
    }

    /// Says who may do what with a file or a folder.
    package static func setMode(_ path: String, _ mode: UInt32) throws(SystemFailure) {
        guard chmod(path, mode_t(mode)) == 0 else { throw SystemFailure("change the mode of", path, .last) }
    }

    /// Notes that a file or a folder was used now, by its modification time.
    package static func touch(_ path: String) { _ = utimensat(AT_FDCWD, path, nil, 0) }

    /// Returns once everything on the file system of a folder is on the disk.
    package static func syncFileSystem(of path: String) throws(SystemFailure) {
        do throws(ErrorNumber) {
            let folder = try Descriptor(opening: path, O_RDONLY)
            guard swerve_sync_file_system(folder.number) == 0 else { throw .last }
        } catch {
            throw SystemFailure("write", path, error)
        }
    }

    /// Removes what is there, a folder with everything in it. Links are removed and not followed. What cannot be removed
    /// stays.
    package static func removeTree(_ path: String) {
        guard let status = FileStatus(path, followingLinks: false) else { return }
        guard status.kind == .folder else { return _ = unlink(path) }
        // Folders that nobody may write to would keep their files.
        chmod(path, status.permissions | 0o700)
        for name in names(in: path) { removeTree("\(path)/\(name)") }
        _ = rmdir(path)
    }
}

/// A new file that is written from the beginning to the end.
package final class NewFile: Sendable {
    private let path: String
    private let descriptor: Descriptor

    /// Makes the file, which must not be there.
    package init(_ path: String, mode: UInt32) throws(SystemFailure) {
        self.path = path
        do {
            descriptor = try Descriptor(opening: path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: mode)
        } catch {
            throw SystemFailure("write", path, error)
        }
    }

    package func writeAll(_ bytes: UnsafeRawBufferPointer) throws(SystemFailure) {
        do { try Descriptors.writeAll(descriptor.number, bytes) } catch { throw SystemFailure("write", path, error) }
    }
}
