package import SwerveCore

/// Which models a replica has, loads and gives up, and which calls wait for them.
///
/// Pure: every event is one call that returns what to do. A *user* is a request, or what works for several of them. It
/// holds the models that it was given until it ends, and a model that is held is not unloaded. A model that must make
/// room is no longer given out, except to users that hold it, so that nobody waits for longer than the requests that are
/// under way take. A user that waits for room does not hold what it has, because two such users could wait for each
/// other.
///
/// Invariants: no more than `maxModels` models are loading, loaded or unloading, unless the number is lowered meanwhile;
/// no model is loaded twice at a time; only a model that no user holds is unloaded; every call leaves exactly once, with
/// the model, with the failure of a load, or by ``cancel(_:now:)``.
package struct ModelCache: Sendable {
    package typealias ModelID = String
    package typealias CallID = UInt64
    package typealias UserID = UInt64
    package typealias LoadID = UInt64

    /// A load to begin.
    package struct Load: Equatable, Sendable {
        package var id: LoadID
        package var model: ModelID

        package init(id: LoadID, model: ModelID) {
            self.id = id
            self.model = model
        }
    }

    /// What an event leads to. The order of the fields is the order in which to carry them out.
    package struct Actions: Equatable, Sendable {
        /// Calls that now have their model.
        package var granted: [CallID] = []
        /// Calls whose load failed.
        package var failed: [CallID] = []
        /// Loads that nobody waits for any more.
        package var cancelled: [LoadID] = []
        /// Models to give up. ``unloaded(_:now:)`` follows for each.
        package var unloads: [ModelID] = []
        /// ``loaded(_:size:now:)`` or ``failed(_:now:)`` follows for each.
        package var loads: [Load] = []

        package init(
            granted: [CallID] = [],
            failed: [CallID] = [],
            cancelled: [LoadID] = [],
            unloads: [ModelID] = [],
            loads: [Load] = []
        ) {
            self.granted = granted
            self.failed = failed
            self.cancelled = cancelled
            self.unloads = unloads
            self.loads = loads
        }
    }

    /// A call that waits.
    fileprivate struct Call {
        let id: CallID
        let user: UserID
        /// The users that it works for, and itself.
        let users: Set<UserID>
    }

    fileprivate enum State {
        /// Waits for room. Goes to loading, or away when its last call is cancelled.
        case waiting
        /// Goes to loaded, or away when the load fails. A load that fails after it was cancelled begins again if calls
        /// came in the meantime.
        case loading(LoadID, since: MonotonicTime, isCancelled: Bool)
        /// Goes to unloading.
        case loaded(Loaded)
        /// Goes away, or to waiting if calls came in the meantime.
        case unloading
    }

    fileprivate struct Loaded {
        let loadTime: Duration
        var worth: ModelWorth
        var users: Set<UserID> = []
        /// Whether it must make room as soon as no user holds it.
        var isLeaving = false
    }

    fileprivate struct Entry {
        var state: State
        var calls: [Call] = []
    }

    /// A use counts half after so many uses of any model, for each model that the replica may have.
    package static let halfLife = 16.0

    private var maxModels: Int
    private var entries: [ModelID: Entry] = [:]
    private var models: [CallID: ModelID] = [:]
    private var nextLoad: LoadID = 0
    private var uses: UInt64 = 0
    package private(set) var counters = ModelCounters()
    /// Counts the changes of ``report``.
    package private(set) var changes: UInt64 = 0

    package init(maxModels: Int) {
        self.maxModels = maxModels
    }

    /// The number of calls that wait.
    package var waitingCount: Int { models.count }

    /// The models that requests find here, or soon will.
    package var report: ReplicaModels {
        let models = entries.compactMap { id, entry -> ModelStatus? in
            switch entry.state {
            case .loaded(let loaded) where !loaded.isLeaving:
                ModelStatus(id: id, state: .loaded, loadTime: loaded.loadTime)
            default: entry.calls.isEmpty ? nil : ModelStatus(id: id, state: .loading)
            }
        }
        return ReplicaModels(maxModels: maxModels, models: models.sorted { $0.id < $1.id }, number: changes)
    }

    // MARK: Events

    /// A user wants a model that may be there.
    ///
    /// - Parameter users: the users that it works for.
    /// - Returns: whether it now holds the model. If not, nothing changed.
    package mutating func use(_ model: ModelID, by user: UserID, for users: [UserID] = []) -> Bool {
        guard case .loaded(var loaded)? = entries[model]?.state else { return false }
        if !loaded.users.contains(user) {
            guard !loaded.isLeaving || users.contains(where: loaded.users.contains) else { return false }
            give(&loaded, to: user)
            entries[model]!.state = .loaded(loaded)
        }
        counters.hit()
        return true
    }

    /// A user waits for a model that ``use(_:by:for:)`` did not find.
    package mutating func wait(
        _ call: CallID,
        for model: ModelID,
        by user: UserID,
        for users: [UserID] = [],
        now: MonotonicTime
    ) -> Actions {
        precondition(models.updateValue(model, forKey: call) == nil, "a call comes once")
        counters.miss()
        if entries[model] == nil { changes += 1 }
        entries[model, default: Entry(state: .waiting)].calls.append(
            Call(id: call, user: user, users: Set(users + [user]))
        )
        return settle(now)
    }

    /// Nobody wants the call's model any more.
    ///
    /// - Returns: `nil` if it no longer waits.
    package mutating func cancel(_ call: CallID, now: MonotonicTime) -> Actions? {
        guard let model = models.removeValue(forKey: call), var entry = entries[model] else { return nil }
        entry.calls.removeAll { $0.id == call }
        var actions = Actions()
        if entry.calls.isEmpty {
            changes += 1
            switch entry.state {
            case .waiting:
                entries[model] = nil
                return settle(now)
            case .loading(let load, let since, false):
                entry.state = .loading(load, since: since, isCancelled: true)
                actions.cancelled.append(load)
            case .loading, .loaded, .unloading: break
            }
        }
        entries[model] = entry
        settle(now, &actions)
        return actions
    }

    /// A load has ended well, even if it was cancelled.
    ///
    /// - Parameter size: what the user says the model takes.
    package mutating func loaded(_ load: LoadID, size: Int = 1, now: MonotonicTime) -> Actions {
        let (model, since, _) = take(load)
        var loaded = Loaded(
            loadTime: now - since,
            worth: ModelWorth(loadTime: now - since, size: size, now: uses)
        )
        var actions = Actions()
        grant(&loaded, to: entries[model]!.calls, &actions)
        entries[model] = Entry(state: .loaded(loaded))
        changes += 1
        settle(now, &actions)
        return actions
    }

    /// A load has failed. All calls that waited for it fail, and the next call tries again.
    package mutating func failed(_ load: LoadID, now: MonotonicTime) -> Actions {
        let (model, _, isCancelled) = take(load)
        counters.loadFailed()
        var actions = Actions()
        if isCancelled, !entries[model]!.calls.isEmpty {
            // These calls came after the cancellation, so the failure is not theirs.
            entries[model]!.state = .waiting
        } else {
            for call in entries[model]!.calls {
                models[call.id] = nil
                actions.failed.append(call.id)
            }
            entries[model] = nil
            changes += 1
        }
        settle(now, &actions)
        return actions
    }

    /// The user has ended, and holds nothing any more.
    package mutating func end(_ user: UserID, now: MonotonicTime) -> Actions {
        for model in entries.keys {
            guard case .loaded(var loaded)? = entries[model]?.state, loaded.users.remove(user) != nil else { continue }
            entries[model]!.state = .loaded(loaded)
        }
        return models.isEmpty && entries.count <= maxModels ? Actions() : settle(now)
    }

    /// A model has been given up.
    package mutating func unloaded(_ model: ModelID, now: MonotonicTime) -> Actions {
        guard case .unloading? = entries[model]?.state else { preconditionFailure("a model is unloaded once") }
        if entries[model]!.calls.isEmpty {
            entries[model] = nil
        } else {
            entries[model]!.state = .waiting
        }
        return settle(now)
    }

    /// The number of models that the replica may have has changed.
    package mutating func change(maxModels: Int, now: MonotonicTime) -> Actions {
        if maxModels != self.maxModels { changes += 1 }
        self.maxModels = maxModels
        return settle(now)
    }

    // MARK: Decisions

    private mutating func settle(_ now: MonotonicTime) -> Actions {
        var actions = Actions()
        settle(now, &actions)
        return actions
    }

    private mutating func settle(_ now: MonotonicTime, _ actions: inout Actions) {
        let waiting = entries.filter { $0.value.isWaiting }.sorted { $0.value.calls[0].id < $1.value.calls[0].id }
        let room = maxModels - (entries.count - waiting.count)
        for (model, _) in waiting.prefix(max(room, 0)) { begin(model, now, &actions) }

        // What is being unloaded makes room soon.
        let missing = max(waiting.count - room, 0) - entries.values.count { $0.isUnloading }
        guard missing > 0 || isAnyLeaving else { return }
        // Anew each time, because a model that nobody holds makes room at once.
        let victims = victims(missing, stalledUsers)
        for (model, loaded) in loadedModels where loaded.isLeaving && !victims.contains(model) {
            keep(model, loaded, &actions)
        }
        let stalled = stalledUsers
        for (model, loaded) in loadedModels where victims.contains(model) {
            if loaded.users.isSubset(of: stalled) {
                unload(model, &actions)
            } else if !loaded.isLeaving {
                leave(model, loaded)
            }
        }
    }

    /// The users that wait for room. What they hold does not count: those who hold what they wait for may wait for them.
    private var stalledUsers: Set<UserID> {
        entries.values.reduce(into: []) { stalled, entry in
            if case .loading = entry.state { return }
            for call in entry.calls { stalled.formUnion(call.users) }
        }
    }

    /// In the order of their IDs.
    private var loadedModels: [(ModelID, Loaded)] {
        entries.compactMap { model, entry in
            if case .loaded(let loaded) = entry.state { (model, loaded) } else { nil }
        }.sorted { $0.0 < $1.0 }
    }

    private var isAnyLeaving: Bool {
        entries.values.contains { if case .loaded(let loaded) = $0.state { loaded.isLeaving } else { false } }
    }

    /// The models that are worth least; first those that no user holds.
    private func victims(_ count: Int, _ stalled: Set<UserID>) -> Set<ModelID> {
        guard count > 0 else { return [] }
        let halfLife = halfLife
        let candidates = loadedModels.map { model, loaded in
            (
                isHeld: loaded.users.isSubset(of: stalled) ? 0 : 1,
                value: loaded.worth.value(now: uses, halfLife: halfLife), lastUse: loaded.worth.lastUse, model: model
            )
        }
        return Set(
            candidates.sorted {
                ($0.isHeld, $0.value, $0.lastUse, $0.model) < ($1.isHeld, $1.value, $1.lastUse, $1.model)
            }.prefix(count).map(\.model)
        )
    }

    private var halfLife: Double { Self.halfLife * Double(maxModels) }

    private mutating func begin(_ model: ModelID, _ now: MonotonicTime, _ actions: inout Actions) {
        entries[model]!.state = .loading(nextLoad, since: now, isCancelled: false)
        actions.loads.append(Load(id: nextLoad, model: model))
        nextLoad += 1
        counters.loadBegan()
    }

    private mutating func leave(_ model: ModelID, _ loaded: Loaded) {
        var loaded = loaded
        loaded.isLeaving = true
        entries[model]!.state = .loaded(loaded)
        changes += 1
    }

    /// The model need not make room after all.
    private mutating func keep(_ model: ModelID, _ loaded: Loaded, _ actions: inout Actions) {
        var loaded = loaded
        loaded.isLeaving = false
        grant(&loaded, to: entries[model]!.calls, &actions)
        entries[model] = Entry(state: .loaded(loaded))
        changes += 1
    }

    private mutating func unload(_ model: ModelID, _ actions: inout Actions) {
        entries[model]!.state = .unloading
        changes += 1
        actions.unloads.append(model)
        counters.evicted()
    }

    private mutating func grant(_ loaded: inout Loaded, to calls: [Call], _ actions: inout Actions) {
        for call in calls {
            models[call.id] = nil
            give(&loaded, to: call.user)
            actions.granted.append(call.id)
        }
    }

    private mutating func give(_ loaded: inout Loaded, to user: UserID) {
        uses += 1
        loaded.users.insert(user)
        loaded.worth.used(now: uses, halfLife: halfLife)
    }

    private func take(_ load: LoadID) -> (ModelID, since: MonotonicTime, isCancelled: Bool) {
        for (model, entry) in entries {
            if case .loading(load, let since, let isCancelled) = entry.state { return (model, since, isCancelled) }
        }
        preconditionFailure("a load ends once")
    }
}

extension ModelCache.Entry {
    fileprivate var isWaiting: Bool { if case .waiting = state { true } else { false } }
    fileprivate var isUnloading: Bool { if case .unloading = state { true } else { false } }
}
