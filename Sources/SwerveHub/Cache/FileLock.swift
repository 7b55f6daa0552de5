internal import Logging
internal import SwerveSystem

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
            // Group-writable, as in Python, for caches shared by several users.
            let lock = try await Disk.run { try Files.adapted(LockedFile(path, makingWith: 0o664)) }
            if let lock {
                // Held until the body is over. The file stays, because others may be waiting on it.
                defer { withExtendedLifetime(lock) {} }
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
}
