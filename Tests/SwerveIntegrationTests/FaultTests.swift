import Swerve
import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

extension IntegrationTests {
    @Suite struct Faults {
        /// Kills `kills` replicas of a deployment under load.
        ///
        /// - Returns: how many calls ended in each way.
        private func killUnderLoad(
            _ model: Model,
            kills: Int,
            _ call: @escaping @Sendable () async throws -> String
        ) async throws -> [String: Int] {
            let (isOver, ended) = (Flag(), Counter())
            return try await withThrowingTaskGroup(of: [String: Int].self) { group in
                for _ in 0..<8 {
                    group.addTask {
                        var ends: [String: Int] = [:]
                        while !isOver.isSet {
                            ends[try await call(), default: 0] += 1
                            ended.add(1)
                        }
                        return ends
                    }
                }
                group.addTask {
                    defer { isOver.set() }
                    var known: Set<Int32> = []
                    for _ in 0..<kills {
                        var victim: Int32 = 0
                        try await eventually("there is a replica that was not killed yet") {
                            guard let process = try? await model.processID() else { return false }
                            victim = process
                            return !known.contains(process)
                        }
                        known.insert(victim)
                        kill(victim, SIGKILL)
                        let before = ended.value
                        try await eventually("the load continues") { ended.value > before + 100 }
                    }
                    return [:]
                }
                return try await group.reduce(into: [:]) { $0.merge($1, uniquingKeysWith: +) }
            }
        }

        @Test func replicasThatAreKilledUnderLoadLoseOnlyWhatTheyWorkedOn() async throws {
            try await withApplication(Model.options(numReplicas: 2).bind(version: 5)) { model, name in
                let ends = try await killUnderLoad(model, kills: 4) {
                    do {
                        return try await model.answer() == 5 ? "answered" : "wrong"
                    } catch let error as ServeError where error.code == .replicaLost {
                        return "lost"
                    }
                }
                #expect(ends["wrong"] == nil)
                #expect(ends["answered", default: 0] > 100)
                // At most the calls that were ongoing at each kill.
                #expect(ends["lost", default: 0] <= 4 * 8)
                try await eventuallyHealthy(name)
                #expect(model.load == (0, 0))
            }
        }

        @Test func callsThatMayRunTwiceSurviveTheLossOfTheirReplica() async throws {
            try await withApplication(Model.options(numReplicas: 2).bind(version: 5)) { model, _ async throws in
                let ends = try await killUnderLoad(model, kills: 3) {
                    "\(try await model.options(idempotent: true).answer())"
                }
                #expect(Array(ends.keys) == ["5"])
            }
        }

        @Test func requestsOverHTTPSurviveOrFailWithTheirStatus() async throws {
            let journal = Journal.options(placement: .inProcess).bind()
            let back = Model.options(placement: .inProcess).bind()
            try await withApplication(
                Front.options(numReplicas: 2).bind(back: back, journal: journal),
                routePrefix: "/"
            ) { _, name in
                try await eventuallyHealthy(name)
                let (isOver, answered) = (Flag(), Counter())
                let statuses = try await withThrowingTaskGroup(of: [Int: Int].self) { group in
                    for _ in 0..<4 {
                        group.addTask {
                            var statuses: [Int: Int] = [:]
                            try await Connection.open { connection in
                                while !isOver.isSet {
                                    try await connection.send("GET /x HTTP/1.1\r\nhost: x\r\n\r\n")
                                    statuses[try await connection.response().status, default: 0] += 1
                                    answered.add(1)
                                }
                            }
                            return statuses
                        }
                    }
                    group.addTask {
                        defer { isOver.set() }
                        for _ in 0..<3 {
                            let replicas = await instance.status().applications[name]?.deployments["Front"]?.replicas
                            if let process = replicas?.first(where: { $0.state == .running })?.processID {
                                kill(process, SIGKILL)
                            }
                            let before = answered.value
                            try await eventually("the load continues") { answered.value > before + 100 }
                            try await eventuallyHealthy(name)
                        }
                        return [:]
                    }
                    return try await group.reduce(into: [:]) { $0.merge($1, uniquingKeysWith: +) }
                }
                #expect(statuses[200, default: 0] > 100)
                #expect(Set(statuses.keys).isSubset(of: [200, 502]))
                #expect(statuses[502, default: 0] <= 3 * 4)
            }
        }

        @Test func aTrapEndsItsReplicaOnly() async throws {
            try await withApplication(Model.bind(version: 7)) { model, name in
                let first = try await model.processID()
                let error = await #expect(throws: ServeError.self) { try await model.trap() }
                #expect(error?.code == .replicaLost)
                #expect(error?.replica?.deployment == DeploymentID(application: name, deployment: "Model"))
                // The next call waits for the replacement.
                #expect(try await model.answer() == 7)
                #expect(try await model.processID() != first)
            }
        }

        @Test func aReplicaThatComputesForLongIsNotReplaced() async throws {
            let bound = Model.options(
                healthCheckPeriod: .milliseconds(20),
                healthCheckTimeout: .milliseconds(400)
            ).bind(version: 7)
            try await withApplication(bound) { model, _ async throws in
                let first = try await model.processID()
                #expect(try await model.compute(for: .seconds(3)) == first)
                #expect(try await model.processID() == first)
            }
        }

        @Test func aReplicaWhoseExecutorHangsIsReplacedThoughItsConnectionAnswers() async throws {
            let bound = Model.options(
                healthCheckPeriod: .milliseconds(20),
                healthCheckTimeout: .milliseconds(200)
            ).bind(version: 7)
            try await withApplication(bound) { model, _ async throws in
                let first = try await model.processID()
                let error = await #expect(throws: ServeError.self) { try await model.wedge() }
                #expect(error?.code == .replicaLost)
                #expect(try await model.answer() == 7)
                #expect(try await model.processID() != first)
            }
        }

        @Test func aCallThatNeverEndsHoldsNobodyElseUp() async throws {
            try await withApplication(
                Model.options(maxOngoingRequests: 2, gracefulShutdownTimeout: .milliseconds(50)).bind(version: 7)
            ) { model, _ async throws in
                let endless = Task { try await model.hang() }
                try await eventually("the call is ongoing") { model.load.ongoing == 1 }
                for _ in 0..<10 { #expect(try await model.answer() == 7) }
                endless.cancel()
                await #expect(throws: CancellationError.self) { try await endless.value }
            }
        }

        @Test func anInitialiserThatTrapsFailsTheRun() async throws {
            let name = Instance.newName()
            let error = await #expect(throws: ServeError.self) {
                try await instance.run(Broken.bind(trapping: true), name: name, routePrefix: nil)
            }
            #expect(error?.code == .startFailed)
            let reason = "Fatal error: a trap in an initialiser that a test wants"
            #expect(error?.message.contains(reason) == true, "\(error?.message ?? "")")
            try await instance.delete(name)
        }
    }
}
