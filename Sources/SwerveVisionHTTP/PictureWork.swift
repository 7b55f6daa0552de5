internal import SwerveSystem
internal import Synchronization

/// Where pictures are decoded, drawn and encoded: on the Swift pool instead of the caller's actor, a few at a time.
///
/// A picture takes tens of milliseconds of computing. On a replica's actor it would hold up the replica's other
/// requests, even when these only wait for the model. ``SwerveHTTPTypes/ServeRequest/image(as:isUpright:field:limits:maxBytes:)``
/// and ``SwerveHTTPTypes/ServeResponse/image(_:for:)`` work here. Own work on pictures can, too:
/// ```swift
/// let image = try await request.image()
/// let sharp = try await PictureWork.current.run { try image.sharpened(factor: 8) }
/// ```
/// Work beyond the limit waits in the order in which it came. Work whose task is cancelled while it waits never begins.
/// The queue has no limit of its own: a replica's `maxOngoingRequests` bounds it.
public final class PictureWork: Sendable {
    private struct Waiter {
        let id: UInt64
        let turn: CheckedContinuation<Void, any Error>
    }

    private struct State {
        var running = 0
        var nextID: UInt64 = 0
        var waiters: [Waiter] = []
    }

    /// How much work runs at a time.
    public let limit: Int
    private let state = Mutex(State())

    /// Where the current task's pictures are worked on. Unless it is bound with `withValue`, this is one place for the
    /// whole process, whose limit is the number of cores that the process may use.
    @TaskLocal public static var current = PictureWork(limit: ThisProcess.allowedCores)

    /// - Parameter limit: how much work runs at a time; less than 1 counts as 1.
    public init(limit: Int) {
        self.limit = max(1, limit)
    }

    /// How much work waits for its turn.
    package var waitingCount: Int { state.withLock { $0.waiters.count } }

    /// Runs work on the Swift pool when its turn comes, and waits for it.
    ///
    /// - Parameter work: computes, and does not block.
    /// - Throws: what `work` throws; `CancellationError` when the task is cancelled before the work begins.
    public func run<Result: Sendable>(_ work: @escaping @Sendable () throws -> Result) async throws -> Result {
        try await holdingTurn {
            // A request may begin with an event loop's thread as its preferred place; the work must not.
            try await withTaskExecutorPreference(globalConcurrentExecutor) { try await Self.onPool(work) }
        }
    }

    /// Waits for a turn, and keeps it for as long as `operation` takes.
    func holdingTurn<Result>(_ operation: () async throws -> Result) async throws -> Result {
        try await takeTurn()
        defer { endTurn() }
        return try await operation()
    }

    @concurrent private static func onPool<Result: Sendable>(
        _ work: @Sendable () throws -> Result
    ) async throws -> Result {
        try work()
    }

    private func takeTurn() async throws {
        try Task.checkCancellation()
        let id: UInt64? = state.withLock { state in
            if state.running < limit {
                state.running += 1
                return nil
            }
            state.nextID += 1
            return state.nextID
        }
        guard let id else { return }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { turn in
                let mayRun = state.withLock { state in
                    // Work may have ended since it was counted.
                    if state.running < limit {
                        state.running += 1
                        return true
                    }
                    state.waiters.append(Waiter(id: id, turn: turn))
                    return false
                }
                if mayRun { return turn.resume() }
                // A cancellation that came before found nobody waiting.
                if Task.isCancelled { giveUp(id) }
            }
        } onCancel: {
            giveUp(id)
        }
    }

    private func giveUp(_ id: UInt64) {
        let waiter = state.withLock { state in
            state.waiters.firstIndex { $0.id == id }.map { state.waiters.remove(at: $0) }
        }
        waiter?.turn.resume(throwing: CancellationError())
    }

    /// Passes the turn on to whoever has waited longest.
    private func endTurn() {
        let next: Waiter? = state.withLock { state in
            if !state.waiters.isEmpty { return state.waiters.removeFirst() }
            state.running -= 1
            return nil
        }
        next?.turn.resume()
    }
}
