internal import SwerveCore

/// One deployment: keeps as many ready replicas of the latest revision as its spec says, and says which ones serve.
///
/// Each entry point changes the state and then calls ``settle(now:numbers:)``, which alone decides what is published,
/// drained, stopped and started. In its actions a replica leaves the published set before it is told to drain or stop.
struct DeploymentMachine: Sendable {
    enum Goal: Sendable {
        /// Replicas are started until the target is reached, also after the deploy counts as failed because some of
        /// them cannot be started. Goes to failed or retired.
        case serve(Attempts)
        /// No replica of this revision ever became ready and no more are tried; the old revision serves on where there
        /// is one. Goes to serve with the next deploy, or to retired.
        case failed(message: String)
        /// All replicas go. Goes to serve when the deployment comes back before they are gone.
        case retired(reason: ServeError)
    }

    /// What callers were last told.
    enum Publication: Hashable, Sendable {
        case nothing
        case set([ReplicaID], DeploymentOptions)
        case withdrawn(ServeError)
    }

    private(set) var spec: DeploymentSpec
    private(set) var goal = Goal.serve(Attempts())
    /// Sorted: numbers only grow.
    private(set) var replicas: [ReplicaMachine] = []
    private(set) var publication = Publication.nothing
    /// Whether the target count of current replicas is ready, and nothing of an earlier revision serves.
    private(set) var isHealthy = false
    /// Not later than the next moment at which ``tick(now:numbers:)`` has something to do; it may be earlier.
    private(set) var wakeUp: MonotonicTime?

    init(spec: DeploymentSpec) {
        self.spec = spec
    }

    var id: DeploymentID { spec.id }
    var target: Int { spec.options.numReplicas }

    /// Whether calls go to at least one replica, and to replicas of the latest revision only.
    var isServing: Bool {
        runningCount > 0 && !replicas.contains { $0.standing == .old && $0.isRunning }
    }

    /// Whether it is retired and its last replica is gone.
    var isGone: Bool {
        if case .retired = goal { replicas.isEmpty } else { false }
    }

    // MARK: Entry points

    mutating func apply(
        _ new: DeploymentSpec,
        now: MonotonicTime,
        numbers: inout ReplicaNumbers
    ) -> [ControlAction] {
        let isSameRevision = new.revision == spec.revision
        let oldTarget = target
        spec = new
        if !isSameRevision { regroup() }
        if case .serve(var attempts) = goal, isSameRevision {
            attempts.startAgain(target: oldTarget)
            goal = .serve(attempts)
        } else {
            goal = .serve(Attempts(everReady: replicas.contains { $0.standing == .current && $0.isRunning }))
        }
        return settle(now: now, numbers: &numbers)
    }

    mutating func retire(
        reason: ServeError,
        now: MonotonicTime,
        numbers: inout ReplicaNumbers
    ) -> [ControlAction] {
        if case .retired = goal { return [] }
        goal = .retired(reason: reason)
        return settle(now: now, numbers: &numbers)
    }

    mutating func handle(
        _ event: ReplicaEvent,
        of number: UInt64,
        now: MonotonicTime,
        numbers: inout ReplicaNumbers
    ) -> [ControlAction] {
        guard let index = index(of: number) else { return [] }
        switch event {
        case .launched(let processID):
            replicas[index].launched(processID: processID)
            return []
        case .probeAnswered:
            replicas[index].probeAnswered()
            wakeUp = wakeUp.map { min($0, replicas[index].wakeUp) }
            return []
        case .ready:
            guard replicas[index].becomeReady(now: now) else { return [] }
            noteReady(replicas[index])
            return settle(now: now, numbers: &numbers)
        case .initializationFailed(let message):
            guard replicas[index].isStarting else { return [] }
            let replica = replicas[index]
            replicas[index].stop(now: now)
            noteFailedStart(of: replica, message, now: now)
            return settle(now: now, numbers: &numbers, stopping: [.stop(replica.id)])
        case .exited(let reason):
            let replica = replicas.remove(at: index)
            if replica.isStarting {
                noteFailedStart(of: replica, "replica \(replica.id) exited while it started: \(reason)", now: now)
            } else if let since = replica.runningSince {
                noteLoss(of: replica, since: since, "replica \(replica.id) exited: \(reason)", now: now)
            }
            return settle(now: now, numbers: &numbers)
        case .drained:
            guard replicas[index].drained(now: now) else { return [] }
            return settle(now: now, numbers: &numbers, stopping: [.stop(replicas[index].id)])
        }
    }

    /// Lets time pass for the replicas and the back-off.
    mutating func tick(now: MonotonicTime, numbers: inout ReplicaNumbers) -> [ControlAction] {
        guard let wakeUp, wakeUp <= now else { return [] }
        var stops: [ControlAction] = []
        var probes: [ControlAction] = []
        for index in replicas.indices {
            let before = replicas[index]
            switch replicas[index].expire(now: now) {
            case nil: break
            case .probe: probes.append(.probe(before.id))
            case .stop: stops.append(.stop(before.id))
            case .startTookTooLong:
                stops.append(.stop(before.id))
                let limit = before.options.startTimeout
                noteFailedStart(of: before, "replica \(before.id) did not start within \(limit)", now: now)
            case .unhealthy:
                stops.append(.stop(before.id))
                let misses = "\(Limits.missesUntilUnhealthy) health checks in a row"
                let message = "replica \(before.id) did not answer \(misses)"
                noteLoss(of: before, since: before.runningSince ?? now, message, now: now)
            }
        }
        return settle(now: now, numbers: &numbers, stopping: stops) + probes
    }

    // MARK: Bookkeeping

    private func index(of number: UInt64) -> Int? {
        var low = 0
        var high = replicas.count
        while low < high {
            let middle = (low + high) / 2
            if replicas[middle].id.number < number { low = middle + 1 } else { high = middle }
        }
        return low < replicas.count && replicas[low].id.number == number ? low : nil
    }

    /// Tells apart, after a change of revision, what may go on serving: what callers know of.
    private mutating func regroup() {
        let revision = spec.revision
        let serving: Set<ReplicaID> = if case .set(let ids, _) = publication { Set(ids) } else { [] }
        for index in replicas.indices {
            let replica = replicas[index]
            if replica.revision == revision {
                replicas[index].standing = .current
            } else {
                replicas[index].standing = serving.contains(replica.id) ? .old : .discarded
            }
        }
    }

    private mutating func noteReady(_ replica: ReplicaMachine) {
        guard case .serve(var attempts) = goal, replica.standing == .current else { return }
        attempts.everReady = true
        goal = .serve(attempts)
    }

    /// A replica failed before it was ready, or so soon after that it counts as that.
    private mutating func noteFailedStart(of replica: ReplicaMachine, _ message: String, now: MonotonicTime) {
        guard case .serve(var attempts) = goal, replica.standing == .current else { return }
        attempts.failures += 1
        attempts.lastFailure = message
        attempts.backOff.failed(isProven(since: replica.seat.lastFailure, now: now) ? Seat() : replica.seat, now: now)
        if !attempts.everReady && attempts.areExhausted(target: target) {
            goal = .failed(message: "\(attempts.failures) attempts to start a replica failed; last failure: \(message)")
        } else {
            goal = .serve(attempts)
        }
    }

    /// A running replica is gone, or as good as. One that was old is not replaced; one that lasted is at once.
    private mutating func noteLoss(
        of replica: ReplicaMachine,
        since: MonotonicTime,
        _ message: String,
        now: MonotonicTime
    ) {
        guard case .serve(var attempts) = goal, replica.standing == .current else { return }
        if since.after(Limits.provenAfter) > now {
            noteFailedStart(of: replica, message, now: now)
        } else {
            attempts.failures += 1
            attempts.lastFailure = message
            goal = .serve(attempts)
        }
    }

    /// Whether a current replica became ready after the last failure in a seat and stayed: starting works again.
    private func isProven(since lastFailure: MonotonicTime?, now: MonotonicTime) -> Bool {
        guard let lastFailure else { return false }
        return replicas.contains { replica in
            guard replica.standing == .current, let since = replica.runningSince else { return false }
            return since >= lastFailure && since.after(Limits.provenAfter) <= now
        }
    }

    // MARK: Deciding

    /// Brings what runs and what is published in line with the goal.
    ///
    /// - Parameter stopping: stops that were decided already; they take their place after the publication.
    private mutating func settle(
        now: MonotonicTime,
        numbers: inout ReplicaNumbers,
        stopping: [ControlAction] = []
    ) -> [ControlAction] {
        let leaving = replicasToDrop()
        var actions = publish(without: leaving) + stopping + drop(leaving, now: now)
        actions += startMissing(now: now, numbers: &numbers)
        noteHealth()
        wakeUp = replicas.lazy.map(\.wakeUp).min()
        if case .serve(let attempts) = goal, let until = attempts.backOff.next {
            wakeUp = wakeUp.map { min($0, until) } ?? until
        }
        return actions
    }

    /// The indices of the starting and running replicas that the goal has no use for.
    private func replicasToDrop() -> Set<Int> {
        let active = replicas.indices.filter { replicas[$0].isStarting || replicas[$0].isRunning }
        switch goal {
        case .retired: return Set(active)
        case .failed: return Set(active.filter { replicas[$0].isStarting || replicas[$0].standing == .discarded })
        case .serve: break
        }
        let current = active.filter { replicas[$0].standing == .current }
        // Those that do not run yet go first, then the newest.
        let byWorth = current.filter { replicas[$0].isRunning } + current.filter { replicas[$0].isStarting }
        var dropped = Set(byWorth.dropFirst(target))
        let ready = current.count { replicas[$0].isRunning && !dropped.contains($0) }
        let isPromoted = ready >= target
        for index in active {
            switch replicas[index].standing {
            case .current: break
            case .old: if isPromoted { dropped.insert(index) }
            case .discarded: dropped.insert(index)
            }
        }
        return dropped
    }

    private mutating func publish(without leaving: Set<Int>) -> [ControlAction] {
        let running = replicas.indices.filter { replicas[$0].isRunning && !leaving.contains($0) }
        let old = running.filter { replicas[$0].standing == .old }
        let next: Publication
        switch goal {
        case .retired(let reason): next = .withdrawn(reason)
        case .failed(let message) where running.isEmpty:
            next = .withdrawn(
                ServeError(.unavailable, "deployment '\(id)' has no replica: \(message)", deployment: id)
            )
        case .serve, .failed:
            // The limits of old replicas are those they were started with, so their options go with them.
            if !old.isEmpty, case .set(_, let options) = publication {
                next = .set(old.map { replicas[$0].id }, options)
            } else {
                next = .set(running.map { replicas[$0].id }, spec.options)
            }
        }
        if next.tellsTheSame(as: publication) { return [] }
        publication = next
        switch next {
        case .nothing: return []
        case .set(let replicas, let options): return [.publish(id, replicas, options)]
        case .withdrawn(let reason): return [.withdraw(id, reason: reason)]
        }
    }

    private mutating func drop(_ leaving: Set<Int>, now: MonotonicTime) -> [ControlAction] {
        leaving.sorted().map { index in
            let replica = replicas[index].id
            if replicas[index].isRunning {
                replicas[index].drain(now: now)
                return .drain(replica)
            } else {
                replicas[index].stop(now: now)
                return .stop(replica)
            }
        }
    }

    private mutating func startMissing(now: MonotonicTime, numbers: inout ReplicaNumbers) -> [ControlAction] {
        guard case .serve(var attempts) = goal else { return [] }
        let live = replicas.count { $0.standing == .current && ($0.isStarting || $0.isRunning) }
        attempts.backOff.trim(to: target - live)
        let seats = attempts.backOff.takeExpired(now: now)
        let missing = max(0, target - live - attempts.backOff.held)
        goal = .serve(attempts)
        return (0..<missing).map { index in
            let replica = ReplicaID(deployment: id, number: numbers.take())
            let seat = index < seats.count ? seats[index] : Seat()
            replicas.append(ReplicaMachine(id: replica, spec: spec, seat: seat, now: now))
            return .start(replica, spec)
        }
    }

    private mutating func noteHealth() {
        guard case .serve(var attempts) = goal else {
            isHealthy = false
            return
        }
        isHealthy =
            runningCount == target
            && replicas.allSatisfy { $0.standing == .current ? !$0.isStarting : !$0.isRunning }
        if isHealthy {
            attempts.lastFailure = ""
            attempts.failures = 0
            goal = .serve(attempts)
        }
    }

    /// How many replicas of the latest revision run.
    var runningCount: Int { replicas.count { $0.standing == .current && $0.isRunning } }
}

extension DeploymentMachine.Publication {
    /// Whether callers behave the same after either; how many replicas are wanted is no matter of theirs.
    fileprivate func tellsTheSame(as other: Self) -> Bool {
        switch (self, other) {
        case (.set(let replicas, let options), .set(let otherReplicas, let otherOptions)):
            replicas == otherReplicas && options.maxOngoingRequests == otherOptions.maxOngoingRequests
                && options.maxQueuedRequests == otherOptions.maxQueuedRequests
                && options.routing == otherOptions.routing
        default: self == other
        }
    }
}
