internal import NIOCore
internal import Synchronization

/// Runs the tasks of the requests that arrived together one after the other on one thread of the Swift pool.
///
/// A hop to the pool per request costs more than the rest of the replica's work. As a task's preferred executor this one
/// collects the jobs of a batch and has them run by one job of the pool, where a task takes its actor without another
/// hop. It is for requests that are likely to be short; when one turns out long, the rest of the jobs is given to
/// another thread.
final class BatchExecutor: TaskExecutor {
    private struct State {
        var jobs: [UnownedJob] = []
        var isDraining = false
    }
    private let state = Mutex(State())
    /// Told before the jobs of a batch run, and after: answers that they gave may leave now.
    private let begin: @Sendable () -> Void
    private let end: @Sendable () -> Void

    /// How long the jobs of one thread may take together before the rest goes to another one, in nanoseconds.
    static let limit: Int64 = 300_000

    init(begin: @escaping @Sendable () -> Void, end: @escaping @Sendable () -> Void) {
        self.begin = begin
        self.end = end
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let mustDrain = state.withLock { state in
            state.jobs.append(job)
            defer { state.isDraining = true }
            return !state.isDraining
        }
        if mustDrain { startDraining() }
    }

    private func startDraining() {
        // Unstructured: it runs what is there and ends.
        Task { self.drain() }
    }

    private func drain() {
        var isBegun = false
        let start = NIODeadline.now()
        while true {
            let jobs = state.withLock { state in
                defer { state.jobs = [] }
                state.isDraining = !state.jobs.isEmpty
                return state.jobs
            }
            if jobs.isEmpty { break }
            if !isBegun { begin() }
            isBegun = true
            if let rest = run(jobs, since: start) {
                state.withLock { $0.jobs = rest + $0.jobs }
                startDraining()
                break
            }
        }
        if isBegun { end() }
    }

    /// - Returns: the jobs that were not run because the time was over; `nil` when all were.
    private func run(_ jobs: [UnownedJob], since start: NIODeadline) -> [UnownedJob]? {
        for (index, job) in jobs.enumerated() {
            job.runSynchronously(on: asUnownedTaskExecutor())
            if (NIODeadline.now() - start).nanoseconds > Self.limit, index + 1 < jobs.count {
                return Array(jobs[(index + 1)...])
            }
        }
        return nil
    }
}
