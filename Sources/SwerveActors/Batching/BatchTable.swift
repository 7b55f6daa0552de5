package import SwerveCore
package import SwerveMetrics
internal import Synchronization

/// What the batches of an actor know about the replica that it belongs to.
package protocol BatchHost: AnyObject, Sendable {
    /// The number of requests that the replica has admitted.
    var ongoing: Int { get }
    /// The most that it admits at a time.
    var maxOngoingRequests: Int { get }
    /// Where its requests run; `nil` is the Swift pool.
    var taskExecutor: (any TaskExecutor)? { get }
}

/// The calls of one batched method, without their types.
protocol AnyBatcher: AnyObject, Sendable {
    var counters: BatchCounters { get }
    var waiting: Int { get }
    func change(_ options: BatchOptions)
    /// A request of the replica that is in no batch may have ended.
    func othersChanged()
    func shutDown()
}

/// The batched methods of one actor.
package final class BatchTable: Sendable {
    private struct Method {
        let name: String
        /// Once the method was called.
        var batcher: (any AnyBatcher)?
        /// The options that were changed at run time.
        var options: BatchOptions?
    }
    private struct State {
        var methods: [Method] = []
        weak var host: (any BatchHost)?
        var metrics: (registry: MetricRegistry, labels: [MetricLabel])?
        var isDraining = false
        var observer: (@Sendable () -> Void)?
    }

    private let state = Mutex(State())
    /// How many items are in batches or wait for one.
    private let heldCount = Atomic<Int>(0)
    private let waitingCount = Atomic<Int>(0)
    /// Whether the observer was told of a change and has not taken the counters since.
    private let isChangeNoted = Atomic(false)

    init() {}

    // MARK: The replica's side

    /// The actor belongs to this replica.
    ///
    /// - Parameters:
    ///   - registry: where its methods count; `nil` for nowhere.
    ///   - labels: those of the replica.
    package func attach(_ host: any BatchHost, _ registry: MetricRegistry? = nil, _ labels: [MetricLabel] = []) {
        state.withLock { state in
            state.host = host
            state.metrics = registry.map { ($0, labels) }
        }
    }

    /// A request of the replica has ended.
    package func requestEnded() {
        // Nearly always nothing waits.
        if waits(moreThan: 0) { tellAll() }
    }

    @inline(never)
    func tellAll() {
        for batcher in state.withLock({ $0.methods.compactMap(\.batcher) }) { batcher.othersChanged() }
    }

    /// The replica takes no more requests, so no item waits for others.
    package func drain() {
        let batchers = state.withLock { state in
            state.isDraining = true
            return state.methods.compactMap(\.batcher)
        }
        for batcher in batchers { batcher.shutDown() }
    }

    /// Calls `observer` after a change of ``counters``, on any thread: once until ``takeCounters()`` is called.
    package func observe(_ observer: (@Sendable () -> Void)?) {
        state.withLock { $0.observer = observer }
        isChangeNoted.store(false, ordering: .sequentiallyConsistent)
    }

    /// What became of the calls so far, by the method's full name. The observer is told of the next change.
    package func takeCounters() -> [String: BatchCounters] {
        // First, so that a change that is not in the counters is noted.
        isChangeNoted.store(false, ordering: .sequentiallyConsistent)
        let batchers = state.withLock { state in state.methods.map { ($0.name, $0.batcher) } }
        return batchers.reduce(into: [:]) { counters, method in counters[method.0] = method.1?.counters }
    }

    // MARK: The batchers' side

    /// A batcher's counters have changed. Called without its lock.
    func countersChanged() {
        if isChangeNoted.load(ordering: .sequentiallyConsistent) { return }
        if isChangeNoted.exchange(true, ordering: .sequentiallyConsistent) { return }
        state.withLock { $0.observer }?()
    }

    /// The batcher of a method. There is one for each name and actor.
    func batcher<Batcher: AnyBatcher>(_ name: String, make: (BatchOptions?, BatchMetrics?) -> Batcher) -> Batcher {
        let (batcher, isNew, isDraining) = state.withLock { state in
            let index = Self.index(of: name, in: &state)
            if let known = state.methods[index].batcher {
                // Only the generated method with this name gets here, which always has the same types.
                return (unsafeDowncast(known, to: Batcher.self), false, state.isDraining)
            }
            let metrics = state.metrics.map { BatchMetrics(name, $0.registry, $0.labels) }
            let new = make(state.methods[index].options, metrics)
            state.methods[index].batcher = new
            return (new, true, state.isDraining)
        }
        if isNew, isDraining { batcher.shutDown() }
        return batcher
    }

    func held(_ change: Int, waiting: Int) {
        if change != 0 { heldCount.add(change, ordering: .sequentiallyConsistent) }
        if waiting != 0 { waitingCount.add(waiting, ordering: .sequentiallyConsistent) }
    }

    /// Whether more items than so many wait, of all methods.
    func waits(moreThan count: Int) -> Bool { waitingCount.load(ordering: .sequentiallyConsistent) > count }

    /// Whether all requests that the replica has admitted are in batches or wait for one.
    var isAlone: Bool {
        guard let host = state.withLock({ $0.host }) else { return false }
        return host.ongoing <= heldCount.load(ordering: .sequentiallyConsistent)
    }

    var taskExecutor: (any TaskExecutor)? { state.withLock { $0.host }?.taskExecutor }

    // MARK: The user's side

    func options(of name: String) -> BatchOptions? {
        state.withLock { state in state.methods.first { $0.name == name }?.options }
    }

    func counters(of name: String) -> BatchCounters {
        state.withLock { state in state.methods.first { $0.name == name }?.batcher }?.counters ?? BatchCounters()
    }

    func waiting(of name: String) -> Int {
        state.withLock { state in state.methods.first { $0.name == name }?.batcher }?.waiting ?? 0
    }

    func change(_ name: String, _ options: BatchOptions) throws(ServeError) {
        let host = state.withLock { $0.host }
        var limits = DeploymentOptions()
        limits.maxOngoingRequests = host?.maxOngoingRequests ?? .max
        if let problem = options.problem ?? limits.problem(with: options) {
            throw ServeError(.invalidOptions, "\(name): \(problem)")
        }
        let batcher = state.withLock { state in
            let index = Self.index(of: name, in: &state)
            state.methods[index].options = options
            return state.methods[index].batcher
        }
        batcher?.change(options)
    }

    private static func index(of name: String, in state: inout State) -> Int {
        // There are few, nearly always the same strings: comparing them costs less than hashing one.
        if let index = state.methods.firstIndex(where: { $0.name == name }) { return index }
        state.methods.append(Method(name: name))
        return state.methods.count - 1
    }
}
