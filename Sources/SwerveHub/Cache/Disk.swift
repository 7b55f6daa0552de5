internal import NIOPosix

/// Runs what blocks on the file system on the threads that NIO keeps for it.
///
/// Neither an event loop nor a thread of Swift's pool waits for a disk.
enum Disk {
    /// - Throws: what `work` throws, or `CancellationError` when the task is cancelled before the work begins.
    static func run<Result: Sendable>(_ work: @escaping @Sendable () throws -> Result) async throws -> Result {
        try await NIOThreadPool.singleton.runIfActive(work)
    }
}
