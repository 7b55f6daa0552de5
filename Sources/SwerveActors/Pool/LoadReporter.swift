package import NIOCore
package import SwerveCore
internal import Synchronization

/// Tells the controller this process's load on the deployments that want to know it.
///
/// A pool notes that its load has changed; the reporter reads it soon afterwards, so that the path of a request pays for
/// one note in 100 ms at most. What is reported is counted from the leases that are out and the requests that wait.
package final class LoadReporter: Sendable {
    /// How long a change of the load waits for others, so that they are reported together. A request that has to wait
    /// for a replica is reported at once.
    package static let interval = Duration.milliseconds(100)

    /// Gets the loads that changed.
    package typealias Receiver = @Sendable ([DeploymentID: Load]) -> Void

    private struct State {
        var receiver: Receiver?
        /// The pools whose load is wanted.
        var watched: [DeploymentID: Pool] = [:]
        /// Those of them whose load has changed.
        var noted: Set<DeploymentID> = []
        var reported: [DeploymentID: Load] = [:]
        /// The deployments whose last report has to be taken back, because their load is no longer wanted.
        var ended: Set<DeploymentID> = []
        var isScheduled = false
        var isScheduledAtOnce = false
    }

    private let clock: any EventLoop
    private let state = Mutex(State())

    package init(clock: any EventLoop) {
        self.clock = clock
    }

    /// Reports to `receiver` from now on, beginning with every load that is not zero; to nobody if it is `nil`.
    package func report(to receiver: Receiver?) {
        let isScheduled = state.withLock { state in
            state.receiver = receiver
            state.reported = [:]
            state.ended = []
            state.noted = Set(state.watched.keys)
            return !state.noted.isEmpty
        }
        if isScheduled { clock.execute { self.flush() } }
    }

    func watch(_ pool: Pool) {
        state.withLock { $0.watched[pool.id] = pool }
        note(pool.id, atOnce: true)
    }

    /// The load is no longer wanted. A last report that is not zero is taken back: whoever keeps it could take it for
    /// the present load once that is wanted again.
    func unwatch(_ pool: Pool) {
        let isLeft = state.withLock { state in
            state.watched[pool.id] = nil
            state.noted.remove(pool.id)
            guard let last = state.reported.removeValue(forKey: pool.id), last != Load() else { return false }
            return state.ended.insert(pool.id).inserted
        }
        if isLeft { clock.execute { self.flush() } }
    }

    /// The pool's load has changed. The pool says so once until its load is read.
    func note(_ deployment: DeploymentID, atOnce: Bool) {
        let (isFirst, isUrgent) = state.withLock { state -> (Bool, Bool) in
            state.noted.insert(deployment)
            let isFirst = !atOnce && !state.isScheduled
            let isUrgent = atOnce && !state.isScheduledAtOnce
            if isFirst { state.isScheduled = true }
            if isUrgent { state.isScheduledAtOnce = true }
            return (isFirst, isUrgent)
        }
        if isFirst {
            _ = clock.scheduleTask(in: .nanoseconds(Self.interval.nanoseconds)) {
                self.state.withLock { $0.isScheduled = false }
                self.flush()
            }
        }
        if isUrgent {
            clock.execute {
                self.state.withLock { $0.isScheduledAtOnce = false }
                self.flush()
            }
        }
    }

    private func flush() {
        let pools = state.withLock { state -> [Pool] in
            defer { state.noted = [] }
            return state.noted.compactMap { state.watched[$0] }
        }
        // A pool calls the reporter under its own lock, so its load is read without the reporter's.
        let loads = pools.map { ($0.id, $0.takeLoad()) }
        let (receiver, changed) = state.withLock { state -> (Receiver?, [DeploymentID: Load]) in
            guard let receiver = state.receiver else { return (nil, [:]) }
            var changed: [DeploymentID: Load] = [:]
            for (id, load) in loads where state.watched[id] != nil {
                guard state.ended.remove(id) != nil || load != state.reported[id, default: Load()] else { continue }
                state.reported[id] = load
                changed[id] = load
            }
            for id in state.ended where state.watched[id] == nil {
                state.ended.remove(id)
                changed[id] = Load()
            }
            return (receiver, changed)
        }
        if !changed.isEmpty { receiver?(changed) }
    }
}
