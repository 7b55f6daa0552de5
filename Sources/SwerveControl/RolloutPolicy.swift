package import SwerveCore

/// How many replicas of a deployment there are of each kind, while new ones take the place of old ones.
package struct RolloutCounts: Hashable, Sendable {
    /// How many replicas are wanted.
    package var target: Int
    /// Replicas of the present revision that are ready.
    package var running: Int
    /// Those of ``running`` that took the place of one that failed and have not lasted yet.
    package var doubtful: Int
    /// Replicas of the present revision that are not ready yet.
    package var starting: Int
    /// Whether calls go to replicas of the present revision already.
    package var newServe: Bool
    /// Replicas of earlier revisions that serve.
    package var old: Int
    /// Replicas of earlier revisions that drain or stop, and so still hold what they need.
    package var oldLeaving: Int

    package init(
        target: Int,
        running: Int = 0,
        doubtful: Int = 0,
        starting: Int = 0,
        newServe: Bool = false,
        old: Int = 0,
        oldLeaving: Int = 0
    ) {
        self.target = target
        self.running = running
        self.doubtful = doubtful
        self.starting = starting
        self.newServe = newServe
        self.old = old
        self.oldLeaving = oldLeaving
    }
}

/// What a roll-out does next.
package struct RolloutStep: Hashable, Sendable {
    /// How many seats for further replicas of the present revision there are. One is started in each, unless the seat
    /// waits because the last replica in it failed: a seat that waits is given to no other replica.
    package var vacant: Int
    /// How many replicas of the present revision are too many.
    package var surplus: Int
    /// How many old replicas go.
    package var leaving: Int
    /// Whether calls go to the ready replicas of the present revision. They go to the old ones that stay in any case.
    package var newServe: Bool
    /// Whether more old replicas would go if the doubtful new ones had lasted.
    package var isInDoubt: Bool

    package init(vacant: Int = 0, surplus: Int = 0, leaving: Int = 0, newServe: Bool, isInDoubt: Bool = false) {
        self.vacant = vacant
        self.surplus = surplus
        self.leaving = leaving
        self.newServe = newServe
        self.isInDoubt = isInDoubt
    }
}

extension DeploymentOptions.Rollout {
    /// What is to be done when the replicas are as `counts` says.
    ///
    /// It is the whole rule: the step after a change of the target, of the rule or of the replicas follows from the counts
    /// alone, and without old replicas it is the rule of scaling. A step never takes the serving replicas below the target
    /// less ``maxUnavailable`` and, unless new ones serve together, starts none beyond the target and ``maxSurge``.
    package func step(_ counts: RolloutCounts) -> RolloutStep {
        let target = counts.target
        let current = counts.running + counts.starting
        let surplus = max(0, current - target)
        let kept = current - surplus
        // Those that do not run yet are the first that are too many.
        let running = min(counts.running, target)
        if servesTogether {
            let areReady = running >= target
            return RolloutStep(
                vacant: target - kept,
                surplus: surplus,
                leaving: areReady ? counts.old : 0,
                newServe: areReady || counts.old == 0 || counts.newServe
            )
        }
        let (surge, unavailable) = bounds(target: target)
        func replaceable(_ new: Int) -> Int { min(max(0, new + counts.old - (target - unavailable)), counts.old) }
        // A version that crashes after it was ready must not take one old replica after the other with it.
        let leaving = replaceable(max(0, running - counts.doubtful))
        let held = surge == 0 ? counts.oldLeaving + leaving : 0
        let room = target + surge - kept - (counts.old - leaving) - held
        return RolloutStep(
            vacant: max(0, min(target - kept, room)),
            surplus: surplus,
            leaving: leaving,
            newServe: true,
            isInDoubt: leaving < replaceable(running)
        )
    }

    /// How many replicas there may be beyond the target, and how many fewer than it may serve.
    package func bounds(target: Int) -> (surge: Int, unavailable: Int) {
        let surge = maxSurge.replicas(of: target, roundedUp: true)
        let unavailable = min(maxUnavailable.replicas(of: target, roundedUp: false), target)
        return surge + unavailable == 0 ? (0, min(1, target)) : (surge, unavailable)
    }
}
