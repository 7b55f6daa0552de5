internal import NIOCore
internal import NIOPosix
internal import SwerveCore
internal import Synchronization

/// A call whose caller stops waiting at a deadline, whatever the replica does.
final class TimedCall: Sendable {
    private enum Phase {
        case idle
        case waiting(UnsafeContinuation<CallResult, any Error>)
        case over
    }
    private struct State {
        var phase = Phase.idle
        var task: Task<Void, Never>?
        var timer: Scheduled<Void>?
    }
    private let state = Mutex(State())

    /// Runs a call, and cancels it when the deadline passes or the caller is cancelled.
    ///
    /// - Throws: ``ServeError`` with code `deadlineExceeded`; what the call throws.
    static func run(
        until deadline: RequestDeadline,
        _ call: @escaping @Sendable () async throws -> CallResult
    ) async throws -> CallResult {
        let timed = TimedCall()
        return try await withTaskCancellationHandler {
            try await withUnsafeThrowingContinuation { timed.start($0, deadline, call) }
        } onCancel: {
            timed.end(.failure(CancellationError()))
        }
    }

    private func start(
        _ continuation: UnsafeContinuation<CallResult, any Error>,
        _ deadline: RequestDeadline,
        _ call: @escaping @Sendable () async throws -> CallResult
    ) {
        let isCancelled = state.withLock { state in
            guard case .idle = state.phase else { return true }
            state.phase = .waiting(continuation)
            return false
        }
        if isCancelled { return continuation.resume(throwing: CancellationError()) }
        // Unstructured: a method that does not heed its cancellation must not hold up the caller. It keeps its lease.
        let task = Task {
            do { self.end(.success(try await call())) } catch { self.end(.failure(error)) }
        }
        let clock = deadline.clock ?? MultiThreadedEventLoopGroup.singleton.any()
        let timer = clock.scheduleTask(deadline: deadline.time) { self.end(.failure(Self.timedOut)) }
        let isOver = state.withLock { state in
            if case .over = state.phase { return true }
            state.task = task
            state.timer = timer
            return false
        }
        if isOver {
            task.cancel()
            timer.cancel()
        }
    }

    private func end(_ result: Result<CallResult, any Error>) {
        let ended = state.withLock { state in
            defer { state = State(phase: .over) }
            return state
        }
        ended.timer?.cancel()
        ended.task?.cancel()
        if case .waiting(let continuation) = ended.phase { continuation.resume(with: result) }
    }

    private static let timedOut = ServeError(.deadlineExceeded, "the call took longer than its deadline allowed")
}
