internal import Distributed
internal import NIOCore
internal import SwerveCore
internal import SwerveRouting
internal import SwerveTracing
internal import Synchronization

/// The calls of one batched method of one actor: the shell of ``BatchQueue``.
///
/// One lock guards the machine, and its decisions are carried out after unlocking.
final class Batcher<Act: Deployment, Item: Sendable, Output: Sendable>: AnyBatcher {
    typealias Queue = BatchQueue<BatchKey>
    /// Runs the user's method on the actor. Each result is that of the item in the same place.
    typealias Run = @Sendable (isolated Act, [Item]) async throws -> [Result<Output, any Error>]

    /// A call that has no result yet. An object, because copies of so many fields of unknown types are slow.
    final class Call: @unchecked Sendable {
        let item: Item
        let arrived: MonotonicTime
        let actor: Act
        let run: Run
        let context: ServeContext?
        let working: WorkingReplica?
        let use: ModelUse?
        /// The request's span; `nil` if it is not recorded.
        let span: OpenSpan?
        let continuation: UnsafeContinuation<BatchReply<Output>, Never>
        /// The batch that it is in; `nil` while it waits. Used with the batcher's lock held.
        var batch: Queue.BatchID?

        init(
            _ item: Item,
            on actor: Act,
            _ run: @escaping Run,
            arrived: MonotonicTime,
            span: OpenSpan?,
            _ continuation: UnsafeContinuation<BatchReply<Output>, Never>
        ) {
            self.item = item
            self.arrived = arrived
            self.actor = actor
            self.run = run
            self.context = ServeContext.current
            self.working = WorkingReplica.current
            self.use = ModelUse.current
            self.span = span
            self.continuation = continuation
        }

        func fail(_ error: any Error) {
            continuation.resume(returning: BatchReply(.failure(error)))
        }
    }

    /// A batch that runs.
    private struct Running {
        /// How many of its calls still want a result.
        var wanted: Int
        let since: MonotonicTime
        var task: Task<Void, Never>?
        /// Whether the user's method has begun, and whether it left the actor to others before it ended.
        var hasBegun = false
        var hasLeftActor = false
    }

    private struct State {
        var queue: Queue
        var nextID: Queue.ItemID = 0
        var calls: [Queue.ItemID: Call] = [:]
        var running: [Queue.BatchID: Running] = [:]
        /// When the earliest timer that is set fires.
        var timer: MonotonicTime?
    }

    /// What to do after unlocking.
    private struct Work {
        var batches: [(batch: Queue.Batch, calls: [Call])] = []
        var failures: [(call: Call, error: ServeError)] = []
        var timer: MonotonicTime?
    }

    private let name: String
    private let table: BatchTable
    private let clock: any EventLoop
    private let metrics: BatchMetrics?
    private let state: Mutex<State>

    init(
        _ name: String,
        _ table: BatchTable,
        clock: any EventLoop,
        _ options: BatchOptions,
        _ metrics: BatchMetrics? = nil
    ) {
        self.name = name
        self.table = table
        self.clock = clock
        self.metrics = metrics
        self.state = Mutex(State(queue: Queue(options)))
    }

    // MARK: Calls

    /// Waits for the result of the batch that the item will be in.
    func call(
        _ item: Item,
        key: BatchKey,
        size: Int,
        on actor: isolated Act,
        _ run: @escaping Run
    ) async throws -> Output {
        let id = state.withLock { state in
            defer { state.nextID += 1 }
            return state.nextID
        }
        let reply = await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                let span = BatchTrace.member(actor.actorSystem.pools.tracing)
                let call = Call(item, on: actor, run, arrived: now(), span: span, continuation)
                add(id, call, key: key, size: size)
            }
        } onCancel: {
            cancel(id)
        }
        reply.turn?.passed()
        return try reply.result.get()
    }

    private func add(_ id: Queue.ItemID, _ call: Call, key: BatchKey, size: Int) {
        let now = call.arrived
        let deadline = call.context?.deadline?.remaining.map { now + .nanoseconds($0.nanoseconds) }
        let item = Queue.Item(id: id, key: key, size: size, deadline: deadline)
        let work: Work? = state.withLock { state in
            // A cancellation that comes later finds the call, because it waits for the lock.
            if Task.isCancelled { return nil }
            state.calls[id] = call
            // A call comes from the actor, so no method runs on it now.
            for batch in state.running.keys where state.running[batch]!.hasBegun {
                state.running[batch]!.hasLeftActor = true
            }
            table.held(1, waiting: 1)
            return take(state.queue.add(item, alone: table.isAlone, now: now), now, &state)
        }
        guard let work else { return call.fail(CancellationError()) }
        perform(work)
        // Calls of other methods may now be all that is left to come.
        if table.waits(moreThan: waiting) { table.tellAll() }
    }

    private func cancel(_ id: Queue.ItemID) {
        let (call, task) = state.withLock { state -> (Call?, Task<Void, Never>?) in
            guard let call = state.calls.removeValue(forKey: id) else { return (nil, nil) }
            if state.queue.cancel(id) {
                metrics?.waiting(state.queue.waitingCount)
                table.held(-1, waiting: -1)
                return (call, nil)
            }
            guard let batch = call.batch else { preconditionFailure("a call waits or is in a batch") }
            // A batch that has ended holds none of its calls any more.
            guard state.running[batch] != nil else { return (call, nil) }
            table.held(-1, waiting: 0)
            state.running[batch]!.wanted -= 1
            return (call, state.running[batch]!.wanted == 0 ? state.running[batch]!.task : nil)
        }
        task?.cancel()
        table.countersChanged()
        call?.fail(CancellationError())
    }

    // MARK: AnyBatcher

    var counters: BatchCounters { state.withLock { $0.queue.counters } }
    var waiting: Int { state.withLock { $0.queue.waitingCount } }

    func change(_ options: BatchOptions) {
        update { $0.change(options, now: $1) }
    }

    func othersChanged() {
        update { $0.othersChanged(alone: self.table.isAlone, now: $1) }
    }

    func shutDown() {
        update { $0.shutDown(now: $1) }
    }

    // MARK: Actions

    private func update(_ event: (inout Queue, MonotonicTime) -> Queue.Actions) {
        let now = now()
        perform(state.withLock { state in take(event(&state.queue, now), now, &state) })
    }

    /// Takes what the actions concern out of the state.
    private func take(_ actions: Queue.Actions, _ now: MonotonicTime, _ state: inout State) -> Work {
        metrics?.waiting(state.queue.waitingCount)
        var work = Work()
        for batch in actions.batches {
            // Waiting calls are in the table, because a cancellation takes them out of the queue too.
            let calls = batch.items.map { state.calls[$0]! }
            for call in calls { call.batch = batch.id }
            table.held(0, waiting: -calls.count)
            state.running[batch.id] = Running(wanted: calls.count, since: now)
            metrics?.began(items: calls.count, waited: (now - calls[0].arrived).nanoseconds)
            work.batches.append((batch, calls))
        }
        for failed in actions.failures {
            guard let call = state.calls.removeValue(forKey: failed.item) else { continue }
            table.held(-1, waiting: -1)
            work.failures.append((call, error(failed.failure)))
        }
        if let wakeUp = actions.wakeUp, state.timer.map({ wakeUp < $0 }) ?? true {
            state.timer = wakeUp
            work.timer = wakeUp
        }
        return work
    }

    private func perform(_ work: Work) {
        for (batch, calls) in work.batches { begin(batch, calls) }
        if !work.batches.isEmpty || !work.failures.isEmpty { table.countersChanged() }
        for (call, error) in work.failures { call.fail(error) }
        if let timer = work.timer { wakeUp(at: timer) }
    }

    private func wakeUp(at time: MonotonicTime) {
        clock.scheduleTask(deadline: .uptimeNanoseconds(UInt64(max(0, time.nanoseconds)))) { [weak self] in
            self?.tick(time)
        }
    }

    /// - Parameter time: when the timer was to fire; a later one may have been set before an earlier one.
    private func tick(_ time: MonotonicTime) {
        let now = now()
        let work = state.withLock { state in
            if state.timer == time { state.timer = nil }
            return take(state.queue.tick(now: now), now, &state)
        }
        perform(work)
    }

    private func begin(_ batch: Queue.Batch, _ calls: [Call]) {
        // Unstructured: a batch belongs to no single caller. It ends when the user's method does. Detached, because it
        // has a context of its own.
        let task = Task.immediateDetached(executorPreference: table.taskExecutor) {
            await WorkingReplica.with(calls[0].working) { await self.run(batch, calls) }
        }
        let isUnwanted = state.withLock { state in
            guard state.running[batch.id] != nil else { return false }
            state.running[batch.id]!.task = task
            return state.running[batch.id]!.wanted == 0
        }
        if isUnwanted { task.cancel() }
    }

    private func run(_ batch: Queue.Batch, _ calls: [Call]) async {
        // Filled up with the last one to the size that the method takes.
        let items = (0..<batch.filledUp).map { calls[min($0, calls.count - 1)].item }
        let context = BatchContext(requests: calls.map { $0.context }, reason: batch.reason)
        let shared = context.shared
        defer { shared?.deadline?.end() }
        let uses = calls.compactMap { $0.use }
        let use = uses.isEmpty ? nil : ModelUse(for: uses)
        defer { use?.end() }
        let (actor, run) = (calls[0].actor, calls[0].run)
        let name = name
        let trace = BatchTrace(name, calls.compactMap { $0.span }, size: calls.count, actor.actorSystem.pools.tracing)
        do {
            let results = try await BatchContext.$current.withValue(context) {
                try await BatchTrace.with(trace, shared) {
                    try await ModelUse.$current.withValue(use) {
                        try await actor.whenLocal { actor in
                            self.begun(batch)
                            return try await run(actor, items)
                        }
                    }
                }
            }
            guard let results, results.count == items.count else {
                throw ServeError(
                    .wrongResultCount,
                    "\(name) returned \(results?.count ?? 0) results for \(items.count) items; it must return one for "
                        + "each, in the same order"
                )
            }
            trace?.ended()
            finish(batch) { results[$0] }
        } catch {
            trace?.ended(error)
            finish(batch) { _ in .failure(error) }
        }
    }

    private func begun(_ batch: Queue.Batch) {
        state.withLock { $0.running[batch.id]?.hasBegun = true }
    }

    /// Hands out the results, and begins the batches that waited for this one.
    ///
    /// Callers go on where the method of the next batch begins: on the actor. A method that leaves it goes first, because
    /// it hardly delays them. One that computes there waits for them: it would delay them by a whole batch.
    private func finish(_ batch: Queue.Batch, _ result: (Int) -> Result<Output, any Error>) {
        let now = now()
        let (ended, work) = state.withLock { state in
            let ended = state.running.removeValue(forKey: batch.id)
            if let ended { metrics?.ended(after: (now - ended.since).nanoseconds) }
            table.held(-(ended?.wanted ?? 0), waiting: 0)
            // The requests that now get their results have not ended, so the next batch waits for them.
            return (ended, take(state.queue.finished(batch.id, alone: table.isAlone, now: now), now, &state))
        }
        if ended?.hasLeftActor ?? false {
            perform(work)
            answer(takeCalls(of: batch), result, nil)
        } else {
            let calls = takeCalls(of: batch)
            let callers = calls.count { $0 != nil }
            let waits = callers > 0 && !work.batches.isEmpty
            let turn = waits ? BatchTurn(after: callers) { self.perform(Work(batches: work.batches)) } : nil
            perform(waits ? Work(failures: work.failures, timer: work.timer) : work)
            answer(calls, result, turn)
        }
    }

    /// The batch's calls, in the order of its items; `nil` for those that were cancelled.
    private func takeCalls(of batch: Queue.Batch) -> [Call?] {
        state.withLock { state in
            batch.items.map { state.calls.removeValue(forKey: $0) }
        }
    }

    private func answer(_ calls: [Call?], _ result: (Int) -> Result<Output, any Error>, _ turn: BatchTurn?) {
        for (index, call) in calls.enumerated() {
            call?.continuation.resume(returning: BatchReply(result(index), turn))
        }
    }

    private func error(_ failure: Queue.Failure) -> ServeError {
        switch failure {
        case .expired: ServeError(.deadlineExceeded, "the request's deadline passed before its batch of \(name) began")
        case .tooLarge(let size, let limit):
            ServeError(.tooLarge, "the item's size is \(size), and a batch of \(name) takes at most \(limit)")
        }
    }

    private func now() -> MonotonicTime {
        MonotonicTime(nanoseconds: Int64(truncatingIfNeeded: clock.now.uptimeNanoseconds))
    }
}
