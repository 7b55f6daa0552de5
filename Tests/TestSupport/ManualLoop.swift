package import Dispatch
package import NIOCore
internal import Synchronization

/// An event loop whose tasks run when the test says so, and whose time the test advances.
package final class ManualLoop: EventLoop {
    private struct Timer {
        let id: Int
        let deadline: NIODeadline
        let run: @Sendable () -> Void
    }
    private struct State {
        var tasks: [@Sendable () -> Void] = []
        var timers: [Timer] = []
        var nextTimer = 0
        var now = NIODeadline.uptimeNanoseconds(1_000_000_000)
        var isRunning = false
        var wakeUps = 0
    }
    private let state = Mutex(State())

    package init() {}

    /// How often ``execute(_:)`` was called.
    package var wakeUps: Int { state.withLock { $0.wakeUps } }
    package var isIdle: Bool { state.withLock { $0.tasks.isEmpty } }
    package var timerCount: Int { state.withLock { $0.timers.count } }
    package var nextTimer: NIODeadline? { state.withLock { $0.timers.map(\.deadline).min() } }

    /// True only while the test runs the loop: the tests that use it have one thread.
    package var inEventLoop: Bool { state.withLock { $0.isRunning } }
    package var now: NIODeadline { state.withLock { $0.now } }

    package func execute(_ task: @escaping @Sendable () -> Void) {
        state.withLock { state in
            state.tasks.append(task)
            state.wakeUps += 1
        }
    }

    package func scheduleTask<T>(deadline: NIODeadline, _ task: @escaping @Sendable () throws -> T) -> Scheduled<T> {
        let promise = makePromise(of: T.self)
        let id = state.withLock { state in
            state.nextTimer += 1
            let run: @Sendable () -> Void = { promise.assumeIsolated().completeWith(Result { try task() }) }
            state.timers.append(Timer(id: state.nextTimer, deadline: deadline, run: run))
            return state.nextTimer
        }
        return Scheduled(promise: promise) { self.state.withLock { $0.timers.removeAll { $0.id == id } } }
    }

    package func scheduleTask<T>(in delay: TimeAmount, _ task: @escaping @Sendable () throws -> T) -> Scheduled<T> {
        scheduleTask(deadline: now + delay, task)
    }

    package func shutdownGracefully(queue: DispatchQueue, _ callback: @escaping @Sendable ((any Error)?) -> Void) {
        queue.async { callback(nil) }
    }

    /// Runs the waiting tasks, and the tasks that they add.
    package func run() {
        while let tasks = takeTasks() {
            state.withLock { $0.isRunning = true }
            for task in tasks { task() }
            state.withLock { $0.isRunning = false }
        }
    }

    /// Calls `body` as if from the loop's thread.
    package func asLoop(_ body: () -> Void) {
        state.withLock { $0.isRunning = true }
        body()
        state.withLock { $0.isRunning = false }
    }

    /// Advances the time and runs what is due.
    package func advance(by time: TimeAmount) {
        let due = state.withLock { state -> [Timer] in
            state.now = state.now + time
            let now = state.now
            defer { state.timers.removeAll { $0.deadline <= now } }
            return state.timers.filter { $0.deadline <= now }.sorted { $0.deadline < $1.deadline }
        }
        asLoop { for timer in due { timer.run() } }
        run()
    }

    private func takeTasks() -> [@Sendable () -> Void]? {
        state.withLock { state in
            defer { state.tasks = [] }
            return state.tasks.isEmpty ? nil : state.tasks
        }
    }
}

/// An executor that runs its tasks when the test says so.
package final class ManualExecutor: TaskExecutor {
    private let jobs = Mutex<[UnownedJob]>([])

    package init() {}

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        jobs.withLock { $0.append(job) }
    }

    /// Runs all jobs, including those that they add.
    package func run() {
        while let job = jobs.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) {
            job.runSynchronously(on: asUnownedTaskExecutor())
        }
    }
}

/// A number that several threads change.
package final class Tally: Sendable {
    private let number = Atomic<Int>(0)
    private let highest = Atomic<Int>(0)

    package init() {}

    package var value: Int { number.load(ordering: .sequentiallyConsistent) }
    /// The highest value so far.
    package var most: Int { highest.load(ordering: .sequentiallyConsistent) }

    package func add(_ amount: Int = 1) {
        let new = number.add(amount, ordering: .sequentiallyConsistent).newValue
        _ = highest.max(new, ordering: .sequentiallyConsistent)
    }
}
