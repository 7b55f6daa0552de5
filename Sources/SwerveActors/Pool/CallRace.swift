internal import NIOCore
internal import NIOPosix
internal import SwerveCore
internal import Synchronization

/// A call whose caller waits for the first of several ends: that of one of its attempts, or a deadline.
final class CallRace: Sendable {
    private enum Phase {
        case idle
        case running(UnsafeContinuation<CallResult, any Error>)
        case over
    }
    private struct State {
        var phase = Phase.idle
        var tasks: [Task<Void, Never>] = []
        var timers: [Scheduled<Void>] = []
    }
    private let state = Mutex(State())
    /// Where the attempts run. Timers begin some of them, and have no task of their own.
    private let executor = ServeContext.executor

    /// Waits for the first end, and cancels what is left then. `start` begins the first attempt.
    func outcome(_ start: @escaping @Sendable () -> Void) async throws -> CallResult {
        try await withTaskCancellationHandler {
            try await withUnsafeThrowingContinuation { continuation in
                let isCancelled = state.withLock { state in
                    guard case .idle = state.phase else { return true }
                    state.phase = .running(continuation)
                    return false
                }
                if isCancelled { return continuation.resume(throwing: CancellationError()) }
                start()
            }
        } onCancel: {
            end(.failure(CancellationError()))
        }
    }

    /// Begins an attempt. If it has no result, the others go on.
    func add(_ attempt: @escaping @Sendable () async throws -> CallResult?) {
        // Unstructured: a method that does not heed its cancellation must not hold up the caller. It keeps its lease.
        let task = Task(executorPreference: executor) {
            do {
                if let result = try await attempt() { self.end(.success(result)) }
            } catch {
                self.end(.failure(error))
            }
        }
        let isOver = state.withLock { state in
            if case .over = state.phase { return true }
            state.tasks.append(task)
            return false
        }
        if isOver { task.cancel() }
    }

    /// Does something at a time, unless the race is over by then.
    func at(_ time: NIODeadline, on clock: any EventLoop, _ action: @escaping @Sendable () -> Void) {
        let timer = clock.scheduleTask(deadline: time, action)
        let isOver = state.withLock { state in
            if case .over = state.phase { return true }
            state.timers.append(timer)
            return false
        }
        if isOver { timer.cancel() }
    }

    func end(_ result: Result<CallResult, any Error>) {
        let ended = state.withLock { state in
            defer { state = State(phase: .over) }
            return state
        }
        for timer in ended.timers { timer.cancel() }
        for task in ended.tasks { task.cancel() }
        if case .running(let continuation) = ended.phase { continuation.resume(with: result) }
    }

    /// Runs a call that ends at a deadline, whatever the replica does.
    ///
    /// - Throws: ``ServeError`` with code `deadlineExceeded`; what the call throws.
    static func run(
        until deadline: RequestDeadline,
        _ call: @escaping @Sendable () async throws -> CallResult
    ) async throws -> CallResult {
        let race = CallRace()
        return try await race.outcome {
            race.add(call)
            let clock = deadline.clock ?? MultiThreadedEventLoopGroup.singleton.any()
            race.at(deadline.time, on: clock) {
                race.end(
                    .failure(ServeError(.deadlineExceeded, "the call took longer than its deadline allowed"))
                )
            }
        }
    }
}
