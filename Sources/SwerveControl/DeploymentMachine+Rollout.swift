internal import SwerveCore

/// What a deployment knows about the rollout of its latest deploy.
struct RolloutProgress: Sendable {
    /// When it began, or last made progress; `nil` in a controller that continues an earlier one's goal.
    var since: MonotonicTime?
    /// Whether the deployment was healthy since.
    var isOver = false
    /// Whether it went without progress for too long and there was nothing to return to.
    var isStalled = false
    /// The attempts to replace lost replicas of the revision that still serves.
    var healing = Attempts()
    /// When replicas of that revision began to wait for resources; `nil` if none waits.
    var healingWaitsSince: MonotonicTime?
    private var lastWarning: MonotonicTime?

    init(since: MonotonicTime? = nil) {
        self.since = since
    }

    /// Whether a warning about a slow start is due, of which there is one at a time for the whole deployment.
    mutating func mayWarn(now: MonotonicTime) -> Bool {
        if let lastWarning, lastWarning.after(Limits.slowStart) > now { return false }
        lastWarning = now
        return true
    }
}

extension DeploymentMachine {
    // MARK: Reports that change no set

    mutating func note(_ event: ReplicaEvent, of index: Int, now: MonotonicTime) {
        switch event {
        case .placed(let place): replicas[index].placed(place, now: now)
        case .launched(let processID): replicas[index].launched(processID: processID, now: now)
        case .connected: replicas[index].connected(now: now)
        case .checkPassed: replicas[index].checkPassed()
        case .modelsChanged(let models): replicas[index].models = models
        case .batchesChanged(let batches): replicas[index].batches = batches
        default: replicas[index].probeAnswered()
        }
        wakeUp = wakeUp.map { min($0, replicas[index].wakeUp) }
    }

    /// Options that need no replica's help are those of the latest spec at once, also for replicas that run.
    mutating func takeOptions(of spec: DeploymentSpec) {
        for index in replicas.indices where replicas[index].standing == .current {
            replicas[index].options = spec.options
        }
    }

    // MARK: Health

    /// The user's check failed so often that the replica must go. It can still finish its requests.
    mutating func replaceUnhealthy(
        _ index: Int,
        _ message: String,
        _ goal: inout Goal,
        now: MonotonicTime,
        supply: inout Supply
    ) -> [ControlAction] {
        let replica = replicas[index]
        let failures = "\(Limits.missesUntilUnhealthy) health checks of replica \(replica.id) failed in a row"
        replicas[index].drain(now: now, unhealthy: true)
        noteLoss(of: replica, since: replica.runningSince ?? now, "\(failures): \(message)", &goal, now: now)
        return settle(&goal, now: now, supply: &supply, stopping: [.drain(replica.id)])
    }

    // MARK: Changing configurations

    /// Whether a replica has to be reconfigured.
    func hasOutdated(_ goal: Goal) -> Bool {
        replicas.contains { $0.standing == .current && $0.isRunning && !isLatest($0, goal) }
    }

    /// Orders as many replicas as the rule allows to take over the goal's configuration. None, while replicas that were
    /// started with it fail.
    mutating func updateConfigurations(_ goal: Goal, without leaving: Set<Int>, now: MonotonicTime) -> [ControlAction] {
        let isInDoubt = replicas.contains { replica in
            guard replica.standing == .current else { return false }
            return replica.isDoubtful(now: now) || (replica.isStarting && replica.seat.failures > 0)
        }
        if goal.serves, isInDoubt || attempts.backOff.held > 0 { return [] }
        let outdated = replicas.indices.filter { index in
            let replica = replicas[index]
            return replica.standing == .current && replica.isRunning && replica.update == nil
                && !isLatest(replica, goal) && !leaving.contains(index)
        }
        let limit = goal.spec.options.rollout.updates(target: goal.target.replicas)
        let running = replicas.count { $0.update != nil }
        return outdated.prefix(max(0, limit - running)).map { index in
            let number = replicas[index].beginUpdate(to: goal.spec.configuration, now: now)
            return .reconfigure(replicas[index].id, goal.spec, number: number)
        }
    }

    /// A replica could not take over a configuration. The others keep theirs, and those that changed change back; the
    /// failed one gets another chance with the configuration that worked. Without such a configuration, it is replaced.
    mutating func giveUpUpdate(
        of index: Int,
        _ message: String,
        _ goal: inout Goal,
        now: MonotonicTime,
        supply: inout Supply
    ) -> [ControlAction] {
        let replica = replicas[index]
        let reason = "replica \(replica.id) could not be reconfigured: \(message)"
        if giveUpRollout(&goal, because: reason) { return settle(&goal, now: now, supply: &supply) }
        replicas[index].drain(now: now, unhealthy: true)
        noteLoss(of: replica, since: replica.runningSince ?? now, reason, &goal, now: now)
        return settle(&goal, now: now, supply: &supply, stopping: [.drain(replica.id)])
    }

    // MARK: Giving up

    /// Stops, or stops again, the replicas that are leaving.
    mutating func hurry(now: MonotonicTime) -> [ControlAction] {
        let leaving = replicas.indices.filter { !replicas[$0].isStarting && !replicas[$0].isRunning }
        for index in leaving { replicas[index].stop(now: now) }
        wakeUp = replicas.lazy.map(\.wakeUp).min()
        return leaving.map { .stop(replicas[$0].id) }
    }

    /// Returns to the last good spec, if there is one and it still serves or nothing does.
    ///
    /// - Returns: whether it did.
    mutating func giveUpRollout(_ goal: inout Goal, because reason: String) -> Bool {
        guard goal.serves, let fallback = goal.fallback, !isServing(goal) else { return false }
        goal.fallback = nil
        goal.spec = fallback.spec
        goal.target = fallback.target
        goal.isTrusted = true
        goal.course = .fallenBack(because: reason)
        replace(with: fallback.spec)
        takeOptions(of: fallback.spec)
        attempts = Attempts(everReady: true)
        attempts.backOff = rollout.healing.backOff
        rollout = RolloutProgress(since: rollout.since)
        isForcedToStopFirst = false
        return true
    }

    /// When a rollout without progress is given up; `nil` when none is under way.
    func progressDeadline(_ goal: Goal) -> MonotonicTime? {
        guard goal.serves, !rollout.isOver, !rollout.isStalled, let since = rollout.since else { return nil }
        return since.after(Self.patience(goal))
    }

    /// A start may take as long as it is allowed to.
    static func patience(_ goal: Goal) -> Duration {
        max(goal.spec.options.progressDeadline, goal.spec.options.startTimeout)
    }

    mutating func giveUpStalledRollout(_ goal: inout Goal, now: MonotonicTime) {
        guard let deadline = progressDeadline(goal), deadline <= now else { return }
        let failure = attempts.lastFailure.isEmpty ? "" : "; last failure: \(attempts.lastFailure)"
        let time = Self.patience(goal)
        if giveUpRollout(&goal, because: "the rollout made no progress for \(time)\(failure)") { return }
        rollout.isStalled = true
    }
}

extension DeploymentOptions.Rollout {
    /// How many replicas may change their configuration at a time. They stay in the set of replicas that serve unless
    /// so many may be missing from it.
    package func updates(target: Int) -> Int { max(1, bounds(target: target).unavailable) }
}
