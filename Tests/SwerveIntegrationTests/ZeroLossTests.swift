import NIOCore
import Swerve
import SwerveTesting
import TestSupport
import Testing

extension IntegrationTests {
    /// A graph with large results that stay with their replicas, and calls from replica to replica, under steady load
    /// while everything about them changes.
    @Suite struct ZeroLoss {
        /// What a change may touch.
        private struct Version {
            var number = 1
            var replicas = 2
            var fill: UInt8 = 1
            var limit = 100
            var period = Duration.seconds(10)
            var rollout: DeploymentOptions.Rollout

            func graph() -> GraphDriver<Int, Int> {
                let input = InputNode<Int>()
                let maker = keeper("Maker").nodes
                let taker = keeper("Taker").nodes
                return GraphDriver.bind(
                    taker.count(maker.make(input)),
                    options: DeploymentOverrides(numReplicas: replicas, rollout: rollout)
                )
            }

            private func keeper(_ name: String) -> Keeper {
                Keeper.options(
                    name: name,
                    numReplicas: replicas,
                    maxOngoingRequests: limit,
                    rollout: rollout,
                    healthCheckPeriod: period
                ).bind(version: number).userConfig(.init(fill: fill))
            }

            func composition() -> Tuned {
                Tuned.options(numReplicas: replicas, rollout: rollout).bind(
                    tunable: Tunable.options(
                        numReplicas: replicas,
                        maxOngoingRequests: limit,
                        rollout: rollout,
                        healthCheckPeriod: period
                    ).bind(version: number).userConfig(.init(factor: Int(fill)))
                )
            }
        }

        /// One change after another: versions, configurations, options that touch no replica, more replicas and fewer.
        private func changes(_ rollout: DeploymentOptions.Rollout) -> [Version] {
            var version = Version(rollout: rollout)
            let steps: [(inout Version) -> Void] = [
                { $0.number = 2 }, { $0.fill = 2 }, { $0.period = .seconds(5) }, { $0.limit = 3 }, { $0.replicas = 4 },
                {
                    $0.number = 3; $0.fill = 3
                }, { $0.replicas = 1 }, { $0.number = 4 },
                {
                    $0.replicas = 3; $0.limit = 50
                },
            ]
            return steps.map { step in
                step(&version)
                return version
            }
        }

        @Test(arguments: [DeploymentOptions.Rollout.rolling(), .startFirst, .stopFirst])
        func `no update of any kind costs a request`(_ rollout: DeploymentOptions.Rollout) async throws {
            let first = Version(rollout: rollout)
            let names = (graph: Instance.newName(), composition: Instance.newName())
            let graph = try await instance.run(first.graph(), name: names.graph, routePrefix: nil)
            let tuned = try await instance.run(first.composition(), name: names.composition, routePrefix: nil)
            let (isOver, predictions, answers) = (Flag(), Counter(), Counter())
            try await withThrowingTaskGroup(of: Void.self) { group in
                for size in [1 << 20, 100_000, 3 << 20, 70_000] {
                    group.addTask {
                        while !isOver.isSet {
                            let count = try await graph.predict(size)
                            #expect(count == size)
                            predictions.add(1)
                        }
                    }
                    group.addTask {
                        while !isOver.isSet {
                            let answer = try await tuned.answer()
                            #expect((1...4).contains(answer))
                            answers.add(1)
                        }
                    }
                }
                do {
                    defer { isOver.set() }
                    for change in changes(rollout) {
                        let sofar = (predictions.value, answers.value)
                        async let other = instance.run(change.composition(), name: names.composition, routePrefix: nil)
                        try await instance.run(change.graph(), name: names.graph, routePrefix: nil)
                        _ = try await other
                        try await eventually("both are called between changes") {
                            predictions.value > sofar.0 + 4 && answers.value > sofar.1 + 4
                        }
                    }
                    for (name, deployment) in [(names.graph, "Maker"), (names.composition, "Tunable")] {
                        for replicas in [5, 1] {
                            try await instance.scale(deployment, application: name, to: replicas)
                            try await eventuallyHealthy(name)
                        }
                    }
                }
                try await group.waitForAll()
            }
            try await instance.delete(names.graph)
            try await instance.delete(names.composition)
        }
    }
}
