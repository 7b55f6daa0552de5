import Dispatch
import SwerveONNX
import SwerveTensor
import Synchronization
import TestSupport
import Testing

/// Blocks a thread until it is opened.
private final class Gate: Sendable {
    private let opened = DispatchSemaphore(value: 0)
    private let entered = AsyncStream.makeStream(of: Void.self)

    func pass() {
        entered.continuation.yield()
        opened.wait()
    }

    func waitUntilEntered() async {
        for await _ in entered.stream { return }
    }

    func open() {
        opened.signal()
    }
}

private final class Flag: Sendable {
    private let value = Atomic(false)

    var isSet: Bool { value.load(ordering: .acquiring) }

    func set() {
        value.store(true, ordering: .releasing)
    }
}

@Suite("Blocking threads and cancellation")
struct BlockingThreadTests {
    @Test("Jobs run in order, and their errors reach the caller")
    func order() async throws {
        let thread = try BlockingThread(queueLimit: 10)
        let seen = Mutex<[Int]>([])
        for number in 0..<5 { try await thread.run { seen.withLock { $0.append(number) } } }
        #expect(seen.withLock { $0 } == [0, 1, 2, 3, 4])
        let error = await #expect(throws: ONNXError.self) {
            try await thread.run { throw ONNXError(.runFailed, "expected") }
        }
        #expect(error?.message == "expected")
    }

    @Test("A job beyond the queue limit is refused, and the others still run")
    func queueLimit() async throws {
        let thread = try BlockingThread(queueLimit: 1)
        let gate = Gate()
        try await withThrowingTaskGroup(of: Int.self) { group in
            group.addTask {
                try await thread.run {
                    gate.pass(); return 1
                }
            }
            await gate.waitUntilEntered()
            // Of two more jobs, only one may wait; it may be either.
            for _ in 0..<2 {
                group.addTask {
                    do {
                        return try await thread.run { 10 }
                    } catch let error as ONNXError {
                        #expect(error.code == .queueFull)
                        gate.open()
                        return 100
                    }
                }
            }
            var sum = 0
            for try await number in group { sum += number }
            #expect(sum == 111)
        }
    }

    @Test("A waiting job is dropped when its task is cancelled, without waiting for the running one")
    func cancelWaiting() async throws {
        let thread = try BlockingThread(queueLimit: 5)
        let gate = Gate()
        let didRun = Flag()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await thread.run { gate.pass() } }
            await gate.waitUntilEntered()
            try await withThrowingTaskGroup(of: Void.self) { waiting in
                waiting.addTask { try await thread.run { didRun.set() } }
                try await eventually("a job waits") { thread.waitingJobs > 0 }
                waiting.cancelAll()
                do {
                    try await waiting.next()
                    Issue.record("the job ended as if it had not been cancelled")
                } catch {
                    #expect(error is CancellationError)
                }
            }
            gate.open()
            try await group.waitForAll()
        }
        try await thread.run {}
        #expect(!didRun.isSet)
    }

    @Test("A running job is notified when its task is cancelled, and its result is awaited")
    func cancelRunning() async throws {
        let thread = try BlockingThread(queueLimit: 5)
        let gate = Gate()
        let result = try await withThrowingTaskGroup(of: Int.self) { group in
            group.addTask {
                try await thread.run(onCancel: gate.open) {
                    gate.pass()
                    return 7
                }
            }
            await gate.waitUntilEntered()
            group.cancelAll()
            return try await group.next()
        }
        #expect(result == 7)
    }

    @Test("Two threads work at the same time")
    func twoThreads() async throws {
        let thread = try BlockingThread(count: 2, queueLimit: 0)
        let (first, second) = (Gate(), Gate())
        async let one: Void = thread.run { first.pass() }
        async let two: Void = thread.run { second.pass() }
        await first.waitUntilEntered()
        await second.waitUntilEntered()
        first.open()
        second.open()
        _ = try await (one, two)
    }

    @Test("A job of an already cancelled task does not run")
    func cancelledBefore() async throws {
        let thread = try BlockingThread(queueLimit: 5)
        let gate = Gate()
        let didRun = Flag()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await thread.run { gate.pass() } }
            await gate.waitUntilEntered()
            let cancelled = Task {
                withUnsafeCurrentTask { $0?.cancel() }
                try await thread.run { didRun.set() }
            }
            await #expect(throws: CancellationError.self) { try await cancelled.value }
            gate.open()
            try await group.waitForAll()
        }
        try await thread.run {}
        #expect(!didRun.isSet)
    }

    @Test("A run of an already cancelled task ends at once")
    func runCancelledBefore() async throws {
        let session = try ONNXSession(.bytes(IdentityModel.bytes(.float32)), runtime: Golden.runtime())
        let input = try Tensor(shape: [1, 3], values: [Float(1), 2, 3])
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await session.run(["x": input])
        }
        await #expect(throws: CancellationError.self) { try await task.value }
    }
}
