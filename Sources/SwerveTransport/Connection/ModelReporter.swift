internal import NIOCore
internal import SwerveActors
package import SwerveCore
internal import Synchronization

/// Tells all who call this process's replicas which models those have.
///
/// A change is reported at once, and those that follow within ``interval`` together. A new caller is told everything.
package final class ModelReporter: Sendable {
    /// How long a change waits for others after a report: 20 ms.
    package static let interval = Duration.milliseconds(20)

    /// Somebody in this process who is told.
    package typealias Listener = @Sendable (ReplicaID, ReplicaModels) -> Void

    private struct State {
        /// The replicas with models.
        var tables: [ReplicaID: ModelTable] = [:]
        var listeners: [Listener] = []
        var callers: [PeerConnection] = []
    }

    private let changes: PacedChanges
    private let state = Mutex(State())

    init(clock: any EventLoop) {
        changes = PacedChanges(Self.interval, clock: clock)
    }

    // MARK: Who is told

    package func tell(_ listener: @escaping Listener) {
        state.withLock { $0.listeners.append(listener) }
    }

    /// Tells another process about the replicas here, now and after each change.
    package func tell(_ caller: PeerConnection) {
        state.withLock { state in
            // One that has closed would never be forgotten: its end was reported before this.
            guard !caller.isClosed, !state.callers.contains(where: { $0 === caller }) else { return }
            state.callers.append(caller)
            // Under the lock, so that no older report follows a newer one.
            for (replica, table) in state.tables { caller.send(.models(replica, table.report)) }
        }
    }

    func forget(_ caller: PeerConnection) {
        state.withLock { state in state.callers.removeAll { $0 === caller } }
    }

    // MARK: What they are told

    func add(_ replica: ReplicaID, _ table: ModelTable) {
        state.withLock { state in
            state.tables[replica] = table
            // At once, so that other processes know it before they are told that the replica is ready.
            for caller in state.callers { caller.send(.models(replica, table.report)) }
        }
        table.observe { [weak self] in self?.changed(replica) }
        changed(replica)
    }

    func remove(_ replica: ReplicaID) {
        changes.remove(replica)
        let table = state.withLock { $0.tables.removeValue(forKey: replica) }
        table?.observe(nil)
    }

    private func changed(_ replica: ReplicaID) {
        changes.add(replica) { [weak self] in self?.report($0) }
    }

    private func report(_ replica: ReplicaID) {
        let (listeners, report) = state.withLock { state -> ([Listener], ReplicaModels?) in
            guard let report = state.tables[replica]?.report else { return ([], nil) }
            for caller in state.callers { caller.send(.models(replica, report)) }
            return (state.listeners, report)
        }
        if let report { for listener in listeners { listener(replica, report) } }
    }
}
