internal import SwerveCore

extension DeploymentMachine {
    /// Brings the running and the published replicas in line with the goal.
    mutating func settle(
        _ goal: inout Goal,
        now: MonotonicTime,
        supply: inout Supply,
        stopping: [ControlAction] = []
    ) -> [ControlAction] {
        let waited = pending != nil
        var actions = advance(&goal, now: now, supply: &supply, stopping: stopping)
        // A roll-out that makes its own room does not need the operator.
        if let pending, !waited, !isForcedToStopFirst {
            actions.append(.waitForResources(goal.id, reason: pending.reason))
        }
        return actions
    }

    private mutating func advance(
        _ goal: inout Goal,
        now: MonotonicTime,
        supply: inout Supply,
        stopping: [ControlAction] = [],
        makesRoom: Bool = false
    ) -> [ControlAction] {
        if rollout.since == nil { rollout.since = now }
        let counts = counts(goal, now: now)
        // While old replicas may be replaced, they could take again what they stopped for.
        if counts.old == 0, healable(goal) == nil { isForcedToStopFirst = false }
        var step = rule(goal).step(counts)
        if makesRoom { step.leaving = max(step.leaving, 1) }
        let leaving = goal.startsReplicas ? replicasToDrop(step) : activeReplicas
        let updates = goal.startsReplicas ? updateConfigurations(goal, without: leaving, now: now) : []
        var actions = publish(goal, step, without: leaving) + stopping + drop(leaving, now: now) + updates
        if goal.startsReplicas {
            actions += heal(goal, step, now: now, supply: &supply)
            actions += startMissing(goal, step, now: now, supply: &supply)
        } else {
            pending = nil
            rollout.healingWaitsSince = nil
        }
        if pending != nil, oldReplicasHoldWhatIsMissing(goal, supply) {
            // Also if fewer serve already than the rule asks for: otherwise nothing would ever change.
            isForcedToStopFirst = true
            return actions + advance(&goal, now: now, supply: &supply, makesRoom: true)
        }
        noteHealth(&goal)
        wakeUp = replicas.lazy.map(\.wakeUp).min()
        if goal.startsReplicas, let until = attempts.backOff.next { wakeUp = earlier(until) }
        if goal.startsReplicas, let until = rollout.healing.backOff.next { wakeUp = earlier(until) }
        if let until = progressDeadline(goal) { wakeUp = earlier(until) }
        let isWaiting = goal.startsReplicas && (step.isInDoubt || hasOutdated(goal))
        if isWaiting, let until = endOfDoubt(now: now) { wakeUp = earlier(until) }
        return actions
    }

    /// The rule for the rollout: the deployment's own, unless resources force another.
    private func rule(_ goal: Goal) -> DeploymentOptions.Rollout {
        isForcedToStopFirst ? .rolling(maxSurge: 0, maxUnavailable: 1) : goal.spec.options.rollout
    }

    /// Whether a pending replica could start if the old replicas that serve were gone, and no replica is on its way out
    /// already.
    private func oldReplicasHoldWhatIsMissing(_ goal: Goal, _ supply: Supply) -> Bool {
        let old = replicas.filter { $0.standing == .old && $0.isRunning }
        let isMoving = replicas.contains { !$0.isStuck && !$0.isRunning }
        if old.isEmpty || isMoving { return false }
        var ledger = supply.ledger
        for replica in old { _ = ledger.release(replica.id) }
        return ledger.hasRoom(for: goal.spec)
    }

    private func earlier(_ time: MonotonicTime) -> MonotonicTime { wakeUp.map { min($0, time) } ?? time }

    private var activeReplicas: Set<Int> {
        Set(replicas.indices.filter { replicas[$0].isStarting || replicas[$0].isRunning })
    }

    // MARK: Counting

    private func counts(_ goal: Goal, now: MonotonicTime) -> RolloutCounts {
        let serving: [ServingReplica] = if case .set(let set, _) = publication { set } else { [] }
        let published = Set(serving.lazy.map(\.id))
        var counts = RolloutCounts(target: goal.target.replicas, oldTarget: healable(goal)?.target.replicas ?? 0)
        for replica in replicas {
            switch replica.standing {
            case .current where replica.isRunning:
                counts.running += 1
                if replica.isDoubtful(now: now) { counts.doubtful += 1 }
                if published.contains(replica.id) { counts.newServe = true }
            case .current where replica.isStarting: counts.starting += 1
            case .old where replica.isRunning: counts.old += 1
            case .old where replica.isStarting: counts.oldStarting += 1
            case .current, .old, .discarded: if !replica.isStuck { counts.leaving += 1 }
            }
        }
        return counts
    }

    /// When the next doubtful replica, one that replaced a failed one, has lasted long enough.
    private func endOfDoubt(now: MonotonicTime) -> MonotonicTime? {
        replicas.lazy.filter { $0.standing == .current && $0.isDoubtful(now: now) }
            .compactMap { $0.runningSince?.after(Limits.provenAfter) }.min()
    }

    /// The indices of the starting and running replicas that the goal does not need.
    private func replicasToDrop(_ step: RolloutStep) -> Set<Int> {
        let active = replicas.indices.filter { replicas[$0].isStarting || replicas[$0].isRunning }
        let current = active.filter { replicas[$0].standing == .current }
        // Replicas that do not run yet go first, then the newest.
        let byWorth = current.filter { replicas[$0].isRunning } + current.filter { replicas[$0].isStarting }
        let discarded = active.filter { replicas[$0].standing == .discarded }
        // Here, too, the newest go first: of two earlier revisions, the later one may have been bad.
        let old = active.filter { replicas[$0].standing == .old && replicas[$0].isRunning }
        let healing = active.filter { replicas[$0].standing == .old && replicas[$0].isStarting }
        return Set(
            byWorth.suffix(step.surplus) + discarded + old.suffix(step.leaving) + healing.dropFirst(step.healing)
        )
    }

    // MARK: Acting

    private mutating func publish(_ goal: Goal, _ step: RolloutStep, without leaving: Set<Int>) -> [ControlAction] {
        let next: Publication
        switch goal.course {
        case .retired(let reason): next = .withdrawn(reason)
        case .failed(let message):
            let error = ServeError(
                .unavailable,
                "deployment '\(goal.id)' has no replica: \(message)",
                deployment: goal.id
            )
            next = .withdrawn(error)
        case .serve, .fallenBack:
            var serving = replicas.indices.filter { index in
                replicas[index].isRunning && !leaving.contains(index)
                    && (step.newServe || replicas[index].standing == .old)
            }
            let target = goal.target.replicas
            let needed = max(1, target - rule(goal).bounds(target: target).unavailable)
            for index in serving where replicas[index].update != nil && serving.count > needed {
                serving.removeAll { $0 == index }
            }
            next = .set(serving.map { replicas[$0].serving }, PoolOptions(goal.spec.options))
        }
        if next == publication, !isInherited { return [] }
        publication = next
        isInherited = false
        switch next {
        case .nothing: return []
        case .set(let replicas, let options): return [.publish(goal.id, replicas, options)]
        case .withdrawn(let reason): return [.withdraw(goal.id, reason: reason)]
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

    private mutating func startMissing(
        _ goal: Goal,
        _ step: RolloutStep,
        now: MonotonicTime,
        supply: inout Supply
    ) -> [ControlAction] {
        attempts.backOff.trim(to: step.vacant)
        let expired = attempts.backOff.takeExpired(now: now)
        let missing = max(0, step.vacant - attempts.backOff.held)
        var seats = Array(((pending?.seats ?? []) + expired).prefix(missing))
        seats += (seats.count..<missing).map { _ in Seat() }
        var actions: [ControlAction] = []
        for (index, seat) in seats.enumerated() {
            let replica = ReplicaID(deployment: goal.id, number: supply.numbers.next)
            do {
                let reservation = try supply.ledger.reserve(replica, goal.spec.options)
                _ = supply.numbers.take()
                replicas.append(
                    ReplicaMachine(id: replica, spec: goal.spec, seat: seat, reservation: reservation, now: now)
                )
                actions.append(.start(replica, goal.spec, on: reservation))
            } catch {
                let since = pending?.since ?? now
                pending = Pending(since: since, seats: Array(seats[index...]), reason: error.description)
                return actions
            }
        }
        pending = nil
        return actions
    }

    private mutating func noteHealth(_ goal: inout Goal) {
        let isComplete =
            runningCount == goal.target.replicas
            && replicas.allSatisfy { replica in
                replica.standing == .current
                    ? !replica.isStarting && (!replica.isRunning || isLatest(replica, goal))
                    : !replica.isRunning
            }
        if isComplete, goal.startsReplicas {
            attempts.lastFailure = ""
            // A target of 0 proves nothing about the revision.
            if goal.target.replicas > 0 { goal.isTrusted = true }
        }
        isHealthy = isComplete && goal.serves
        wasHealthy = wasHealthy || isHealthy
        if isHealthy {
            goal.fallback = nil
            rollout.isOver = true
            isForcedToStopFirst = false
        }
    }
}

extension ReplicaMachine {
    fileprivate var serving: ServingReplica {
        ServingReplica(id: id, maxOngoingRequests: maxOngoingRequests)
    }

    /// Whether it replaces a failed replica and has not run long enough to be trusted.
    func isDoubtful(now: MonotonicTime) -> Bool {
        guard seat.failures > 0, let since = runningSince else { return false }
        return since.after(Limits.provenAfter) > now
    }
}
