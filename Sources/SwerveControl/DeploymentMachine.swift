internal import SwerveCore

/// The observed state of one deployment: its replicas, the attempts to start them, and the last publication.
///
/// Each entry point takes the goal, a ``GoalState/Deployment``, and may change it. It then calls
/// ``settle(_:now:supply:stopping:)``, which alone decides what is published, drained, stopped and started. In its
/// actions a replica leaves the published set before it is told to drain or stop.
struct DeploymentMachine: Sendable {
    typealias Goal = GoalState.Deployment

    /// What callers were last told.
    enum Publication: Hashable, Sendable {
        case nothing
        case set([ServingReplica], PoolOptions)
        case withdrawn(ServeError)
    }

    /// Replicas that wait for resources.
    struct Pending: Sendable {
        var since: MonotonicTime
        /// Their seats, in the order in which they fell vacant.
        var seats: [Seat]
        /// Why the first of them cannot start.
        var reason: String
    }

    /// Sorted by number, because numbers only grow. Only this type and its ``settle(_:now:supply:stopping:)`` change
    /// them.
    var replicas: [ReplicaMachine] = []
    /// The attempts for the revision that replicas are started from; meaningless while none are started.
    var attempts: Attempts
    var publication = Publication.nothing
    /// Whether the target number of replicas of the latest deploy is ready, and none of an earlier revision serves.
    var isHealthy = false
    /// Whether it was healthy since the latest deploy.
    var wasHealthy = false
    /// The replicas that cannot start because resources are missing; `nil` if there are none.
    var pending: Pending?
    /// Whether the rollout stops old replicas first, because the new ones need what those hold.
    var isForcedToStopFirst = false
    /// Whether ``publication`` is what an earlier controller published, so that it is published again in any case: its
    /// options may be older.
    var isInherited = false
    /// The rollout of the latest deploy, until the deployment is healthy.
    var rollout = RolloutProgress()
    /// Decides the target; `nil` while that is fixed.
    var scaler: Scaler?
    /// When ``tick(_:now:supply:)`` next has something to do. It may be too early, never too late.
    var wakeUp: MonotonicTime?

    /// - Parameter goal: the goal of an earlier controller, or of the present deploy.
    init(_ goal: Goal) {
        attempts = Attempts(everReady: goal.isTrusted)
        // Loads that are reported before the first tick count: nobody repeats them.
        if goal.startsReplicas { scaler = goal.spec.options.scaling.map { Scaler($0) } }
    }

    /// Takes over the replicas that an earlier controller started.
    ///
    /// - Parameter found: those of this deployment.
    mutating func adopt(_ found: [Inventory.Replica], _ goal: Goal, now: MonotonicTime) {
        replicas = found.sorted { $0.id.number < $1.id.number }.map { ReplicaMachine($0, now: now) }
        let published = found.filter(\.isPublished)
        if !published.isEmpty {
            let serving = published.map {
                ServingReplica(id: $0.id, maxOngoingRequests: $0.spec.options.maxOngoingRequests)
            }
            publication = .set(serving.sorted { $0.id < $1.id }, PoolOptions(goal.spec.options))
        }
        replace(with: goal.spec)
        if runningCount > 0 { attempts.everReady = true }
        isInherited = true
    }

    /// Whether calls go to at least one replica, and only to replicas of the latest deploy.
    func isServing(_ goal: Goal) -> Bool {
        goal.serves && runningCount > 0 && !replicas.contains { $0.isRunning && !isLatest($0, goal) }
    }

    /// Whether calls go to at least one replica, of whatever version.
    var hasServing: Bool { replicas.contains { $0.isRunning && $0.standing != .discarded } }

    /// Whether there are replicas that are on their way out, or will be.
    var isMoving: Bool {
        replicas.contains { !$0.isStuck && ($0.standing != .current || !($0.isStarting || $0.isRunning)) }
    }

    /// Whether the replica is, as it is, one of the goal's spec.
    func isLatest(_ replica: ReplicaMachine, _ goal: Goal) -> Bool {
        replica.standing == .current && replica.configuration == goal.spec.configuration && replica.update == nil
    }

    /// Whether it is retired and all its replicas are gone, except stuck ones.
    func isGone(_ goal: Goal) -> Bool { goal.isRetired && replicas.allSatisfy(\.isStuck) }

    /// How many replicas of the current spec run.
    var runningCount: Int { replicas.count { $0.standing == .current && $0.isRunning } }

    // MARK: Entry points

    /// A deploy makes `new` the goal, with the target that it asks for.
    mutating func apply(
        _ new: DeploymentSpec,
        _ goal: inout Goal,
        now: MonotonicTime,
        supply: inout Supply
    ) -> [ControlAction] {
        let target = goal.target(after: new)
        wasHealthy = false
        if new.isEquivalent(to: goal.spec), goal.startsReplicas {
            attempts.startAgain(target: goal.target.replicas)
            goal.spec = new
        } else {
            let isGood = goal.isTrusted || (goal.fallback == nil && isServing(goal))
            if goal.startsReplicas, goal.target.replicas > 0, isGood {
                goal.fallback = Goal.Fallback(spec: goal.spec, target: goal.target)
            }
            goal.isTrusted = goal.fallback?.spec.isEquivalent(to: new) ?? false
            if goal.isTrusted { goal.fallback = nil }
            goal.spec = new
            replace(with: new)
            attempts = Attempts(everReady: goal.isTrusted || runningCount > 0)
        }
        takeOptions(of: new)
        rollout = RolloutProgress(since: now)
        isForcedToStopFirst = false
        goal.course = .serve
        goal.target = target
        return settle(&goal, now: now, supply: &supply)
    }

    /// Removes all replicas, and makes calls fail with `reason`.
    mutating func retire(
        reason: ServeError,
        _ goal: inout Goal,
        now: MonotonicTime,
        supply: inout Supply
    ) -> [ControlAction] {
        if goal.isRetired { return [] }
        goal.course = .retired(reason: reason)
        goal.fallback = nil
        return settle(&goal, now: now, supply: &supply)
    }

    mutating func handle(
        _ event: ReplicaEvent,
        of number: UInt64,
        _ goal: inout Goal,
        now: MonotonicTime,
        supply: inout Supply
    ) -> [ControlAction] {
        guard let index = index(of: number) else { return [] }
        switch event {
        case .loadChanged: return []
        case .placed, .launched, .connected, .probeAnswered, .checkPassed, .modelsChanged, .batchesChanged:
            note(event, of: index, now: now)
            return []
        case .checkFailed(let message):
            guard replicas[index].checkFailed(message) else { return [] }
            return replaceUnhealthy(index, message, &goal, now: now, supply: &supply)
        case .reconfigured(let update):
            guard replicas[index].endUpdate(update, failed: false) != nil else { return [] }
            if isLatest(replicas[index], goal) { rollout.since = now }
            return settle(&goal, now: now, supply: &supply)
        case .reconfigurationFailed(let update, let message):
            guard let target = replicas[index].endUpdate(update, failed: true) else { return [] }
            // A change that is no longer wanted may fail.
            if target != goal.spec.configuration { return settle(&goal, now: now, supply: &supply) }
            return giveUpUpdate(of: index, message, &goal, now: now, supply: &supply)
        case .ready:
            guard replicas[index].becomeReady(now: now) else { return [] }
            if replicas[index].standing == .current {
                attempts.everReady = true
                rollout.since = now
            }
            return settle(&goal, now: now, supply: &supply)
        case .initializationFailed(let message):
            guard replicas[index].isStarting else { return [] }
            let replica = replicas[index]
            replicas[index].stop(now: now)
            noteFailedStart(of: replica, message, &goal, now: now)
            return settle(&goal, now: now, supply: &supply, stopping: [.stop(replica.id)])
        case .exited(let reason):
            let replica = replicas.remove(at: index)
            if replica.isStarting {
                let message = "replica \(replica.id) exited while it started: \(reason)"
                noteFailedStart(of: replica, message, &goal, now: now)
            } else if let since = replica.runningSince {
                noteLoss(of: replica, since: since, "replica \(replica.id) exited: \(reason)", &goal, now: now)
            }
            return settle(&goal, now: now, supply: &supply)
        case .drained:
            guard replicas[index].drained(now: now) else { return [] }
            return settle(&goal, now: now, supply: &supply, stopping: [.stop(replicas[index].id)])
        }
    }

    /// Acts on the time that has passed, for the replicas and the back-off.
    mutating func tick(
        _ goal: inout Goal,
        now: MonotonicTime,
        supply: inout Supply
    ) -> [ControlAction] {
        guard let wakeUp, wakeUp <= now else { return [] }
        var stops: [ControlAction] = []
        var probes: [ReplicaID] = []
        for index in replicas.indices {
            let before = replicas[index]
            switch replicas[index].expire(now: now) {
            case nil: break
            case .probe: probes.append(before.id)
            case .stop: stops.append(.stop(before.id))
            case .startIsSlow:
                let (phase, time) = (before.startUp.phase, before.inPhase(now: now))
                if rollout.mayWarn(now: now) { stops.append(.reportSlowStart(before.id, phase, time)) }
            case .startTookTooLong:
                stops.append(.stop(before.id))
                let limit = before.options.startTimeout
                let phase = before.startUp.phase
                let message = "replica \(before.id) did not start within \(limit); it was \(phase)"
                noteFailedStart(of: before, message, &goal, now: now)
            case .updateTookTooLong:
                stops.append(.stop(before.id))
                let limit = before.options.startTimeout
                let message = "replica \(before.id) did not reconfigure within \(limit)"
                if !giveUpRollout(&goal, because: message) {
                    noteLoss(of: replicas[index], since: before.runningSince ?? now, message, &goal, now: now)
                }
            case .unhealthy:
                stops.append(.stop(before.id))
                let misses = "\(Limits.missesUntilUnhealthy) health checks in a row"
                let message = "replica \(before.id) did not answer \(misses)"
                noteLoss(of: before, since: before.runningSince ?? now, message, &goal, now: now)
            }
        }
        giveUpStalledRollout(&goal, now: now)
        let actions = settle(&goal, now: now, supply: &supply, stopping: stops)
        // A failure noticed in this tick can stop replicas that were about to be probed.
        return actions + probes.filter { isRunning($0.number) }.map { .probe($0) }
    }

    // MARK: Bookkeeping

    func index(of number: UInt64) -> Int? {
        var low = 0
        var high = replicas.count
        while low < high {
            let middle = (low + high) / 2
            if replicas[middle].id.number < number { low = middle + 1 } else { high = middle }
        }
        return low < replicas.count && replicas[low].id.number == number ? low : nil
    }

    private func isRunning(_ number: UInt64) -> Bool { index(of: number).map { replicas[$0].isRunning } ?? false }

    /// Switches to another spec for new replicas. Published replicas may serve until the new ones are ready.
    mutating func replace(with new: DeploymentSpec) {
        let revision = new.revision
        // What the next revision needs may fit beside the old ones.
        isForcedToStopFirst = false
        let serving: Set<ReplicaID> = if case .set(let set, _) = publication { Set(set.map(\.id)) } else { [] }
        for index in replicas.indices {
            let replica = replicas[index]
            if replica.revision == revision {
                replicas[index].standing = .current
            } else {
                replicas[index].standing = serving.contains(replica.id) ? .old : .discarded
            }
        }
    }

    /// A replica failed before it was ready, or so soon afterwards that it counts as a failed start.
    private mutating func noteFailedStart(
        of replica: ReplicaMachine,
        _ message: String,
        _ goal: inout Goal,
        now: MonotonicTime
    ) {
        let seat = isProven(since: replica.seat.lastFailure, now: now) ? Seat() : replica.seat
        noteFailure(of: replica, message, &goal) { $0.backOff.failed(seat, now: now) }
    }

    /// A running replica is gone or unhealthy. One that ran long enough is replaced at once.
    mutating func noteLoss(
        of replica: ReplicaMachine,
        since: MonotonicTime,
        _ message: String,
        _ goal: inout Goal,
        now: MonotonicTime
    ) {
        if since.after(Limits.provenAfter) > now {
            noteFailedStart(of: replica, message, &goal, now: now)
        } else {
            noteFailure(of: replica, message, &goal) { _ in }
        }
    }

    /// A failure of the latest spec counts. One of an earlier revision only delays the replacement.
    private mutating func noteFailure(
        of replica: ReplicaMachine,
        _ message: String,
        _ goal: inout Goal,
        _ change: (inout Attempts) -> Void
    ) {
        guard goal.startsReplicas else { return }
        if replica.standing == .old { return change(&rollout.healing) }
        // A replica that was started from an earlier configuration says nothing about the latest.
        guard isLatest(replica, goal) || replica.configuration == nil else { return }
        attempts.failures += 1
        attempts.lastFailure = message
        change(&attempts)
        guard goal.serves, attempts.areExhausted(target: goal.target.replicas) else { return }
        let reason = "\(attempts.failures) attempts to start a replica failed; last failure: \(message)"
        // Replicas that serve keep serving, also those of a version that nobody would return to.
        let serves = replicas.contains { $0.isRunning && $0.standing != .discarded }
        if !giveUpRollout(&goal, because: reason), !attempts.everReady, !serves {
            goal.course = .failed(message: reason)
        }
    }

    /// Whether starting works again: a current replica became ready after the seat's last failure, and lasted.
    private func isProven(since lastFailure: MonotonicTime?, now: MonotonicTime) -> Bool {
        guard let lastFailure else { return false }
        return replicas.contains { replica in
            guard replica.standing == .current, let since = replica.runningSince else { return false }
            return since >= lastFailure && since.after(Limits.provenAfter) <= now
        }
    }
}
