internal import SwerveCore

/// One deployment: keeps as many ready replicas of the latest revision as its spec says, and says which ones serve.
///
/// Each entry point changes the state and then calls ``settle(now:numbers:)``, which alone decides what is published,
/// drained, stopped and started. In its actions a replica leaves the published set before it is told to drain or stop.
struct DeploymentMachine: Sendable {
    enum Goal: Sendable {
        /// Replicas of the latest deploy's spec are started until the target is reached, also after the deploy counts as
        /// failed because some cannot be. Goes to each of the others.
        case serve(Attempts)
        /// The latest deploy's spec could not be started. The last one that was good runs instead, with its own options
        /// and target, until the next deploy. Goes to serve or retired.
        case fallenBack(because: String, Attempts)
        /// The latest deploy's spec could not be started, there is none to fall back to, and no more replicas are tried.
        /// Goes to serve with the next deploy, or to retired.
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

    /// What replicas are started from.
    private(set) var spec: DeploymentSpec
    /// What takes the place of ``spec`` when that cannot be started; `nil` once it was healthy.
    private var fallback: DeploymentSpec?
    private(set) var goal = Goal.serve(Attempts())
    /// Sorted: numbers only grow.
    private(set) var replicas: [ReplicaMachine] = []
    private(set) var publication = Publication.nothing
    /// Whether the target count of replicas of the latest deploy is ready, and nothing of an earlier revision serves.
    private(set) var isHealthy = false
    /// Not later than the next moment at which ``tick(now:numbers:)`` has something to do; it may be earlier.
    private(set) var wakeUp: MonotonicTime?

    init(spec: DeploymentSpec) {
        self.spec = spec
    }

    var id: DeploymentID { spec.id }
    var target: Int { spec.options.numReplicas }

    /// Whether calls go to at least one replica, and to replicas of the latest deploy only.
    var isServing: Bool {
        guard case .serve = goal else { return false }
        return runningCount > 0 && !replicas.contains { $0.standing == .old && $0.isRunning }
    }

    /// Whether it is retired and its last replica is gone, but for those that do not end whatever is done.
    var isGone: Bool {
        if case .retired = goal { replicas.allSatisfy(\.isStuck) } else { false }
    }

    // MARK: Entry points

    mutating func apply(
        _ new: DeploymentSpec,
        now: MonotonicTime,
        numbers: inout ReplicaNumbers
    ) -> [ControlAction] {
        if new.revision == spec.revision, var attempts {
            attempts.startAgain(target: target)
            spec = new
            goal = .serve(attempts)
        } else {
            if let attempts, target > 0, attempts.isTrusted || (fallback == nil && isServing) { fallback = spec }
            let isTrusted = fallback?.revision == new.revision
            if isTrusted { fallback = nil }
            replace(with: new)
            let everReady = isTrusted || runningCount > 0
            goal = .serve(Attempts(everReady: everReady, isTrusted: isTrusted))
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
        fallback = nil
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
        case .placed(let place):
            replicas[index].placed(place)
            return []
        case .launched(let processID):
            replicas[index].launched(processID: processID)
            return []
        case .probeAnswered:
            replicas[index].probeAnswered()
            wakeUp = wakeUp.map { min($0, replicas[index].wakeUp) }
            return []
        case .ready:
            guard replicas[index].becomeReady(now: now) else { return [] }
            if replicas[index].standing == .current { updateAttempts { $0.everReady = true } }
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
        var probes: [ReplicaID] = []
        for index in replicas.indices {
            let before = replicas[index]
            switch replicas[index].expire(now: now) {
            case nil: break
            case .probe: probes.append(before.id)
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
        let actions = settle(now: now, numbers: &numbers, stopping: stops)
        // A failure that was noticed in the same tick can be the end of those that were to be probed.
        return actions + probes.filter { isRunning($0.number) }.map { .probe($0) }
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

    private func isRunning(_ number: UInt64) -> Bool { index(of: number).map { replicas[$0].isRunning } ?? false }

    /// `nil` while no replicas are started.
    private var attempts: Attempts? {
        switch goal {
        case .serve(let attempts), .fallenBack(_, let attempts): attempts
        case .failed, .retired: nil
        }
    }

    private mutating func updateAttempts(_ change: (inout Attempts) -> Void) {
        switch goal {
        case .serve(var attempts):
            change(&attempts)
            goal = .serve(attempts)
        case .fallenBack(let reason, var attempts):
            change(&attempts)
            goal = .fallenBack(because: reason, attempts)
        case .failed, .retired: break
        }
    }

    /// Starts replicas from another spec from now on; what callers know of may serve until those are ready.
    private mutating func replace(with new: DeploymentSpec) {
        spec = new
        let revision = new.revision
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

    /// A replica failed before it was ready, or so soon after that it counts as that.
    private mutating func noteFailedStart(of replica: ReplicaMachine, _ message: String, now: MonotonicTime) {
        let seat = isProven(since: replica.seat.lastFailure, now: now) ? Seat() : replica.seat
        noteFailure(of: replica, message) { $0.backOff.failed(seat, now: now) }
    }

    /// A running replica is gone, or as good as. One that lasted is replaced at once.
    private mutating func noteLoss(
        of replica: ReplicaMachine,
        since: MonotonicTime,
        _ message: String,
        now: MonotonicTime
    ) {
        if since.after(Limits.provenAfter) > now {
            noteFailedStart(of: replica, message, now: now)
        } else {
            noteFailure(of: replica, message) { _ in }
        }
    }

    /// Those of an earlier revision are not replaced, so their failures do not count.
    private mutating func noteFailure(
        of replica: ReplicaMachine,
        _ message: String,
        _ change: (inout Attempts) -> Void
    ) {
        guard replica.standing == .current else { return }
        updateAttempts { attempts in
            attempts.failures += 1
            attempts.lastFailure = message
            change(&attempts)
        }
        guard case .serve(let attempts) = goal, attempts.areExhausted(target: target) else { return }
        let reason = "\(attempts.failures) attempts to start a replica failed; last failure: \(message)"
        if let fallback, !isServing {
            self.fallback = nil
            replace(with: fallback)
            goal = .fallenBack(because: reason, Attempts(everReady: true, isTrusted: true))
        } else if !attempts.everReady {
            goal = .failed(message: reason)
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
        if let until = attempts?.backOff.next {
            wakeUp = wakeUp.map { min($0, until) } ?? until
        }
        return actions
    }

    /// The indices of the starting and running replicas that the goal has no use for.
    private func replicasToDrop() -> Set<Int> {
        let active = replicas.indices.filter { replicas[$0].isStarting || replicas[$0].isRunning }
        switch goal {
        case .retired, .failed: return Set(active)
        case .serve, .fallenBack: break
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
        case .failed(let message):
            next = .withdrawn(
                ServeError(.unavailable, "deployment '\(id)' has no replica: \(message)", deployment: id)
            )
        case .serve, .fallenBack:
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
        guard var attempts else { return [] }
        let live = replicas.count { $0.standing == .current && ($0.isStarting || $0.isRunning) }
        attempts.backOff.trim(to: target - live)
        let seats = attempts.backOff.takeExpired(now: now)
        let missing = max(0, target - live - attempts.backOff.held)
        updateAttempts { $0 = attempts }
        return (0..<missing).map { index in
            let replica = ReplicaID(deployment: id, number: numbers.take())
            let seat = index < seats.count ? seats[index] : Seat()
            replicas.append(ReplicaMachine(id: replica, spec: spec, seat: seat, now: now))
            return .start(replica, spec)
        }
    }

    private mutating func noteHealth() {
        let isComplete =
            runningCount == target
            && replicas.allSatisfy { $0.standing == .current ? !$0.isStarting : !$0.isRunning }
        if isComplete {
            // No replicas at all prove nothing.
            let isProof = target > 0
            updateAttempts { attempts in
                attempts.lastFailure = ""
                if isProof { attempts.isTrusted = true }
            }
        }
        isHealthy = if case .serve = goal { isComplete } else { false }
        if isHealthy { fallback = nil }
    }

    /// How many replicas of the present spec run.
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
