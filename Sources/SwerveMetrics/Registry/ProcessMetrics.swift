package import SwerveCore
internal import Synchronization

/// Who calls deployments from a process. There is one object for each caller of a process, so that callers are told apart
/// by comparing pointers.
package final class MetricCaller: Sendable {
    /// `main`, `proxy`, or the deployment whose replica calls: the label `caller`.
    package let name: String

    package init(_ name: String) {
        self.name = name
    }
}

/// What one process counts for an instance.
package final class ProcessMetrics: Sendable {
    /// The process's own series.
    package let registry: MetricRegistry
    /// Who calls deployments from this process: `main`, `proxy`, or the deployment whose replica it hosts. Not the
    /// replica, so that its series go on when another one takes its place.
    package let caller: MetricCaller
    /// Whether the process hosts one replica, whose series are the process's.
    private let isOneReplica: Bool
    private let state: Mutex<State>

    private struct State {
        var reader: MetricReader
        var replicas: [ReplicaID: (registry: MetricRegistry, reader: MetricReader)] = [:]
        /// The deployments that have had a replica in this process, which hosts several.
        var callers: [DeploymentID: MetricCaller] = [:]
        /// What replicas counted that have ended since somebody last asked.
        var ended: [MetricSnapshot] = []
    }

    /// - Parameter replica: the replica that the process is for; `nil` for the instance's own process or a proxy.
    package init(_ registry: MetricRegistry, caller: String, replica: ReplicaID? = nil) {
        self.registry = registry
        self.caller = MetricCaller(caller)
        self.isOneReplica = replica != nil
        self.state = Mutex(State(reader: MetricReader(registry.memory)))
    }

    /// Those of a process whose memory nobody else reads.
    package convenience init() {
        self.init(MetricRegistry(.own()), caller: "main")
    }

    /// Those of an instance's own process.
    ///
    /// - Parameter overflowed: see ``MetricRegistry``.
    package static func ofInstance(overflowed: @escaping @Sendable (String) -> Void) -> ProcessMetrics {
        let limits = MetricLimits.instance
        let memory = MetricMemory.own(words: limits.words, definitionBytes: limits.definitionBytes)
        return ProcessMetrics(
            MetricRegistry(memory, limit: limits.series, overflowed: overflowed),
            caller: "main"
        )
    }

    /// Where a replica of this process counts. In a process with several, each has memory of its own, which ends with it.
    package func registry(of replica: ReplicaID) -> MetricRegistry {
        if isOneReplica { return registry }
        return state.withLock { state in
            if let known = state.replicas[replica] { return known.registry }
            let new = MetricRegistry(.own(words: 1 << 14, definitionBytes: 1 << 16), common: [], limit: 512)
            state.replicas[replica] = (new, MetricReader(new.memory))
            return new
        }
    }

    /// Who calls when a replica of this process does: its deployment.
    package func caller(of replica: ReplicaID) -> MetricCaller {
        if isOneReplica { return caller }
        return state.withLock { state in
            if let known = state.callers[replica.deployment] { return known }
            let new = MetricCaller("\(replica.deployment)")
            state.callers[replica.deployment] = new
            return new
        }
    }

    /// A replica of this process has ended.
    package func ended(_ replica: ReplicaID) {
        state.withLock { state in
            guard var (_, reader) = state.replicas.removeValue(forKey: replica) else { return }
            var snapshot = MetricSnapshot()
            reader.read(into: &snapshot)
            state.ended.append(snapshot)
        }
    }

    /// What replicas of this process counted that have ended since the last call.
    package func takeEnded() -> [MetricSnapshot] {
        state.withLock { state in
            defer { state.ended = [] }
            return state.ended
        }
    }

    /// Adds what the process and its replicas count. It does not include what ended replicas did.
    package func read(
        into snapshot: inout MetricSnapshot,
        where isWanted: (MetricDefinition) -> Bool = { _ in true }
    ) {
        // The lock is that of starts and ends, which no request needs.
        let (part, refused) = state.withLock { state in
            var part = MetricSnapshot()
            state.reader.read(into: &part, where: isWanted)
            var refused = state.reader.refused
            for id in state.replicas.keys {
                state.replicas[id]?.reader.read(into: &part, where: isWanted)
                refused += state.replicas[id]?.reader.refused ?? 0
            }
            return (part, refused)
        }
        snapshot.add(part)
        snapshot.add(.number(Double(refused)), .counter, "swerve_metrics_refused", [])
    }
}
