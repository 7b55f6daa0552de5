#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// A file in this process's memory: what is written there is in the file, also when the process is killed.
package final class MappedFile: @unchecked Sendable {
    // Unchecked: only hands out the memory; who uses it sees to it that accesses do not clash.
    package let memory: UnsafeMutableRawPointer
    package let count: Int

    /// Makes a file of zeros that only this user may read. What is never written to takes no room.
    ///
    /// - Throws: also if there is a file already.
    package init(making path: String, bytes: Int) throws(SystemFailure) {
        let file: Descriptor
        do {
            file = try Descriptor(opening: path, O_RDWR | O_CREAT | O_EXCL, mode: 0o600)
        } catch {
            throw SystemFailure("open", path, error)
        }
        guard ftruncate(file.number, off_t(bytes)) == 0 else { throw SystemFailure("ftruncate", path, .last) }
        memory = try Self.map(file, bytes, PROT_READ | PROT_WRITE, path)
        count = bytes
    }

    /// Maps a file of another process for reading, as long as it is now.
    package init(reading path: String) throws(SystemFailure) {
        let file: Descriptor
        do {
            file = try Descriptor(opening: path, O_RDONLY, mode: 0)
        } catch {
            throw SystemFailure("open", path, error)
        }
        guard let status = FileStatus(file.number) else { throw SystemFailure("fstat", path, .last) }
        guard status.kind == .file, status.size > 0 else { throw SystemFailure("map", path, .invalidArgument) }
        memory = try Self.map(file, status.size, PROT_READ, path)
        count = status.size
    }

    private static func map(
        _ file: borrowing Descriptor,
        _ bytes: Int,
        _ protection: Int32,
        _ path: String
    ) throws(SystemFailure) -> UnsafeMutableRawPointer {
        let mapped = mmap(nil, bytes, protection, MAP_SHARED, file.number, 0)
        guard let mapped, mapped != MAP_FAILED else { throw SystemFailure("mmap", path, .last) }
        return mapped
    }

    deinit { munmap(memory, count) }
}
