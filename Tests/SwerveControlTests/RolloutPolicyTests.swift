import SwerveControl
import SwerveCore
import Testing

/// Roll-out rules as functions of counts.
@Suite struct RolloutPolicyTests {
    @Test(
        arguments: [
            // As in Kubernetes: maxSurge is rounded up, maxUnavailable down, and one of them is at least 1.
            (.rolling(), 10, 3, 2), (.rolling(), 4, 1, 1), (.rolling(), 1, 1, 0), (.rolling(), 0, 0, 0),
            (.rolling(maxSurge: 0, maxUnavailable: .percent(10)), 5, 0, 1),
            (.rolling(maxSurge: 0, maxUnavailable: .percent(10)), 0, 0, 0),
            (.rolling(maxSurge: 3, maxUnavailable: 9), 2, 3, 2),
            (.startFirst, 4, 4, 0), (.stopFirst, 4, 0, 4),
        ] as [(DeploymentOptions.Rollout, Int, Int, Int)]
    )
    func `shares are rounded so that a roll-out can proceed`(
        rule: DeploymentOptions.Rollout,
        target: Int,
        surge: Int,
        unavailable: Int
    ) {
        #expect(rule.bounds(target: target) == (surge, unavailable))
    }

    @Test(
        arguments: [
            (.rolling(maxSurge: 0, maxUnavailable: 0), "maxSurge and maxUnavailable are both 0"),
            (.rolling(maxSurge: .percent(0), maxUnavailable: 0), "at least one must be more than 0"),
            (.rolling(maxSurge: -1), "rollout: maxSurge is -1; it must be from 0 to 10000"),
            (.rolling(maxUnavailable: .percent(101)), "rollout: maxUnavailable is 101%; it must be from 0 to 100%"),
        ] as [(DeploymentOptions.Rollout, String)]
    )
    func `a rule that allows no progress or is out of range is refused`(
        rule: DeploymentOptions.Rollout,
        problem: String
    ) throws {
        var bench = Bench()
        let error = #expect(throws: ServeError.self) {
            try bench.deploy(application(deployment { $0.rollout = rule }))
        }
        #expect(error?.code == .invalidOptions)
        #expect(error?.message.contains(problem) == true, "\(error?.message ?? "")")
    }

    @Test func `a rule describes itself`() {
        #expect("\(DeploymentOptions().rollout)" == "startFirst")
        #expect("\(DeploymentOptions.Rollout.stopFirst)" == "stopFirst")
        #expect(
            "\(DeploymentOptions.Rollout.rolling(maxUnavailable: 0))" == "rolling(maxSurge: 25%, maxUnavailable: 0)"
        )
    }

    @Test func `without old replicas every rule only starts missing replicas and removes surplus ones`() {
        for rule in [DeploymentOptions.Rollout.startFirst, .stopFirst, .rolling()] {
            #expect(
                rule.step(RolloutCounts(target: 3, running: 1, starting: 1))
                    == RolloutStep(vacant: 1, newServe: true)
            )
            #expect(
                rule.step(RolloutCounts(target: 1, running: 1, starting: 2))
                    == RolloutStep(surplus: 2, newServe: true)
            )
        }
    }

    /// Every situation with a few replicas: whatever the counts are, a step keeps its bounds, and another step follows
    /// while replicas are left to be replaced.
    @Test(
        arguments: [
            .startFirst, .stopFirst, .rolling(), .rolling(maxSurge: 1, maxUnavailable: 0),
            .rolling(maxSurge: 0, maxUnavailable: 1), .rolling(maxSurge: 2, maxUnavailable: 1),
        ] as [DeploymentOptions.Rollout]
    )
    func `no step breaks its bounds, and no situation gets stuck`(rule: DeploymentOptions.Rollout) {
        for target in 0...4 {
            let (surge, unavailable) = rule.bounds(target: target)
            for running in 0...5 {
                for (starting, doubtful) in product(0...5, 0...running) {
                    for (old, leaving) in product(0...5, 0...3) {
                        let counts = RolloutCounts(
                            target: target,
                            running: running,
                            doubtful: doubtful,
                            starting: starting,
                            newServe: !rule.servesTogether && running > 0,
                            old: old,
                            leaving: leaving
                        )
                        let step = rule.step(counts)
                        let kept = running + starting - step.surplus
                        let serving = old - step.leaving + (step.newServe ? min(running, target) : 0)
                        #expect(step.vacant >= 0 && step.leaving <= old && kept <= target, "\(counts)")
                        if step.leaving > 0 { #expect(serving >= target - unavailable, "\(counts)") }
                        if step.vacant > 0, !rule.servesTogether {
                            let held = surge == 0 ? leaving + step.leaving : 0
                            #expect(kept + step.vacant + old - step.leaving + held <= target + surge, "\(counts)")
                        }
                        let isDone = kept == target && min(running, target) == target && old == 0
                        let waits = starting > 0 || leaving > 0 || step.isInDoubt || doubtful > 0
                        #expect(
                            isDone || waits || step.vacant > 0 || step.leaving > 0 || step.surplus > 0,
                            "nothing happens: \(counts)"
                        )
                    }
                }
            }
        }
    }

    private func product(_ first: ClosedRange<Int>, _ second: ClosedRange<Int>) -> [(Int, Int)] {
        first.flatMap { one in second.map { (one, $0) } }
    }
}
