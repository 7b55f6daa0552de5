internal import Dispatch
internal import SwerveActors
internal import SwerveSystem
internal import Synchronization

/// Threads for blocking calls, separate from Swift's cooperative pool.
///
/// Jobs start in the order in which they were submitted. When the object is released, waiting jobs still run; then the
/// threads exit.
package final class BlockingThread: Sendable {
    private struct Job: Sendable {
        let id: UInt64
        /// Does the work and returns a closure that hands over its result.
        let run: @Sendable () -> @Sendable () -> Void
        let drop: @Sendable () -> Void
    }

    private struct State {
        var queue: [Job] = []
        var nextID: UInt64 = 0
        var runningJobs = 0
        var isStopped = false
    }

    /// The state that the threads hold; it does not keep the `BlockingThread` alive.
    private final class Shared: Sendable {
        let state = Mutex(State())
        let available = DispatchSemaphore(value: 0)

        func work() {
            while true {
                available.wait()
                let (job, isStopped): (Job?, Bool) = state.withLock { state in
                    guard !state.queue.isEmpty else { return (nil, state.isStopped) }
                    state.runningJobs += 1
                    return (state.queue.removeFirst(), false)
                }
                if let job {
                    let handOver = job.run()
                    // Before handing over: whoever gets the result may submit the next job at once, and this thread is
                    // free for it.
                    state.withLock { $0.runningJobs -= 1 }
                    handOver()
                } else if isStopped {
                    return
                }
            }
        }
    }

    private let shared = Shared()
    private let count: Int
    private let queueLimit: Int

    /// - Parameters:
    ///   - count: the number of threads, at least 1; 1 by default.
    ///   - queueLimit: how many jobs may wait; the next one fails with ``ONNXError/Code/queueFull``.
    /// - Throws: ``ONNXError`` with code `outOfResources` when a thread cannot be started.
    package init(count: Int = 1, queueLimit: Int) throws {
        precondition(count > 0 && queueLimit >= 0)
        self.count = count
        self.queueLimit = queueLimit
        for _ in 0..<count { try BlockingThread.start(shared) }
    }

    deinit {
        shared.state.withLock { $0.isStopped = true }
        for _ in 0..<count { shared.available.signal() }
    }

    /// How many jobs wait for a thread.
    package var waitingJobs: Int { shared.state.withLock { $0.queue.count } }

    /// Runs work on one of the threads and waits for its result without blocking.
    ///
    /// When the task is cancelled while the work waits, the work is dropped and `CancellationError` is thrown at once.
    /// When it is cancelled while the work runs, `onCancel` is called and the result is still awaited.
    ///
    /// - Parameters:
    ///   - onCancel: called when the task is cancelled: before, during or after the work, from any thread.
    ///   - work: may block.
    /// - Throws: what `work` throws, `CancellationError`, or ``ONNXError`` with code `queueFull`.
    package func run<Result: Sendable>(
        onCancel: @escaping @Sendable () -> Void = {},
        _ work: @escaping @Sendable () throws -> Result
    ) async throws -> Result {
        let id = shared.state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        // Passes the context on, so that a session opened on a thread knows which replica it is for.
        let context = ReplicaContext.current
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let job = Job(
                    id: id,
                    run: {
                        let result = Swift.Result { try ReplicaContext.$current.withValue(context, operation: work) }
                        return { continuation.resume(with: result) }
                    },
                    drop: { continuation.resume(throwing: CancellationError()) }
                )
                guard enqueue(job) else {
                    let error = ONNXError(.queueFull, "the queue is full: \(queueLimit) runs are waiting")
                    continuation.resume(throwing: error)
                    return
                }
                // A cancellation before the job was queued found nothing to drop.
                if Task.isCancelled { drop(id) }
            }
        } onCancel: {
            drop(id)
            onCancel()
        }
    }

    private func enqueue(_ job: Job) -> Bool {
        let isAccepted = shared.state.withLock { state in
            // Jobs for which a thread is free do not wait, so they do not count.
            guard state.queue.count < queueLimit + count - state.runningJobs else { return false }
            state.queue.append(job)
            return true
        }
        if isAccepted { shared.available.signal() }
        return isAccepted
    }

    private func drop(_ id: UInt64) {
        let job = shared.state.withLock { state in
            state.queue.firstIndex { $0.id == id }.map { state.queue.remove(at: $0) }
        }
        job?.drop()
    }

    /// - Throws: ``ONNXError`` with code `outOfResources`.
    private static func start(_ shared: Shared) throws {
        do {
            try SystemThread.start { shared.work() }
        } catch {
            throw ONNXError(.outOfResources, "cannot start a thread: \(error)")
        }
    }
}
