internal import NIOPosix

/// Runs blocking file system calls on the threads that NIO keeps for them.
///
/// So neither an event loop nor a thread of Swift's pool ever waits for a disk.
enum Disk {
    /// - Throws: what `work` throws, or `CancellationError` when the task is cancelled before the work begins.
    static func run<Result: Sendable>(_ work: @escaping @Sendable () throws -> Result) async throws -> Result {
        try await NIOThreadPool.singleton.runIfActive(work)
    }
}
