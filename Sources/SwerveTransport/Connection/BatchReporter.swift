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
    }

    private let changes: PacedChanges
    private let state = Mutex(State())

    package init(clock: any EventLoop) {
        changes = PacedChanges(Self.interval, clock: clock)
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
        changes.remove(replica)
        let removed = state.withLock { $0.replicas.removeValue(forKey: replica) }
        removed?.table.observe(nil)
    }

    private func changed(_ replica: ReplicaID) {
        changes.add(replica) { [weak self] in self?.report($0) }
    }

    private func report(_ replica: ReplicaID) {
        guard let table = state.withLock({ $0.replicas[replica]?.table }) else { return }
        let counters = table.takeCounters()
        let receiver = state.withLock { state -> Receiver? in
            guard let known = state.replicas[replica], known.reported != counters else { return nil }
            state.replicas[replica]?.reported = counters
            return state.receiver
        }
        receiver?(replica, counters)
    }
}
