import Swerve
import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Passes calls on to a gate, from a process of its own.
@Deployment
distributed actor Relay {
    private let gate: Gate
    distributed func enter(_ name: String) async throws -> String { try await gate.enter(name) }
    distributed func processID() -> Int32 { getpid() }
}

extension IntegrationTests {
    /// The number of replicas follows the load, with real processes.
    @Suite struct Autoscaled {
        /// One ongoing request a replica; replicas leave after 0.2 s.
        private func settings(_ min: Int, _ max: Int) -> Autoscaling {
            Autoscaling(
                minReplicas: min,
                maxReplicas: max,
                targetOngoingRequests: 1,
                downscaleDelay: .milliseconds(200),
                lookBack: .milliseconds(100)
            )
        }

        private func waitUntil(
            _ deployment: String,
            of name: String,
            _ condition: (DeploymentStatus) -> Bool
        ) async throws {
            for await status in await instance.statusUpdates() {
                if let found = status.applications[name]?.deployments[deployment], condition(found) { return }
            }
            Issue.record("the instance ended")
        }

        private func running(_ status: DeploymentStatus) -> Int { status.replicas.count { $0.state == .running } }

        @Test(arguments: placements)
        func aBurstStartsReplicasAndQuietEndsThem(placement: DeploymentOptions.Placement) async throws {
            let bound = Gate.options(autoscaling: settings(1, 3), maxOngoingRequests: 1, placement: placement).bind(
                journal: Journal.options(maxOngoingRequests: 1000, placement: .inProcess).bind()
            )
            try await withApplication(bound) { gate, name in
                let journal = try await instance.deploymentHandle("Journal", application: name, as: Journal.self)
                try await withThrowingTaskGroup(of: String.self) { group in
                    for call in ["a", "b", "c", "d"] { group.addTask { try await gate.enter(call) } }
                    try await waitUntil("Gate", of: name) { running($0) == 3 && $0.autoscaling?.load.ongoing == 3 }
                    let status = await instance.status().applications[name]
                    #expect(status?.deployments["Gate"]?.target.decidedBy == .policy)
                    #expect(status?.deployments["Gate"]?.target.reason != "")
                    for call in ["a", "b", "c", "d"] { try await journal.note("open \(call)") }
                    #expect(try await group.reduce(into: Set()) { $0.insert($1) } == ["a", "b", "c", "d"])
                }
                try await waitUntil("Gate", of: name) { $0.replicas.count == 1 && $0.target.replicas == 1 }
                #expect(gate.load == (0, 0))
            }
        }

        @Test(arguments: placements)
        func atZeroTheFirstCallAndTheFirstRequestAreServed(placement: DeploymentOptions.Placement) async throws {
            let bound = Front.options(autoscaling: settings(0, 2), placement: placement).bind(
                back: Model.options(placement: .inProcess).bind(),
                journal: Journal.options(placement: .inProcess).bind()
            )
            try await withApplication(bound, routePrefix: "/zero") { front, name in
                try await waitUntil("Front", of: name) { $0.replicas.isEmpty && $0.state == .healthy }
                #expect(try await front.bytesProduced() == 0)
                try await waitUntil("Front", of: name) { $0.replicas.isEmpty && $0.target.replicas == 0 }
                let answer = try await fetch("/zero/there")
                #expect(answer.status == 200)
                #expect(answer.text == "/zero|/there|")
            }
        }

        @Test func theLoadOfACallerInAReplicaCountsAndVanishesWithIt() async throws {
            let gate = Gate.options(autoscaling: settings(1, 3)).bind(
                journal: Journal.options(maxOngoingRequests: 1000, placement: .inProcess).bind()
            )
            try await withApplication(Relay.bind(gate: gate)) { relay, name in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for call in ["a", "b", "c"] {
                        group.addTask {
                            await #expect(throws: ServeError.self) { _ = try await relay.enter(call) }
                        }
                    }
                    try await waitUntil("Gate", of: name) { running($0) == 3 && $0.autoscaling?.load.total == 3 }
                    kill(try await relay.processID(), SIGKILL)
                    try await group.waitForAll()
                }
                try await waitUntil("Gate", of: name) { $0.autoscaling?.load.total == 0 && $0.replicas.count == 1 }
            }
        }

        @Test func theTargetCapacityHoldsForAnInstance() async throws {
            try await withApplication(Model.options(autoscaling: settings(2, 4)).bind(version: 1)) { _, name in
                try await waitUntil("Model", of: name) { running($0) == 2 }
                try await instance.setTargetCapacity(50)
                try await waitUntil("Model", of: name) { running($0) == 1 && $0.autoscaling?.maxReplicas == 2 }
                try await instance.setTargetCapacity(nil)
                try await waitUntil("Model", of: name) { running($0) == 2 && $0.autoscaling?.maxReplicas == 4 }
                let error = await #expect(throws: ServeError.self) { try await instance.setTargetCapacity(101) }
                #expect(error?.code == .invalidOptions)
            }
        }

        @Test func numReplicasMayBeANumberAVariableOrAuto() async throws {
            let number = 2
            #expect(DeploymentOptions(numReplicas: number).autoscaling == nil)
            try await withApplication(Model.options(numReplicas: .auto, placement: .inProcess).bind(version: 1)) {
                _,
                name in
                let status = await instance.status().applications[name]?.deployments["Model"]
                #expect(status?.target.replicas == 1)
                #expect(status?.autoscaling?.maxReplicas == 100)
            }
        }
    }
}
