internal import NIOCore
internal import SwerveCore
internal import Synchronization

/// The replicas with changes that were not reported: a change is reported at once, and those that follow within an
/// interval together.
final class PacedChanges: Sendable {
    private struct State {
        var changed: Set<ReplicaID> = []
        var isScheduled = false
    }

    private let interval: TimeAmount
    private let clock: any EventLoop
    private let state = Mutex(State())

    init(_ interval: Duration, clock: any EventLoop) {
        self.interval = .nanoseconds(interval.nanoseconds)
        self.clock = clock
    }

    /// - Parameter report: reports a replica's changes, on the event loop; the same for all.
    func add(_ replica: ReplicaID, _ report: @escaping @Sendable (ReplicaID) -> Void) {
        let isFirst = state.withLock { state in
            state.changed.insert(replica)
            defer { state.isScheduled = true }
            return !state.isScheduled
        }
        if isFirst { clock.execute { self.flush(report) } }
    }

    func remove(_ replica: ReplicaID) { _ = state.withLock { $0.changed.remove(replica) } }

    private func flush(_ report: @escaping @Sendable (ReplicaID) -> Void) {
        let changed = state.withLock { state in
            defer { state.changed = [] }
            state.isScheduled = !state.changed.isEmpty
            return state.changed
        }
        guard !changed.isEmpty else { return }
        for replica in changed { report(replica) }
        clock.scheduleTask(in: interval) { self.flush(report) }
    }
}
