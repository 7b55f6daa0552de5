package import SwerveCore

/// How many replicas of each kind a deployment has during a rollout.
package struct RolloutCounts: Hashable, Sendable {
    /// How many replicas are wanted.
    package var target: Int
    /// Replicas of the current revision that are ready.
    package var running: Int
    /// Those of ``running`` that replaced a failed replica and have not run long enough to be trusted.
    package var doubtful: Int
    /// Replicas of the current revision that are not ready yet.
    package var starting: Int
    /// Whether calls already go to replicas of the current revision.
    package var newServe: Bool
    /// Replicas of earlier revisions that serve.
    package var old: Int
    /// Replicas of the last good revision that replace lost ones and are not ready yet.
    package var oldStarting = 0
    /// How many replicas the last good revision had as its target; 0 without one. Lost ones are replaced up to this.
    package var oldTarget: Int
    /// Replicas of any revision that drain or stop, and so still hold their resources.
    package var leaving: Int

    package init(
        target: Int,
        running: Int = 0,
        doubtful: Int = 0,
        starting: Int = 0,
        newServe: Bool = false,
        old: Int = 0,
        oldTarget: Int = 0,
        leaving: Int = 0
    ) {
        self.target = target
        self.running = running
        self.doubtful = doubtful
        self.starting = starting
        self.newServe = newServe
        self.old = old
        self.oldTarget = oldTarget
        self.leaving = leaving
    }
}

/// What a rollout does next.
package struct RolloutStep: Hashable, Sendable {
    /// How many seats are free for further replicas of the current revision. One is started in each, except in seats
    /// that wait because their last replica failed.
    package var vacant: Int
    /// How many replicas of the current revision are too many.
    package var surplus: Int
    /// How many old replicas leave.
    package var leaving: Int
    /// How many replicas of the last good revision should be starting, in the place of lost ones.
    package var healing: Int
    /// Whether calls go to the ready replicas of the current revision. They go to the remaining old ones in any case.
    package var newServe: Bool
    /// Whether more old replicas would leave if the doubtful new ones were trusted.
    package var isInDoubt: Bool

    package init(
        vacant: Int = 0,
        surplus: Int = 0,
        leaving: Int = 0,
        healing: Int = 0,
        newServe: Bool,
        isInDoubt: Bool = false
    ) {
        self.vacant = vacant
        self.surplus = surplus
        self.leaving = leaving
        self.healing = healing
        self.newServe = newServe
        self.isInDoubt = isInDoubt
    }
}

extension DeploymentOptions.Rollout {
    /// The next step of the rollout for these counts.
    ///
    /// This is the whole rule: after a change of the target, the rule or the replicas, the step follows from the counts
    /// alone. Without old replicas the same rule does the scaling. A step never takes the serving replicas below the
    /// target minus ``maxUnavailable`` and, unless new ones serve together, never starts replicas beyond the target
    /// plus ``maxSurge``.
    package func step(_ counts: RolloutCounts) -> RolloutStep {
        let target = counts.target
        let current = counts.running + counts.starting
        let surplus = max(0, current - target)
        let kept = current - surplus
        // Replicas that do not run yet count as surplus first.
        let running = min(counts.running, target)
        if servesTogether {
            let areReady = running >= target
            let haveTakenOver = areReady || counts.newServe || (counts.old == 0 && counts.running > 0)
            return RolloutStep(
                vacant: target - kept,
                surplus: surplus,
                leaving: areReady ? counts.old : 0,
                healing: haveTakenOver ? 0 : max(0, min(counts.oldTarget, target) - counts.old),
                newServe: haveTakenOver || counts.old == 0
            )
        }
        let (surge, unavailable) = bounds(target: target)
        func replaceable(_ new: Int) -> Int { min(max(0, new + counts.old - (target - unavailable)), counts.old) }
        // A version that crashes after becoming ready must not cost one old replica after another.
        let leaving = replaceable(max(0, running - counts.doubtful))
        let held = surge == 0 ? counts.leaving + leaving : 0
        let room = target + surge - kept - (counts.old - leaving) - held
        // The old ones serve, so their replacements come first.
        let serving = counts.old + running
        let healing = max(0, min(min(counts.oldTarget, target) - unavailable - serving, room))
        let ended = surge == 0 ? max(0, counts.oldStarting - healing) : 0
        return RolloutStep(
            vacant: max(0, min(target - kept, room - healing - ended)),
            surplus: surplus,
            leaving: leaving,
            healing: healing,
            newServe: true,
            isInDoubt: leaving < replaceable(running)
        )
    }

    /// How many replicas may exist beyond the target, and how many below it may be serving.
    package func bounds(target: Int) -> (surge: Int, unavailable: Int) {
        let surge = maxSurge.replicas(of: target, roundedUp: true)
        let unavailable = min(maxUnavailable.replicas(of: target, roundedUp: false), target)
        return surge + unavailable == 0 ? (0, min(1, target)) : (surge, unavailable)
    }
}
