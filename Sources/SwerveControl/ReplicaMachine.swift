internal import SwerveCore

/// One replica, from its start to the report that it is gone.
///
/// A machine exists from `.start` on; a replica that still waits for a back-off is only an entry in its deployment's
/// ``BackOff``. Reports that do not fit the state are late or duplicate and change nothing.
struct ReplicaMachine: Sendable {
    enum State: Sendable {
        /// Started, not ready. Goes to running or stopping.
        case starting(until: MonotonicTime)
        /// Ready. Goes to draining or stopping.
        case running(Running)
        /// Finishes its ongoing requests. Goes to stopping.
        case draining(until: MonotonicTime)
        /// Told to terminate, repeatedly. Goes nowhere; the machine is removed on exit.
        case stopping(Stopping)
    }

    struct Running: Sendable {
        var since: MonotonicTime
        /// How many probes in a row were not answered in time.
        var misses = 0
        var probe: Probe
    }

    struct Stopping: Sendable {
        var again: MonotonicTime
        /// Whether it was stopped because of missed probes.
        var unhealthy: Bool
        /// How often it was told to terminate.
        var told = 1
    }

    enum Probe: Sendable {
        case due(MonotonicTime)
        case outstanding(sent: MonotonicTime, until: MonotonicTime)
    }

    /// How the replica relates to its deployment's current revision.
    enum Standing: Sendable {
        /// Started from the current revision.
        case current
        /// From another revision; it serves until replicas of the current one are ready.
        case old
        /// From another revision, and not published when that was replaced; it is being removed.
        case discarded
    }

    /// What is due because time has passed.
    enum Timeout {
        case startTookTooLong, probe, unhealthy, stop
    }

    let id: ReplicaID
    let revision: Revision
    let options: DeploymentOptions
    let seat: Seat
    /// What it holds of its node.
    let reservation: Reservation
    var standing = Standing.current
    private(set) var place: ReplicaPlace?
    private(set) var processID: Int32?
    private(set) var state: State

    init(id: ReplicaID, spec: DeploymentSpec, seat: Seat, reservation: Reservation, now: MonotonicTime) {
        self.id = id
        self.seat = seat
        self.reservation = reservation
        self.revision = spec.revision
        self.options = spec.options
        self.state = .starting(until: now.after(spec.options.startTimeout))
    }

    /// A replica that an earlier controller started. What it had left of a time limit is not known, so that begins anew.
    init(_ found: Inventory.Replica, now: MonotonicTime) {
        id = found.id
        seat = Seat()
        revision = found.spec.revision
        options = found.spec.options
        reservation = found.reservation
        place = found.place
        processID = found.processID
        state =
            switch found.phase {
            case .starting: .starting(until: now.after(options.startTimeout))
            case .running(let since): .running(Running(since: since, probe: .due(now)))
            case .draining: .draining(until: now.after(options.gracefulShutdownTimeout))
            case .stopping: .stopping(Stopping(again: now, unhealthy: false))
            }
    }

    var isStarting: Bool {
        if case .starting = state { true } else { false }
    }

    var isRunning: Bool { runningSince != nil }

    var runningSince: MonotonicTime? {
        if case .running(let running) = state { running.since } else { nil }
    }

    /// Whether it still exists after a minute of stop orders, for example because the process hangs in the kernel.
    var isStuck: Bool {
        if case .stopping(let stopping) = state { stopping.told > Limits.stopsUntilStuck } else { false }
    }

    /// When ``expire(now:)`` has something to do.
    var wakeUp: MonotonicTime {
        switch state {
        case .starting(let until), .draining(let until): until
        case .stopping(let stopping): stopping.again
        case .running(let running):
            switch running.probe {
            case .due(let time), .outstanding(_, let time): time
            }
        }
    }

    mutating func placed(_ place: ReplicaPlace) {
        self.place = place
    }

    mutating func launched(processID: Int32?) {
        self.processID = self.processID ?? processID
    }

    /// - Returns: whether it was starting and now runs.
    mutating func becomeReady(now: MonotonicTime) -> Bool {
        guard isStarting else { return false }
        state = .running(Running(since: now, probe: .due(now.after(options.healthCheckPeriod))))
        return true
    }

    mutating func probeAnswered() {
        guard case .running(var running) = state else { return }
        // A late answer proves that the replica lives, just as a timely one does, so it clears earlier misses.
        running.misses = 0
        if case .outstanding(let sent, _) = running.probe {
            running.probe = .due(sent.after(options.healthCheckPeriod))
        }
        state = .running(running)
    }

    /// - Returns: whether the replica was draining and must be stopped now.
    mutating func drained(now: MonotonicTime) -> Bool {
        guard case .draining = state else { return false }
        stop(now: now)
        return true
    }

    mutating func drain(now: MonotonicTime) {
        precondition(isRunning, "only a running replica drains")
        state = .draining(until: now.after(options.gracefulShutdownTimeout))
    }

    mutating func stop(now: MonotonicTime, unhealthy: Bool = false) {
        state = .stopping(Stopping(again: now.after(Limits.stopRepeat), unhealthy: unhealthy))
    }

    /// Acts on the time that has passed. After `startTookTooLong`, `unhealthy` and `stop` the replica is stopping.
    mutating func expire(now: MonotonicTime) -> Timeout? {
        guard wakeUp <= now else { return nil }
        switch state {
        case .starting:
            stop(now: now)
            return .startTookTooLong
        case .draining:
            stop(now: now)
            return .stop
        case .stopping(var stopping):
            stopping.again = now.after(Limits.stopRepeat)
            stopping.told += 1
            state = .stopping(stopping)
            return .stop
        case .running(var running):
            if case .outstanding(let sent, _) = running.probe {
                running.misses += 1
                running.probe = .due(sent.after(options.healthCheckPeriod))
            }
            if running.misses >= Limits.missesUntilUnhealthy {
                stop(now: now, unhealthy: true)
                return .unhealthy
            }
            let isDue = if case .due(let time) = running.probe { time <= now } else { false }
            if isDue { running.probe = .outstanding(sent: now, until: now.after(options.healthCheckTimeout)) }
            state = .running(running)
            return isDue ? .probe : nil
        }
    }

    var status: ReplicaStatus {
        let shown: ReplicaStatus.State =
            switch state {
            case .starting: .starting
            case .running: .running
            case .draining: .draining
            case .stopping(let stopping): stopping.unhealthy ? .unhealthy : .stopping
            }
        return ReplicaStatus(
            id: id,
            state: shown,
            node: place?.node,
            processID: processID,
            reservation: reservation.resources == Resources() ? nil : reservation,
            memoryLimit: place?.memoryLimit
        )
    }
}
