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
        case draining(until: MonotonicTime, unhealthy: Bool)
        /// Told to terminate, repeatedly. Goes nowhere; the machine is removed on exit.
        case stopping(Stopping)
    }

    struct Running: Sendable {
        var since: MonotonicTime
        /// How many probes in a row were not answered in time.
        var misses = 0
        var probe: Probe
        /// How many of the user's checks in a row failed.
        var failedChecks = 0
        /// The change of its configuration that is under way.
        var update: Update?
    }

    /// A change to another configuration, from the order to the replica's report.
    struct Update: Sendable {
        let target: Configuration
        /// Told apart from earlier changes, whose reports may come late.
        let number: Int
        let until: MonotonicTime
    }

    struct Stopping: Sendable {
        var again: MonotonicTime
        /// Whether it was stopped because of its health.
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
        case startIsSlow, startTookTooLong, updateTookTooLong, probe, unhealthy, stop
    }

    let id: ReplicaID
    let revision: Revision
    /// Those of the latest spec that applies to it.
    var options: DeploymentOptions
    /// What it runs with; `nil` after a change that failed.
    private(set) var configuration: Configuration?
    let seat: Seat
    /// What it holds of its node.
    let reservation: Reservation
    var standing = Standing.current
    private(set) var place: ReplicaPlace?
    private(set) var processID: Int32?
    private(set) var state: State
    private let started: MonotonicTime
    private(set) var startUp = StartUp()
    private var slowAt: MonotonicTime
    private var updates = 0
    /// Why the last of the user's checks failed; empty if it passed.
    private(set) var checkFailure = ""
    /// `nil` for a replica without a multiplexed loader, and until it is ready.
    var models: ReplicaModels?
    /// `nil` for a replica without batched methods, and until it is ready.
    var batches: [String: BatchCounters]?

    init(id: ReplicaID, spec: DeploymentSpec, seat: Seat, reservation: Reservation, now: MonotonicTime) {
        self.id = id
        self.seat = seat
        self.reservation = reservation
        self.revision = spec.revision
        self.options = spec.options
        self.configuration = spec.configuration
        self.started = now
        self.slowAt = now.after(Limits.slowStart)
        self.state = .starting(until: now.after(spec.options.startTimeout))
    }

    /// A replica that an earlier controller started. What it had left of a time limit is not known, so that begins anew.
    /// The first checks of many are spread over the period, so that they never fall due together.
    init(_ found: Inventory.Replica, now: MonotonicTime) {
        id = found.id
        seat = Seat()
        revision = found.spec.revision
        options = found.spec.options
        configuration = found.configuration
        reservation = found.reservation
        place = found.place
        processID = found.processID
        started = now
        slowAt = now.after(Limits.slowStart)
        state =
            switch found.phase {
            case .starting: .starting(until: now.after(options.startTimeout))
            case .running(let since):
                .running(
                    Running(since: since, probe: .due(now.after(options.healthCheckPeriod / 64 * Int(id.number % 64))))
                )
            case .draining: .draining(until: now.after(options.gracefulShutdownTimeout), unhealthy: false)
            // A second order would end it by force, while it may still send its last answers.
            case .stopping: .stopping(Stopping(again: now.after(Limits.stopRepeat), unhealthy: false))
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
        case .starting(let until): min(until, slowAt)
        case .draining(let until, _): until
        case .stopping(let stopping): stopping.again
        case .running(let running):
            switch running.probe {
            case .due(let time), .outstanding(_, let time): min(time, running.update?.until ?? time)
            }
        }
    }

    // MARK: Starting

    mutating func placed(_ place: ReplicaPlace, now: MonotonicTime) {
        self.place = place
        if startUp.placed == nil { startUp.placed = now - started }
    }

    mutating func launched(processID: Int32?, now: MonotonicTime) {
        self.processID = self.processID ?? processID
        if startUp.spawned == nil { startUp.spawned = now - started }
    }

    mutating func connected(now: MonotonicTime) {
        if startUp.connected == nil { startUp.connected = now - started }
    }

    /// - Returns: `false` if it was not starting.
    mutating func becomeReady(now: MonotonicTime) -> Bool {
        guard isStarting else { return false }
        startUp.ready = now - started
        state = .running(Running(since: now, probe: .due(now.after(options.healthCheckPeriod))))
        return true
    }

    /// How long it has been in its present phase.
    func inPhase(now: MonotonicTime) -> Duration { now - started - startUp.since }

    // MARK: Changing the configuration

    var update: Update? {
        if case .running(let running) = state { running.update } else { nil }
    }

    /// - Returns: the number of the change.
    mutating func beginUpdate(to target: Configuration, now: MonotonicTime) -> Int {
        guard case .running(var running) = state else { preconditionFailure("only a running replica is reconfigured") }
        updates += 1
        running.update = Update(target: target, number: updates, until: now.after(options.startTimeout))
        state = .running(running)
        return updates
    }

    /// - Returns: the target of the change, or `nil` if none with this number is under way.
    mutating func endUpdate(_ number: Int, failed: Bool) -> Configuration? {
        guard case .running(var running) = state, let update = running.update, update.number == number else {
            return nil
        }
        running.update = nil
        configuration = failed ? nil : update.target
        state = .running(running)
        return update.target
    }

    /// How many requests it handles at a time, now and while it changes.
    var maxOngoingRequests: Int {
        let now = configuration?.maxOngoingRequests ?? options.maxOngoingRequests
        return min(now, update?.target.maxOngoingRequests ?? now)
    }

    // MARK: Health

    mutating func probeAnswered() {
        guard case .running(var running) = state else { return }
        // A late answer proves that the replica lives, just as a timely one does, so it clears earlier misses.
        running.misses = 0
        if case .outstanding(let sent, _) = running.probe {
            running.probe = .due(sent.after(options.healthCheckPeriod))
        }
        state = .running(running)
    }

    mutating func checkPassed() {
        checkFailure = ""
        guard case .running(var running) = state else { return }
        running.failedChecks = 0
        state = .running(running)
    }

    /// - Returns: whether it has failed so often that it must go.
    mutating func checkFailed(_ message: String) -> Bool {
        guard case .running(var running) = state else { return false }
        checkFailure = message
        running.failedChecks += 1
        state = .running(running)
        return running.failedChecks >= Limits.missesUntilUnhealthy
    }

    // MARK: Ending

    /// - Returns: whether the replica was draining and must be stopped now.
    mutating func drained(now: MonotonicTime) -> Bool {
        guard case .draining(_, let unhealthy) = state else { return false }
        stop(now: now, unhealthy: unhealthy)
        return true
    }

    mutating func drain(now: MonotonicTime, unhealthy: Bool = false) {
        precondition(isRunning, "only a running replica drains")
        state = .draining(until: now.after(options.gracefulShutdownTimeout), unhealthy: unhealthy)
    }

    mutating func stop(now: MonotonicTime, unhealthy: Bool = false) {
        state = .stopping(Stopping(again: now.after(Limits.stopRepeat), unhealthy: unhealthy))
    }

    /// Acts on the time that has passed. After `startTookTooLong`, `updateTookTooLong`, `unhealthy` and `stop` the
    /// replica is stopping.
    mutating func expire(now: MonotonicTime) -> Timeout? {
        guard wakeUp <= now else { return nil }
        switch state {
        case .starting(let until):
            if now < until {
                slowAt = now.after(Limits.slowStart)
                return .startIsSlow
            }
            stop(now: now)
            return .startTookTooLong
        case .draining(_, let unhealthy):
            stop(now: now, unhealthy: unhealthy)
            return .stop
        case .stopping(var stopping):
            stopping.again = now.after(Limits.stopRepeat)
            stopping.told += 1
            state = .stopping(stopping)
            return .stop
        case .running(var running):
            if let update = running.update, update.until <= now {
                configuration = nil
                stop(now: now, unhealthy: true)
                return .updateTookTooLong
            }
            if case .outstanding(let sent, let until) = running.probe, until <= now {
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
            case .running(let running): running.update == nil ? .running : .reconfiguring
            case .draining(_, let unhealthy): unhealthy ? .unhealthy : .draining
            case .stopping(let stopping): stopping.unhealthy ? .unhealthy : .stopping
            }
        return ReplicaStatus(
            id: id,
            state: shown,
            node: place?.node,
            processID: processID,
            startUp: startUp,
            message: checkFailure,
            reservation: reservation.resources == Resources() ? nil : reservation,
            memoryLimit: place?.memoryLimit,
            models: models,
            batches: batches
        )
    }
}
