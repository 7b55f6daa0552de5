#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// A `flock` on a file, held as long as this object lives.
///
/// An exclusive one excludes other processes as well as others in this process; a shared one excludes exclusive ones. The
/// system releases it when the process ends, however that happens, and the programs that the process starts do not
/// inherit it.
package final class LockedFile: Sendable {
    private let descriptor: Descriptor

    /// Makes the file, which must not be there, and locks it. Where the file system has no locks, the file is not
    /// locked, and nobody learns of it.
    package init(making path: String) throws(SystemFailure) {
        do {
            descriptor = try Descriptor(opening: path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o600)
        } catch {
            throw SystemFailure("make the lock", path, error)
        }
        flock(descriptor.number, LOCK_EX | LOCK_NB)
    }

    /// Locks the file.
    ///
    /// - Parameter mode: makes the file with this mode if it is not there; nil fails then.
    /// - Returns: nil when someone else holds the lock, or the file was removed in the meantime: then the lock would
    ///   exclude nobody.
    package init?(_ path: String, makingWith mode: UInt32? = nil) throws(SystemFailure) {
        do {
            let flags = O_RDWR | O_NOFOLLOW | (mode == nil ? 0 : O_CREAT)
            descriptor = try Descriptor(opening: path, flags, mode: mode ?? 0)
        } catch {
            throw SystemFailure("open the lock", path, error)
        }
        while flock(descriptor.number, LOCK_EX | LOCK_NB) != 0 {
            let code = errno
            if code == EINTR { continue }
            if code == EWOULDBLOCK || code == EAGAIN || code == EACCES { return nil }
            throw SystemFailure("lock", path, ErrorNumber(code))
        }
        guard let status = FileStatus(descriptor.number), status.links > 0 else { return nil }
    }

    /// Gives the lock back now, although this object lives on, or a child that is just being started still has the file.
    package func unlock() { flock(descriptor.number, LOCK_UN) }

    /// Waits for the lock, without limit, on the thread that calls. Makes the file if it is not there.
    ///
    /// - Parameters:
    ///   - isShared: whether others may hold a shared lock at the same time.
    ///   - mode: who may use the file, if it is made.
    package init(waitingFor path: String, isShared: Bool, makingWith mode: UInt32) throws(SystemFailure) {
        descriptor = try LockedFile.wait(for: path, isShared ? LOCK_SH : LOCK_EX, mode)
    }

    private static func wait(for path: String, _ lock: Int32, _ mode: UInt32) throws(SystemFailure) -> Descriptor {
        while true {
            let file: Descriptor
            do {
                file = try Descriptor(opening: path, O_RDWR | O_CREAT | O_NOFOLLOW, mode: mode)
            } catch {
                throw SystemFailure("open the lock", path, error)
            }
            while flock(file.number, lock) != 0 {
                guard errno == EINTR else { throw SystemFailure("lock", path, .last) }
            }
            // Whoever held it may have removed the file. A lock on it would then exclude nobody.
            if let status = FileStatus(file.number), status.links > 0 { return file }
        }
    }
}
