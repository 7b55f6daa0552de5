internal import Logging

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#else
    internal import Darwin
#endif

/// Waits for a duration. Passed in from outside, so that tests do not have to wait.
package typealias Sleep = @Sendable (Duration) async throws -> Void

/// An exclusive `flock` on the file that `huggingface_hub` also locks, so that the two wait for each other.
///
/// It excludes other processes as well as other tasks of this process, and the system releases it when its holder dies.
enum FileLock {
    /// Runs the body while holding the lock.
    ///
    /// While someone else holds the lock, tries again after pauses that double, without blocking.
    ///
    /// - Throws: ``HubError`` with code `timeout` or `cacheUnusable`, `CancellationError`, or what the body throws.
    static func withLock<Result>(
        _ path: String,
        for file: String,
        limits: HubLimits,
        logger: Logger,
        sleep: Sleep,
        _ body: () async throws -> Result
    ) async throws -> Result {
        var pause = limits.lockPause
        var waited: Duration = .zero
        var nextLine: Duration = .zero
        while true {
            if let descriptor = try await Disk.run({ try tryLock(path) }) {
                // Closing releases the lock. The file stays, because others may be waiting on it.
                defer { close(descriptor) }
                return try await body()
            }
            guard waited < limits.lockTimeout else {
                throw HubError(
                    .timeout,
                    "another process has been downloading \(HubName.quoted(file)) for \(limits.lockTimeout), the limit "
                        + "lockTimeout; it holds the lock \(path)"
                )
            }
            if waited >= nextLine {
                logger.info("another process downloads this file; waiting for it", metadata: ["file": "\(file)"])
                nextLine = waited + .seconds(10)
            }
            try await sleep(pause)
            waited += pause
            pause = min(pause * 2, limits.lockPause * 16)
        }
    }

    /// Takes the lock and returns the descriptor that holds it; nil when someone else holds it.
    private static func tryLock(_ path: String) throws(HubError) -> Int32? {
        // Group-writable, as in Python, for caches shared by several users.
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o664)
        guard descriptor >= 0 else { throw Files.failure("open the lock", path, errno) }
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            let code = errno
            if code == EINTR { continue }
            close(descriptor)
            if code == EWOULDBLOCK || code == EAGAIN || code == EACCES { return nil }
            throw Files.failure("lock", path, code)
        }
        // Someone may have removed the file in the meantime; then the lock excludes nobody.
        var info = stat()
        guard fstat(descriptor, &info) == 0, info.st_nlink > 0 else {
            close(descriptor)
            return nil
        }
        return descriptor
    }
}
