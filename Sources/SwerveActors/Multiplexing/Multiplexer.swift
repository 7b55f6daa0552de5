internal import Distributed
internal import NIOCore
internal import SwerveCore
internal import SwerveRouting
internal import Synchronization

/// The models of one actor's loader: the shell of ``ModelCache``.
///
/// One lock guards the machine, and its decisions are carried out after unlocking.
final class Multiplexer<Act: Deployment, Model>: AnyMultiplexer {
    typealias Load = @Sendable (isolated Act, String) async throws -> Model

    /// A model that is loaded.
    // Unchecked: a model need not be Sendable. It is made, used and given up on the actor.
    private struct Kept: @unchecked Sendable {
        let model: Model
    }

    /// The last reference to a model that is given up, unless user code keeps another.
    private final class Last: Sendable {
        private let kept: Mutex<Kept?>

        init(_ kept: Kept) {
            self.kept = Mutex(kept)
        }

        func drop() {
            let kept = kept.withLock { $0.take() }
            _ = consume kept
        }
    }

    /// A call that waits.
    private struct Call {
        let model: String
        let continuation: UnsafeContinuation<Kept, any Error>
    }

    /// A load that runs.
    private struct Running {
        var task: Task<Void, Never>?
        var isCancelled = false
    }

    private struct State {
        var cache: ModelCache
        /// The models that are loaded.
        var models: [String: Kept] = [:]
        /// Those that wait.
        var calls: [ModelCache.CallID: Call] = [:]
        var loads: [ModelCache.LoadID: Running] = [:]
        var nextCall: ModelCache.CallID = 0
        /// Not retained: the actor owns this object.
        weak var actor: Act?
        /// The number of changes that the table knows of.
        var changes: UInt64 = 0
    }

    /// What to do after unlocking.
    private struct Work {
        var granted: [(call: Call, model: Kept)] = []
        var failed: [Call] = []
        var cancelled: [Task<Void, Never>] = []
        var unloads: [(model: String, last: Last)] = []
        var loads: [ModelCache.Load] = []
        var isChanged = false
        /// Retained until all is done.
        var actor: Act?
    }

    private let table: ModelTable
    private let clock: any EventLoop
    private let metrics: ModelMetrics?
    private let size: @Sendable (Model) -> Int
    private let load: Load
    private let state: Mutex<State>

    init(
        _ actor: isolated Act,
        _ table: ModelTable,
        _ options: MultiplexOptions,
        _ metrics: ModelMetrics?,
        size: @escaping @Sendable (Model) -> Int,
        _ load: @escaping Load
    ) {
        self.table = table
        self.metrics = metrics
        self.clock = actor.actorSystem.clock
        self.size = size
        self.load = load
        var state = State(cache: ModelCache(maxModels: options.maxModelsPerReplica))
        state.actor = actor
        self.state = Mutex(state)
    }

    // MARK: Calls

    /// The model, which stays loaded until the request that the current task works on has ended.
    func model(_ id: String, on actor: isolated Act) async throws -> Model {
        metrics?.called()
        let use = ModelUse.current.flatMap { $0.isHeld(by: self) ? $0 : nil }
        let user = use?.user ?? ModelUse.makeUser()
        let others = use?.others ?? []
        let kept = state.withLock { $0.cache.use(id, by: user, for: others) ? $0.models[id] : nil }
        // Without a request, nobody knows when the model is no longer used.
        defer { if use?.isOver ?? true { ended(user) } }
        if let kept { return kept.model }
        return try await wait(id, user, others).model
    }

    private func wait(_ id: String, _ user: UInt64, _ others: [UInt64]) async throws -> Kept {
        let call = state.withLock { state in
            defer { state.nextCall += 1 }
            return state.nextCall
        }
        return try await withTaskCancellationHandler {
            try await withUnsafeThrowingContinuation { continuation in
                let now = now()
                let work: Work? = state.withLock { state in
                    // A cancellation that comes later finds the call, because it waits for the lock.
                    if Task.isCancelled { return nil }
                    let waiting = Call(model: id, continuation: continuation)
                    // It may have been loaded since the caller looked.
                    if state.cache.use(id, by: user, for: others) {
                        return Work(granted: [(waiting, state.models[id]!)])
                    }
                    state.calls[call] = waiting
                    return take(state.cache.wait(call, for: id, by: user, for: others, now: now), &state)
                }
                guard let work else { return continuation.resume(throwing: CancellationError()) }
                perform(work)
            }
        } onCancel: {
            cancel(call)
        }
    }

    private func cancel(_ call: ModelCache.CallID) {
        let now = now()
        let (waiting, work) = state.withLock { state -> (Call?, Work) in
            guard let waiting = state.calls.removeValue(forKey: call) else { return (nil, Work()) }
            guard let actions = state.cache.cancel(call, now: now) else {
                preconditionFailure("a call that waits is in the cache")
            }
            return (waiting, take(actions, &state))
        }
        waiting?.continuation.resume(throwing: CancellationError())
        perform(work)
    }

    func ended(_ user: UInt64) {
        update { $0.end(user, now: $1) }
    }

    // MARK: AnyMultiplexer

    var report: ReplicaModels { state.withLock { $0.cache.report } }
    var counters: ModelCounters { state.withLock { $0.cache.counters } }

    func change(_ options: MultiplexOptions) {
        update { $0.change(maxModels: options.maxModelsPerReplica, now: $1) }
    }

    // MARK: Actions

    private func update(_ event: (inout ModelCache, MonotonicTime) -> ModelCache.Actions) {
        let now = now()
        perform(state.withLock { state in take(event(&state.cache, now), &state) })
    }

    /// Takes what the actions concern out of the state.
    private func take(_ actions: ModelCache.Actions, _ state: inout State) -> Work {
        var work = Work(actor: state.actor)
        for id in actions.granted {
            let call = takeCall(id, &state)
            // The cache grants a call only while its model is loaded.
            work.granted.append((call, state.models[call.model]!))
        }
        work.failed = actions.failed.map { takeCall($0, &state) }
        for load in actions.cancelled {
            state.loads[load]?.isCancelled = true
            if let task = state.loads[load]?.task { work.cancelled.append(task) }
        }
        for model in actions.unloads { work.unloads.append((model, Last(state.models.removeValue(forKey: model)!))) }
        if !actions.unloads.isEmpty { metrics?.unloaded(actions.unloads.count) }
        for load in actions.loads { state.loads[load.id] = Running() }
        work.loads = actions.loads
        work.isChanged = state.changes != state.cache.changes
        state.changes = state.cache.changes
        return work
    }

    private func takeCall(_ id: ModelCache.CallID, _ state: inout State) -> Call {
        guard let call = state.calls.removeValue(forKey: id) else {
            preconditionFailure("a call waits until the cache or a cancellation takes it out")
        }
        return call
    }

    /// - Parameter error: that of the load that failed.
    private func perform(_ work: Work, _ error: (any Error)? = nil) {
        for (call, kept) in work.granted { call.continuation.resume(returning: kept) }
        for call in work.failed { call.continuation.resume(throwing: error ?? CancellationError()) }
        for task in work.cancelled { task.cancel() }
        for (model, last) in work.unloads { unload(model, last, work.actor) }
        if let actor = work.actor { for load in work.loads { begin(load, actor) } }
        if work.isChanged { table.changed() }
    }

    private func begin(_ load: ModelCache.Load, _ actor: Act) {
        // Unstructured: a load belongs to no single caller. It ends when the user's loader does. Detached, because it has
        // no request's context.
        let working = WorkingReplica.current
        let task = Task.detached(executorPreference: table.taskExecutor) {
            await WorkingReplica.with(working) { await self.run(load, on: actor) }
        }
        let isUnwanted = state.withLock { state in
            state.loads[load.id]?.task = task
            return state.loads[load.id]?.isCancelled ?? false
        }
        if isUnwanted { task.cancel() }
    }

    private func run(_ load: ModelCache.Load, on actor: Act) async {
        let begun = now()
        do {
            let _: Void? = try await actor.whenLocal { actor in
                let model = try await self.load(actor, load.model)
                self.metrics?.loaded(in: self.now() - begun)
                let size = self.size(model)
                let kept = Kept(model: model)
                self.finish(load, nil) { state, now in
                    state.models[load.model] = kept
                    return state.cache.loaded(load.id, size: size, now: now)
                }
            }
        } catch {
            finish(load, error) { state, now in state.cache.failed(load.id, now: now) }
        }
    }

    private func finish(
        _ load: ModelCache.Load,
        _ error: (any Error)?,
        _ event: (inout State, MonotonicTime) -> ModelCache.Actions
    ) {
        let now = now()
        let work = state.withLock { state in
            state.loads[load.id] = nil
            return take(event(&state, now), &state)
        }
        perform(work, error)
    }

    private func unload(_ model: String, _ last: Last, _ actor: Act?) {
        // Unstructured: it ends when the model is gone. On the actor, because a model need not be Sendable.
        let working = WorkingReplica.current
        Task.detached(executorPreference: table.taskExecutor) {
            await WorkingReplica.with(working) {
                let _: Void? = await actor?.whenLocal { _ in last.drop() }
                last.drop()
                self.update { $0.unloaded(model, now: $1) }
            }
        }
    }

    private func now() -> MonotonicTime {
        MonotonicTime(nanoseconds: Int64(truncatingIfNeeded: clock.now.uptimeNanoseconds))
    }
}
