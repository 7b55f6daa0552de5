internal import SwerveCore

extension DeploymentMachine {
    /// When a tick next has something to do, for the replicas or for the target.
    var nextWakeUp: MonotonicTime? {
        guard let due = scaler?.wakeUp else { return wakeUp }
        return wakeUp.map { min($0, due) } ?? due
    }

    /// Lets the policy decide on the target, and settles if it decides on another.
    mutating func autoscale(_ goal: inout Goal, now: MonotonicTime, supply: inout Supply) -> [ControlAction] {
        guard goal.startsReplicas, let settings = goal.spec.options.scaling else {
            scaler = nil
            return []
        }
        scaler = scaler ?? Scaler(settings)
        scaler?.use(settings)
        let facts = Scaler.Facts(
            deployment: goal.id,
            running: runningCount,
            target: goal.target.replicas,
            maxOngoingRequests: goal.spec.options.maxOngoingRequests,
            bounds: supply.bounds(of: settings)
        )
        guard let target = scaler?.decide(facts, now: now) else { return [] }
        goal.target = target
        return settle(&goal, now: now, supply: &supply)
    }

    /// Decides again if that is due.
    mutating func autoscaleIfDue(_ goal: inout Goal, now: MonotonicTime, supply: inout Supply) -> [ControlAction] {
        guard let due = scaler?.wakeUp, due <= now else { return [] }
        return autoscale(&goal, now: now, supply: &supply)
    }

    /// A process's load changed; `nil` if the process is gone.
    mutating func note(
        _ load: Load?,
        of source: LoadSource,
        _ goal: inout Goal,
        now: MonotonicTime,
        supply: inout Supply
    ) -> [ControlAction] {
        guard scaler != nil else { return [] }
        if let load {
            scaler?.record(load, of: source, now: now)
        } else {
            scaler?.forget(source, now: now)
        }
        return autoscale(&goal, now: now, supply: &supply)
    }

    /// Whether only more replicas for a grown load are missing.
    func isUpscaling(_ goal: Goal) -> Bool {
        goal.serves && wasHealthy && goal.target.decidedBy == .policy && attempts.lastFailure.isEmpty
            && runningCount < goal.target.replicas
    }
}

extension GoalState.Deployment {
    /// The target that a deploy of `new` sets. A deployment that is autoscaled keeps the number that it has, within the
    /// bounds, unless the deploy brings another number to begin with.
    func target(after new: DeploymentSpec) -> Target {
        guard let settings = new.options.decidingAutoscaling else {
            return Target(replicas: new.options.numReplicas, decidedBy: .user)
        }
        let isNew = !startsReplicas || (settings.initialReplicas != nil && spec.options.decidingAutoscaling != settings)
        let wanted = isNew ? new.options.firstReplicas : target.replicas
        let kept = min(max(wanted, settings.minReplicas), settings.maxReplicas)
        if !isNew, target.decidedBy == .policy, kept == target.replicas { return target }
        return Target(
            replicas: kept,
            decidedBy: .policy,
            reason: isNew ? "the deploy starts with them" : "the deploy keeps them"
        )
    }
}

extension Supply {
    /// The bounds of the settings, as the target capacity changes them.
    func bounds(of settings: Autoscaling) -> ClosedRange<Int> {
        func share(_ replicas: Int) -> Int {
            guard let targetCapacity, replicas > 0 else { return replicas }
            if targetCapacity == 0 { return 0 }
            return max(1, (replicas * targetCapacity + 50) / 100)
        }
        return share(settings.minReplicas)...share(settings.maxReplicas)
    }
}
