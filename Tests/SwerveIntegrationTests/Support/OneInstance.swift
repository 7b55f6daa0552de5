import Foundation
import Swerve
import Testing

/// One suite of this process at a time uses the instance of Swerve, of which a process has one.
///
/// The suites are in several modules, so what they lock is a file that all know: the package's.
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
        // On a thread of its own: the suite before may take a while.
        await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                while flock(descriptor, LOCK_EX) != 0, errno == EINTR {}
                continuation.resume()
            }
        }
        // Read by the runtime when a replica's process starts: a trap that a test wants needs no backtrace.
        setenv("SWIFT_BACKTRACE", "enable=no", 1)
        let result: Result<Void, any Error>
        do {
            result = .success(try await body())
        } catch {
            result = .failure(error)
        }
        // The next suite starts an instance with options of its own.
        await Serve.shutdown()
        try result.get()
    }
}

extension Trait where Self == OneInstance {
    static var oneInstance: OneInstance { OneInstance() }
}
