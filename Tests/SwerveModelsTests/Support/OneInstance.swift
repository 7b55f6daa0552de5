import Foundation
import Swerve
import Testing

/// Lets only one suite at a time use the instance of Swerve; a process has only one.
///
/// The suites are in several modules, so they lock a file that all of them know: `Package.swift`.
struct OneInstance: SuiteTrait, TestScoping {
    private struct Failed: Error { let code: Int32 }

    func provideScope(
        for test: Test,
        testCase: Test.Case?,
        performing body: @Sendable @concurrent () async throws -> Void
    ) async throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let descriptor = open(root.appending(path: "Package.swift").path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Failed(code: errno) }
        defer { close(descriptor) }
        // On a separate thread, because the preceding suite may take a while.
        await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                while flock(descriptor, LOCK_EX) != 0, errno == EINTR {}
                continuation.resume()
            }
        }
        // The Swift runtime reads this when a replica's process starts: an intended trap needs no backtrace.
        setenv("SWIFT_BACKTRACE", "enable=no", 1)
        let result: Result<Void, any Error>
        do {
            result = .success(try await body())
        } catch {
            result = .failure(error)
        }
        // The next suite starts an instance with its own options.
        await Serve.shutdown()
        try result.get()
    }
}

extension Trait where Self == OneInstance {
    static var oneInstance: OneInstance { OneInstance() }
}
