package import SwerveCore
package import SwerveMetrics
internal import Synchronization

/// The models of one actor's loader, without their type.
protocol AnyMultiplexer: ModelUse.Holder {
    var report: ReplicaModels { get }
    var counters: ModelCounters { get }
    func change(_ options: MultiplexOptions)
}

/// The multiplexed loader of one actor.
package final class ModelTable: Sendable {
    private struct State {
        /// Once the loader was needed.
        var multiplexer: (any AnyMultiplexer)?
        /// Those in `@Multiplexed`, or those of the last change.
        var options: MultiplexOptions?
        var taskExecutor: (any TaskExecutor)?
        var metrics: ModelMetrics?
        /// How often the options were changed before there was a multiplexer.
        var changes: UInt64 = 0
        var observer: (@Sendable () -> Void)?
    }
    private let state = Mutex(State())

    init() {}

    // MARK: The replica's side

    /// The actor belongs to a replica.
    ///
    /// - Parameters:
    ///   - options: those in `@Multiplexed`.
    ///   - executor: where the replica's requests run; `nil` is the Swift pool.
    ///   - registry: where the loader counts; `nil` for nowhere.
    ///   - labels: those of the replica.
    package func attach(
        _ options: MultiplexOptions,
        executor: (any TaskExecutor)?,
        _ registry: MetricRegistry? = nil,
        _ labels: [MetricLabel] = []
    ) {
        let metrics = registry.map { ModelMetrics($0, labels) }
        state.withLock { state in
            state.options = state.options ?? options
            state.taskExecutor = executor
            state.metrics = metrics
        }
    }

    /// Calls `observer` after each change of ``report``, on any thread.
    package func observe(_ observer: (@Sendable () -> Void)?) {
        state.withLock { $0.observer = observer }
    }

    /// The models that the replica has.
    package var report: ReplicaModels {
        let (multiplexer, options, changes) = state.withLock { ($0.multiplexer, $0.options, $0.changes) }
        var report =
            multiplexer?.report ?? ReplicaModels(maxModels: options?.maxModelsPerReplica ?? 0, models: [])
        report.number += changes
        return report
    }

    // MARK: The multiplexer's side

    /// The actor's multiplexer. There is one, because an actor has one loader.
    func multiplexer<Multiplexer: AnyMultiplexer>(
        _ options: () -> MultiplexOptions,
        make: (MultiplexOptions, ModelMetrics?) -> Multiplexer
    ) -> Multiplexer {
        state.withLock { state in
            // Only the generated methods get here, which always have the same types.
            if let known = state.multiplexer { return unsafeDowncast(known, to: Multiplexer.self) }
            let options = state.options ?? options()
            state.options = options
            let new = make(options, state.metrics)
            state.multiplexer = new
            return new
        }
    }

    var taskExecutor: (any TaskExecutor)? { state.withLock { $0.taskExecutor } }

    func changed() {
        state.withLock { $0.observer }?()
    }

    // MARK: The user's side

    var options: MultiplexOptions? { state.withLock { $0.options } }
    var counters: ModelCounters { state.withLock { $0.multiplexer }?.counters ?? ModelCounters() }

    func change(_ options: MultiplexOptions) throws(ServeError) {
        if let problem = options.problem { throw ServeError(.invalidOptions, problem) }
        let multiplexer = state.withLock { state in
            state.options = options
            if state.multiplexer == nil { state.changes += 1 }
            return state.multiplexer
        }
        if let multiplexer { multiplexer.change(options) } else { changed() }
    }
}
