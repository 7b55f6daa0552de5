package import SwerveActors
package import SwerveCore
internal import SwerveMetrics
package import SwerveReplica
internal import Synchronization

/// The replicas that a process hosts, and their only owner: other code looks them up here.
package final class HostedReplicas: Sendable {
    /// The actor system of the instance that the replicas belong to.
    package let system: ServeSystem
    /// Unordered; a process hosts few.
    private let replicas = Mutex<[HostedReplica]>([])
    /// The large results that this process keeps for others.
    package let kept = KeptResults()
    /// What this process shares with others on the machine; `nil` for nothing.
    package let memory: SharedMemory?
    /// Tells callers which models the replicas have.
    package let models: ModelReporter
    /// Tells the controller what became of the calls of batched methods.
    package let batches: BatchReporter
    /// The total size of the long calls that are being assembled.
    private let assembled = Atomic<Int>(0)

    package init(_ system: ServeSystem, memory: SharedMemory? = nil) {
        self.system = system
        self.memory = memory
        self.models = ModelReporter(clock: system.clock)
        self.batches = BatchReporter(clock: system.clock)
    }

    package func add(_ replica: HostedReplica) {
        replicas.withLock { $0.append(replica) }
        if let table = replica.models { models.add(replica.id, table) }
        if let table = replica.batches { batches.add(replica.id, table) }
    }

    package func remove(_ id: ReplicaID) {
        models.remove(id)
        batches.remove(id)
        system.pools.metrics.ended(id)
        _ = replicas.withLock { replicas in
            replicas.firstIndex { $0.id == id }.map { replicas.remove(at: $0) }
        }
    }

    package subscript(id: ReplicaID) -> HostedReplica? {
        replicas.withLock { replicas in replicas.first { $0.id == id } }
    }

    package var count: Int { replicas.withLock { $0.count } }

    /// The total size of the long calls that are being assembled, for status and tests.
    package var assembledBytes: Int { assembled.load(ordering: .relaxed) }

    /// Claims room for a long call.
    func reserve(_ bytes: Int) -> Bool {
        if assembled.add(bytes, ordering: .relaxed).newValue <= ConnectionLimits.maximumAssembledBytes { return true }
        assembled.subtract(bytes, ordering: .relaxed)
        return false
    }
    func giveBack(_ bytes: Int) {
        assembled.subtract(bytes, ordering: .relaxed)
    }
}
