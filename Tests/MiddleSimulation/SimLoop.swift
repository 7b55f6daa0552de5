import NIOCore

import class Dispatch.DispatchQueue

/// An event loop of a simulated process. The world decides when it runs its next task and what time it is.
final class SimLoop: EventLoop, @unchecked Sendable {
    // Unchecked: a world is confined to one thread.
    private unowned let world: World
    private var immediate: [@Sendable () -> Void] = []
    private var nextImmediate = 0
    private var timers: [Timer] = []
    private var nextTimer = 0

    private struct Timer {
        let id: Int
        let deadline: NIODeadline
        let run: () -> Void
        let abandon: () -> Void
    }

    init(_ world: World) {
        self.world = world
    }

    var inEventLoop: Bool { world.running === self }
    var now: NIODeadline { world.now }

    func execute(_ task: @escaping @Sendable () -> Void) {
        immediate.append(task)
    }

    func scheduleTask<T>(
        deadline: NIODeadline,
        _ task: @escaping @Sendable () throws -> T
    ) -> Scheduled<T> {
        let promise = makePromise(of: T.self)
        let id = nextTimer
        nextTimer += 1
        let timer = Timer(
            id: id,
            deadline: deadline,
            run: { do { promise.assumeIsolated().succeed(try task()) } catch { promise.fail(error) } },
            abandon: { promise.fail(EventLoopError.shutdown) }
        )
        let place = timers.firstIndex { $0.deadline > deadline } ?? timers.count
        timers.insert(timer, at: place)
        return Scheduled(promise: promise) {
            self.timers.removeAll { $0.id == id }
        }
    }

    func scheduleTask<T>(in delay: TimeAmount, _ task: @escaping @Sendable () throws -> T) -> Scheduled<T> {
        scheduleTask(deadline: now + delay, task)
    }

    func shutdownGracefully(queue: DispatchQueue, _ callback: @escaping @Sendable ((any Error)?) -> Void) {
        preconditionFailure("simulated loops are not shut down")
    }

    // MARK: For the world

    var hasWork: Bool { nextImmediate < immediate.count || timers.first.map { $0.deadline <= world.now } ?? false }
    var wakeUp: NIODeadline? { timers.first?.deadline }

    /// Runs one task.
    func runNext() {
        if let timer = timers.first, timer.deadline <= world.now {
            timers.removeFirst()
            world.run(on: self) { timer.run() }
            return
        }
        guard nextImmediate < immediate.count else { return }
        let task = immediate[nextImmediate]
        nextImmediate += 1
        if nextImmediate == immediate.count {
            // Releasing tasks can add new ones, which must not happen while the array is being changed.
            let finished = immediate
            immediate = []
            nextImmediate = 0
            withExtendedLifetime(finished) {}
        }
        world.run(on: self) { task() }
    }

    /// Drops all tasks and timers after the process has died.
    func drop() {
        world.run(on: self) {
            for timer in timers { timer.abandon() }
            var left: Any? = (immediate, timers)
            immediate = []
            nextImmediate = 0
            timers = []
            // Releases what the tasks hold on its own loop.
            withExtendedLifetime(left) { left = nil }
        }
    }
}

/// Runs the tasks of a simulated process, one job each time the world asks for it.
final class SimExecutor: TaskExecutor, @unchecked Sendable {
    // Unchecked: a world is confined to one thread.
    private var jobs: [UnownedJob] = []

    var count: Int { jobs.count }

    func enqueue(_ job: consuming ExecutorJob) {
        jobs.append(UnownedJob(job))
    }

    func run(_ index: Int) {
        jobs.remove(at: index).runSynchronously(on: asUnownedTaskExecutor())
    }
}
