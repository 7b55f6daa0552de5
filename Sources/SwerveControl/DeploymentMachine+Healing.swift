internal import SwerveCore

extension DeploymentMachine {
    /// The last good spec, while lost replicas of its revision are replaced.
    func healable(_ goal: Goal) -> Goal.Fallback? {
        guard goal.serves, let fallback = goal.fallback else { return nil }
        return fallback.spec.revision == goal.spec.revision ? nil : fallback
    }

    /// Replaces lost replicas of the last good revision while the latest one has not taken over.
    mutating func heal(
        _ goal: Goal,
        _ step: RolloutStep,
        now: MonotonicTime,
        supply: inout Supply
    ) -> [ControlAction] {
        let waitsSince = rollout.healingWaitsSince ?? now
        rollout.healingWaitsSince = nil
        guard let spec = healable(goal)?.spec else {
            rollout.healing.backOff.trim(to: 0)
            return []
        }
        let starting = replicas.count { $0.standing == .old && $0.isStarting }
        let vacant = step.healing - starting
        rollout.healing.backOff.trim(to: vacant)
        let expired = rollout.healing.backOff.takeExpired(now: now)
        let missing = max(0, vacant - rollout.healing.backOff.held)
        var seats = Array(expired.prefix(missing))
        seats += (seats.count..<missing).map { _ in Seat() }
        var actions: [ControlAction] = []
        for seat in seats {
            let replica = ReplicaID(deployment: goal.id, number: supply.numbers.next)
            guard let reservation = try? supply.ledger.reserve(replica, spec.options) else {
                rollout.healingWaitsSince = waitsSince
                return actions
            }
            _ = supply.numbers.take()
            var machine = ReplicaMachine(id: replica, spec: spec, seat: seat, reservation: reservation, now: now)
            machine.standing = .old
            replicas.append(machine)
            actions.append(.start(replica, spec, on: reservation))
        }
        return actions
    }
}
