package import NIOCore
package import SwerveActors
package import SwerveCore
internal import Synchronization

/// Tells the controller what became of the calls of `@Batched` methods in this process's replicas.
///
/// A change is reported at once, and those that follow within ``interval`` together. What has not changed is not
/// reported again.
package final class BatchReporter: Sendable {
    /// How long a change waits for others after a report: 1 s.
    package static let interval = Duration.seconds(1)

    package typealias Receiver = @Sendable (ReplicaID, [String: BatchCounters]) -> Void

    private struct Replica {
        let table: BatchTable
        var reported: [String: BatchCounters]?
    }
    private struct State {
        var receiver: Receiver?
        /// The replicas with batched methods.
        var replicas: [ReplicaID: Replica] = [:]
        /// Those of them with changes that were not reported.
        var changed: Set<ReplicaID> = []
        var isScheduled = false
    }

    private let clock: any EventLoop
    private let state = Mutex(State())

    package init(clock: any EventLoop) {
        self.clock = clock
    }

    /// Reports to `receiver` from now on, on the event loop.
    package func report(to receiver: @escaping Receiver) {
        state.withLock { $0.receiver = receiver }
    }

    package func add(_ replica: ReplicaID, _ table: BatchTable) {
        state.withLock { $0.replicas[replica] = Replica(table: table) }
        table.observe { [weak self] in self?.changed(replica) }
        changed(replica)
    }

    package func remove(_ replica: ReplicaID) {
        let removed = state.withLock { state in
            state.changed.remove(replica)
            return state.replicas.removeValue(forKey: replica)
        }
        removed?.table.observe(nil)
    }

    private func changed(_ replica: ReplicaID) {
        let isFirst = state.withLock { state in
            state.changed.insert(replica)
            defer { state.isScheduled = true }
            return !state.isScheduled
        }
        if isFirst { clock.execute { self.flush() } }
    }

    private func flush() {
        let tables = state.withLock { state in
            let tables = state.changed.compactMap { id in state.replicas[id].map { (id, $0.table) } }
            state.changed = []
            state.isScheduled = !tables.isEmpty
            return tables
        }
        guard !tables.isEmpty else { return }
        for (replica, table) in tables { report(replica, table.takeCounters()) }
        clock.scheduleTask(in: .nanoseconds(Self.interval.nanoseconds)) { self.flush() }
    }

    private func report(_ replica: ReplicaID, _ counters: [String: BatchCounters]) {
        let receiver = state.withLock { state -> Receiver? in
            guard let known = state.replicas[replica], known.reported != counters else { return nil }
            state.replicas[replica]?.reported = counters
            return state.receiver
        }
        receiver?(replica, counters)
    }
}
