package import NIOCore
package import SwerveCore
package import SwerveMetrics
package import SwerveTracing
internal import Synchronization

/// The pools of one instance in one process, by deployment.
package final class PoolTable: Sendable {
    private struct State {
        var pools: [DeploymentID: Pool] = [:]
        var queues: (any SharedQueueCounts)?
        var observer: (@Sendable (Pool) -> Void)?
        var clock: any EventLoop
        var generator: SplitMix64
    }
    package let instance: InstanceID
    /// Tells the controller the pools' loads.
    package let loads: LoadReporter
    /// What this process counts for the instance.
    package let metrics: ProcessMetrics
    /// Where the process's spans go.
    package let tracing = TracingSlot {
        ServeContext.current.map { RequestTrace(trace: $0.trace, isDecided: $0.isTraceDecided) }
    }
    private let state: Mutex<State>

    /// - Parameters:
    ///   - instance: the instance whose deployments the pools reach.
    ///   - clock: the event loop whose time and timers the pools use.
    ///   - seed: for the choices among replicas.
    ///   - metrics: where this process counts.
    package init(
        _ instance: InstanceID,
        clock: any EventLoop,
        seed: UInt64,
        metrics: ProcessMetrics = ProcessMetrics()
    ) {
        self.metrics = metrics
        self.instance = instance
        self.loads = LoadReporter(clock: clock)
        self.state = Mutex(State(clock: clock, generator: SplitMix64(seed: seed)))
    }

    /// The pool of a deployment, created on first use. It stays for the life of the process, so that handles stay valid
    /// when an application is deleted and deployed again.
    package func pool(_ id: DeploymentID) -> Pool {
        let (pool, observer) = state.withLock { state -> (Pool, (@Sendable (Pool) -> Void)?) in
            if let pool = state.pools[id] { return (pool, nil) }
            let pool = Pool(
                id,
                of: instance,
                clock: state.clock,
                seed: state.generator.next(),
                loads: loads,
                metrics: metrics,
                tracing: tracing
            )
            if let queue = state.queues?.queue(of: id) { pool.share(queue) }
            state.pools[id] = pool
            return (pool, state.observer)
        }
        observer?(pool)
        return pool
    }

    /// Shares the limits of waiting requests with the other processes of the instance.
    package func share(_ queues: any SharedQueueCounts) {
        state.withLock { state in
            state.queues = queues
            for (id, pool) in state.pools { if let queue = queues.queue(of: id) { pool.share(queue) } }
        }
    }

    /// Sets the observer. It is called with every existing pool now, and with every new pool when it is created.
    package func observe(_ observer: (@Sendable (Pool) -> Void)?) {
        let pools = state.withLock { state in
            state.observer = observer
            return Array(state.pools.values)
        }
        for pool in pools { observer?(pool) }
    }
}
