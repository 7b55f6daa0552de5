package import NIOCore

/// Begins tasks on the thread of an event loop: as a task's preferred executor it runs the task there until it first
/// waits for something. What comes later goes to the Swift pool.
package final class LoopExecutor: TaskExecutor, @unchecked Sendable {
    // Unchecked, also the exclusivity of accesses: the variables are touched on the event loop only, and no access lasts
    // over a job.
    private let eventLoop: any EventLoop
    @exclusivity(unchecked) private var isBeginning = false
    /// A hop to an actor is a job of its own; jobs are run in turn, not one inside the other.
    @exclusivity(unchecked) private var jobs: [UnownedJob] = []

    package init(_ eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    /// Called on the event loop; the work has begun, and maybe ended, when it returns.
    func begin(_ work: @escaping @Sendable () async -> Void) {
        isBeginning = true
        // Unstructured: it ends as soon as the requests have begun.
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
