import SwerveCore
import Testing

@testable import SwerveController

@Suite struct DeployWaiterTests {
    private let failure = ServeError(.startFailed, "it does not start")

    @Test func `a result that came before the wait is returned`() async throws {
        let good = DeployWaiter()
        good.end(.success(()))
        try await good.wait()
        let bad = DeployWaiter()
        bad.end(.failure(failure))
        await #expect(throws: failure) { try await bad.wait() }
    }

    @Test func `a waiting caller gets the result`() async throws {
        let waiter = DeployWaiter()
        let task = Task { try await waiter.wait() }
        await Task.yield()
        waiter.end(.failure(failure))
        await #expect(throws: failure) { try await task.value }
    }

    @Test func `the first result counts`() async throws {
        let waiter = DeployWaiter()
        waiter.end(.success(()))
        waiter.end(.failure(failure))
        try await waiter.wait()
    }

    @Test func `a cancelled caller stops waiting, whatever result comes later`() async {
        let waiter = DeployWaiter()
        let task = Task { try await waiter.wait() }
        await Task.yield()
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        waiter.end(.success(()))
    }

    @Test func `a caller cancelled before it waits does not wait`() async {
        let waiter = DeployWaiter()
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            try await waiter.wait()
        }
        await #expect(throws: CancellationError.self) { try await task.value }
    }

    @Test func `a caller is resumed once, whichever comes first`() async {
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<2_000 {
                let waiter = DeployWaiter()
                let task = Task { try await waiter.wait() }
                group.addTask {
                    if number % 2 == 0 { await Task.yield() }
                    task.cancel()
                }
                group.addTask { waiter.end(number % 3 == 0 ? .success(()) : .failure(CancellationError())) }
                group.addTask { _ = try? await task.value }
            }
        }
    }
}
