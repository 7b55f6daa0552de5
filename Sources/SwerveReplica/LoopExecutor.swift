package import NIOCore

/// Begins tasks on an event loop's thread. As a task's preferred executor, it runs the task there until the task first
/// waits; the rest runs on the Swift pool.
package final class LoopExecutor: TaskExecutor, @unchecked Sendable {
    // Unchecked, including the exclusivity of accesses: the variables are accessed only on the event loop, and no
    // access spans a job.
    private let eventLoop: any EventLoop
    @exclusivity(unchecked) private var isBeginning = false
    /// A hop to an actor is a separate job. Jobs run one after another, not nested.
    @exclusivity(unchecked) private var jobs: [UnownedJob] = []

    package init(_ eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    /// Called on the event loop. When it returns, the work has begun and may have ended.
    func begin(_ work: @escaping @Sendable () async -> Void) {
        isBeginning = true
        // Unstructured: ends as soon as the requests have begun.
        Task(executorPreference: self, operation: work)
        var next = 0
        while next < jobs.count {
            jobs[next].runSynchronously(on: asUnownedTaskExecutor())
            next += 1
        }
        jobs.removeAll(keepingCapacity: true)
        isBeginning = false
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        if eventLoop.inEventLoop, isBeginning {
            jobs.append(UnownedJob(job))
        } else {
            globalConcurrentExecutor.enqueue(job)
        }
    }
}
