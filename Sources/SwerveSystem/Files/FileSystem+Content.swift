internal import CSwerveSystem

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

extension FileSystem {
    /// The bytes of a file.
    ///
    /// - Throws: ``SystemFailure`` with code `fileTooLarge` when it has more than `limit` bytes.
    package static func read(_ path: String, limit: Int) throws(SystemFailure) -> [UInt8] {
        do throws(ErrorNumber) {
            let file = try Descriptor(opening: path, O_RDONLY)
            var bytes: [UInt8] = []
            var chunk = [UInt8](repeating: 0, count: 65_536)
            while true {
                let count = try Descriptors.read(file.number, into: &chunk)
                if count == 0 { return bytes }
                bytes.append(contentsOf: chunk[..<count])
                guard bytes.count <= limit else { throw .fileTooLarge }
            }
        } catch {
            throw SystemFailure("read", path, error)
        }
    }

    /// Writes a file so that others see all of it or nothing.
    ///
    /// - Parameter mode: who may do what with the file, less what the process's mask takes away.
    package static func write(_ bytes: [UInt8], to path: String, mode: UInt32) throws(SystemFailure) {
        let scratch = "\(path).\(String(UInt32.random(in: .min ... .max), radix: 16)).tmp"
        let file: Descriptor
        do {
            file = try Descriptor(opening: scratch, O_WRONLY | O_CREAT | O_EXCL, mode: mode)
        } catch {
            throw SystemFailure("write", scratch, error)
        }
        do throws(SystemFailure) {
            do { try Descriptors.writeAll(file.number, bytes) } catch { throw SystemFailure("write", path, error) }
            try rename(scratch, to: path)
        } catch {
            unlink(scratch)
            throw error
        }
    }

    /// Copies a file so that others see all of the copy or nothing, also after a power failure. File systems that can
    /// share the bytes of two files do so.
    ///
    /// - Parameter mode: who may do what with the copy, less what the process's mask takes away.
    package static func copy(_ source: String, to path: String, mode: UInt32) throws(SystemFailure) {
        let scratch = "\(path).\(String(UInt32.random(in: .min ... .max), radix: 16)).tmp"
        do throws(SystemFailure) {
            let from: Descriptor
            do { from = try Descriptor(opening: source, O_RDONLY) } catch { throw SystemFailure("read", source, error) }
            do throws(ErrorNumber) {
                let to = try Descriptor(opening: scratch, O_WRONLY | O_CREAT | O_EXCL, mode: mode)
                try copy(from, to)
                guard fsync(to.number) == 0 else { throw .last }
            } catch {
                throw SystemFailure("write", path, error)
            }
            try rename(scratch, to: path)
        } catch {
            unlink(scratch)
            throw error
        }
    }

    private static func copy(_ from: borrowing Descriptor, _ to: borrowing Descriptor) throws(ErrorNumber) {
        // As far as the system can; the rest goes through this process.
        swerve_copy_file(from.number, to.number)
        var chunk = [UInt8](repeating: 0, count: 1 << 20)
        while case let count = try Descriptors.read(from.number, into: &chunk), count > 0 {
            try Descriptors.writeAll(to.number, chunk[..<count])
        }
    }

    /// Writes to a file in place, as the files by which the kernel is told something need it.
    package static func overwrite(_ path: String, _ bytes: [UInt8]) throws(SystemFailure) {
        do throws(ErrorNumber) {
            let file = try Descriptor(opening: path, O_WRONLY | O_CREAT | O_TRUNC, mode: 0o644)
            try Descriptors.writeAll(file.number, bytes)
        } catch {
            throw SystemFailure("write", path, error)
        }
    }

    /// Adds bytes to the end of a file. Links are not followed.
    ///
    /// - Parameter mode: who may do what with the file if it is made.
    package static func append(_ bytes: [UInt8], to path: String, mode: UInt32) throws(SystemFailure) {
        do throws(ErrorNumber) {
            let file = try Descriptor(opening: path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, mode: mode)
            try Descriptors.writeAll(file.number, bytes)
        } catch {
            throw SystemFailure("write", path, error)
        }
    }

    /// Returns once a file's bytes, or a folder's names, are on the disk.
    package static func sync(_ path: String) throws(SystemFailure) {
        do throws(ErrorNumber) {
            let file = try Descriptor(opening: path, O_RDONLY)
            guard fsync(file.number) == 0 else { throw .last }
        } catch {
            throw SystemFailure("write", path, error)
        }
    }
}

/// A file that is open for reading, at any place in it.
package final class ReadOnlyFile: Sendable {
    private let path: String
    private let descriptor: Descriptor

    /// - Parameter followsLink: whether a link is followed in the last part of the path.
    package init(_ path: String, followsLink: Bool = true) throws(SystemFailure) {
        self.path = path
        do {
            descriptor = try Descriptor(opening: path, O_RDONLY | (followsLink ? 0 : O_NOFOLLOW | O_NONBLOCK))
        } catch {
            throw SystemFailure("read", path, error)
        }
    }

    /// What the system tells about the file that is open.
    package var status: FileStatus? { FileStatus(descriptor.number) }

    /// Reads bytes from `offset` on, at most as many as the buffer holds; goes on when a signal interrupts it.
    ///
    /// - Returns: the number of bytes; 0 at the end of the file.
    package func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(SystemFailure) -> Int {
        while true {
            let count = pread(descriptor.number, buffer.baseAddress, buffer.count, off_t(offset))
            if count >= 0 { return count }
            if errno != EINTR { throw SystemFailure("read", path, .last) }
        }
    }
}

/// A file that is open for reading and writing.
package final class OpenFile: Sendable {
    private let path: String
    private let descriptor: Descriptor

    /// Opens the file, or makes it. Does not follow a link.
    package init(_ path: String, mode: UInt32) throws(SystemFailure) {
        self.path = path
        do {
            descriptor = try Descriptor(opening: path, O_RDWR | O_CREAT | O_NOFOLLOW, mode: mode)
        } catch {
            throw SystemFailure("write", path, error)
        }
    }

    /// Reads the next bytes, at most as many as the chunk holds; 0 at the end of the file.
    package func read(into chunk: inout [UInt8]) throws(SystemFailure) -> Int {
        do { return try Descriptors.read(descriptor.number, into: &chunk) } catch {
            throw SystemFailure("read", path, error)
        }
    }

    /// Writes all bytes where the last call stopped.
    package func writeAll(_ bytes: UnsafeRawBufferPointer) throws(SystemFailure) {
        do { try Descriptors.writeAll(descriptor.number, bytes) } catch { throw SystemFailure("write", path, error) }
    }

    /// Discards all bytes.
    package func empty() throws(SystemFailure) {
        guard ftruncate(descriptor.number, 0) == 0, lseek(descriptor.number, 0, SEEK_SET) == 0 else {
            throw SystemFailure("empty", path, .last)
        }
    }

    /// Returns once the bytes are on the disk.
    package func sync() throws(SystemFailure) {
        guard fsync(descriptor.number) == 0 else { throw SystemFailure("write", path, .last) }
    }
}
