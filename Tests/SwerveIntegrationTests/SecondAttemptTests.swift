import Swerve
import SwerveCore
import TestSupport
import Testing

extension IntegrationTests {
    /// Calls that go to more than one replica.
    @Suite struct SecondAttempts {
        private func withRacers(
            _ placement: DeploymentOptions.Placement,
            replicas: Int = 2,
            maxOngoingRequests: Int = 10,
            _ body: (Racer, Journal, String) async throws -> Void
        ) async throws {
            let bound = Racer.options(
                numReplicas: replicas,
                maxOngoingRequests: maxOngoingRequests,
                placement: placement,
                routing: .leastLoaded
            ).bind(journal: Journal.options(maxOngoingRequests: 1000, placement: placement).bind())
            try await withApplication(bound) { racer, name in
                try await eventuallyHealthy(name)
                try await body(
                    racer,
                    try await instance.deploymentHandle("Journal", application: name, as: Journal.self),
                    name
                )
            }
        }

        @Test(arguments: placements)
        func aSlowHedgedCallIsAnsweredByTheSecondReplica(placement: DeploymentOptions.Placement) async throws {
            try await withRacers(placement) { racer, journal, _ in
                let hedged = racer.options(priority: .high, hedged: true)
                // The usual time of the method.
                for number in 0..<30 { _ = try await hedged.race("\(number)", firstHangs: false) }
                let winner = try await hedged.race("slow", firstHangs: true)
                let began = try await journal.all().filter { $0.hasPrefix("began slow") }
                #expect(began.count == 2)
                #expect(began.last == "began slow at \(winner)")
                try await journal.wait(for: "cancelled slow")
                try await eventually("the places are free") { racer.load == (0, 0) }
            }
        }

        @Test(arguments: placements)
        func aBroadcastReachesEveryReplicaEvenAFullOne(placement: DeploymentOptions.Placement) async throws {
            try await withRacers(placement, replicas: 3, maxOngoingRequests: 1) { racer, journal, name in
                let first = await racer.broadcast { try await $0.clear() }
                #expect(try first.map { try $0.result.get() } == [1, 1, 1])
                #expect(
                    first.map(\.replica).map(\.deployment.description) == Array(repeating: "\(name)/Racer", count: 3)
                )
                async let held: Void = racer.gate("held")
                try await journal.wait(for: "began held")
                async let second = racer.broadcast { try await $0.clear() }
                try await journal.note("open held")
                try await held
                #expect(try await second.map { try $0.result.get() } == [2, 2, 2])
                try await eventually("the places are free") { racer.load == (0, 0) }
            }
        }

        @Test func printShowsWhatAHandleIs() async throws {
            try await withRacers(.inProcess, replicas: 2) { racer, _, name in
                #expect("\(racer)" == "Racer handle of \(name)/Racer (2 replicas, 0 ongoing, 0 queued)")
                let urgent = racer.options(timeout: .seconds(1), priority: .high, hedged: true)
                #expect("\(urgent)".hasSuffix("queued) timeout=1000000000 priority=high hedged"))
                #expect("\(Model.bind())" == "Model: Model (bound, not running)")
            }
        }
    }
}
