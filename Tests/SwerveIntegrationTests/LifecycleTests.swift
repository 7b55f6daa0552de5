import Swerve
import SwerveTesting
import Synchronization
import TestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

extension IntegrationTests {
    @Suite struct Lifecycle {
        private func expectError(
            _ code: ServeError.Code,
            _ message: String = "",
            sourceLocation: SourceLocation = #_sourceLocation,
            _ work: () async throws -> Void
        ) async {
            let error = await #expect(throws: ServeError.self, sourceLocation: sourceLocation) { try await work() }
            #expect(error?.code == code, sourceLocation: sourceLocation)
            #expect(
                message.isEmpty || error?.message.contains(message) == true,
                "\(error?.message ?? "")",
                sourceLocation: sourceLocation
            )
        }

        @Test(arguments: placements)
        func severalApplicationsRunSideBySide(placement: DeploymentOptions.Placement) async throws {
            try await withApplication(Model.options(placement: placement).bind(version: 1)) { first, _ in
                try await withApplication(Model.options(placement: placement).bind(version: 2)) { second, _ in
                    let value27 = try await first.answer()
                    #expect(value27 == 1)
                    let value28 = try await second.answer()
                    #expect(value28 == 2)
                }
                #expect(try await first.answer() == 1)
            }
        }

        @Test(arguments: placements)
        func replacingAnApplicationFailsNoCallAndKeepsItsHandle(placement: DeploymentOptions.Placement) async throws {
            @Sendable func bound(_ version: Int) -> Model {
                Model.options(numReplicas: 2, maxOngoingRequests: 4, placement: placement).bind(version: version)
            }
            try await withApplication(bound(1)) { handle, name in
                let isOver = Flag()
                let counts = try await withThrowingTaskGroup(of: [Int: Int].self) { group in
                    for _ in 0..<6 {
                        group.addTask {
                            var counts: [Int: Int] = [:]
                            var last = 0
                            while !isOver.isSet {
                                let version = try await handle.answer()
                                counts[version, default: 0] += 1
                                last = max(last, version)
                                // A call in this process need not suspend, and the pool has few threads.
                                await Task.yield()
                            }
                            return counts
                        }
                    }
                    group.addTask {
                        defer { isOver.set() }
                        for version in 2...4 {
                            let new = try await instance.run(bound(version), name: name, routePrefix: nil)
                            let answer = try await new.answer()
                            #expect(answer == version)
                        }
                        return [:]
                    }
                    return try await group.reduce(into: [:]) { $0.merge($1, uniquingKeysWith: +) }
                }
                #expect(counts.keys.allSatisfy { (1...4).contains($0) })
                #expect(counts[1, default: 0] > 0)
                #expect(try await handle.answer() == 4)
            }
        }

        @Test(arguments: placements)
        func aChangeThatReplicasNeedNotKnowOfKeepsThem(placement: DeploymentOptions.Placement) async throws {
            try await withApplication(Model.options(placement: placement).bind()) { handle, name in
                let before = try await handle.who()
                let changed = Model.options(maxQueuedRequests: 5, placement: placement).bind()
                try await instance.run(changed, name: name, routePrefix: nil)
                #expect(try await handle.who() == before)
            }
        }

        @Test(arguments: placements)
        func handlesOfADeletedApplicationFailAtOnceAndWorkAgainWhenItRunsAgain(
            placement: DeploymentOptions.Placement
        ) async throws {
            let name = Instance.newName()
            let handle = try await instance.run(
                Model.options(placement: placement).bind(),
                name: name,
                routePrefix: nil
            )
            #expect(try await handle.answer() == 1)
            try await instance.delete(name)
            await expectError(.deleted, name) { _ = try await handle.answer() }
            await expectError(.notFound, name) { try await instance.delete(name) }
            #expect(await instance.status().applications[name] == nil)
            try await instance.run(Model.options(placement: placement).bind(version: 2), name: name, routePrefix: nil)
            #expect(try await handle.answer() == 2)
            try await instance.delete(name)
        }

        @Test(arguments: placements)
        func deletingLetsOngoingCallsFinishAndFailsThoseThatWait(placement: DeploymentOptions.Placement) async throws {
            let name = Instance.newName()
            let journal = Journal.options(maxOngoingRequests: 100, placement: placement).bind()
            try await withApplication(journal) { journal, _ in
                let gate = try await instance.run(
                    Gate.options(maxOngoingRequests: 1, placement: placement).bind(journal: journal),
                    name: name,
                    routePrefix: nil
                )
                let ongoing = Task { try await gate.enter("a") }
                try await journal.wait(for: "began a")
                let waiting = Task { try await gate.enter("b") }
                try await eventually("b waits") { gate.load.queued == 1 }
                let deletion = Task { try await instance.delete(name) }
                await expectError(.deleted) { _ = try await waiting.value }
                try await journal.note("open a")
                #expect(try await ongoing.value == "a")
                try await deletion.value
            }
        }

        @Test func handlesAreFoundByName() async throws {
            let calculator = Calculator.options(placement: .inProcess).bind()
            let bound = Ensemble.options(placement: .inProcess).bind(models: [], named: ["c": calculator])
            try await withApplication(bound) { ensemble, name in
                let ingress: Ensemble = try await instance.applicationHandle(name, as: Ensemble.self)
                #expect(ingress == ensemble)
                let calculator = try await instance.deploymentHandle(
                    "Calculator",
                    application: name,
                    as: Calculator.self
                )
                #expect(try await calculator.add(1, to: 1) == 7)
                await expectError(.notFound, "is not a Model") {
                    _ = try await instance.applicationHandle(name, as: Model.self)
                }
                await expectError(.notFound, "is not a Model") {
                    _ = try await instance.deploymentHandle("Calculator", application: name, as: Model.self)
                }
                await expectError(.notFound, "Calculator, Ensemble") {
                    _ = try await instance.deploymentHandle("Calculater", application: name, as: Calculator.self)
                }
                await expectError(.notFound, name) {
                    _ = try await instance.applicationHandle("nowhere", as: Model.self)
                }
            }
        }

        // MARK: Misuse

        @Test func optionsThatCannotBeAreRefusedWithTheirName() async throws {
            func expectRefused(_ message: String, _ bound: Model, name: String = "refused") async {
                await expectError(.invalidOptions, message) {
                    try await instance.run(bound, name: name, routePrefix: nil)
                }
            }
            await expectRefused("numReplicas", Model.options(numReplicas: -1).bind())
            await expectRefused("maxOngoingRequests", Model.options(maxOngoingRequests: 0).bind())
            await expectRefused("maxQueuedRequests", Model.options(maxQueuedRequests: -1).bind())
            await expectRefused("gpus", Model.options(resources: Resources(gpus: -1)).bind())
            await expectRefused("startTimeout", Model.options(startTimeout: .zero).bind())
            await expectRefused("'a/b'", Model.options(name: "a/b").bind())
            await expectRefused("'' must have", Model.options(name: "").bind())
            await expectRefused("'my app'", Model.bind(), name: "my app")
            #expect(await instance.status().applications["refused"] == nil)
            await expectError(.invalidOptions, "two deployments") {
                let twins = Ensemble.bind(models: (0..<2).map { _ in Model.options(name: "x").bind() }, named: [:])
                try await instance.run(twins, name: "refused", routePrefix: nil)
            }
            await expectError(.invalidOptions, "route prefix 'x'") {
                let front = Front.bind(back: Model.bind(), journal: Journal.bind())
                try await instance.run(front, name: "refused", routePrefix: "x")
            }
        }

        @Test func aReferenceThatDoesNotRunCannotBeCalled() async throws {
            await expectError(.notRunning, "Serve.run") { _ = try await Model.bind().answer() }
            await expectError(.notRunning) { try await Calculator.bind().increment() }
        }

        @Test func aReferenceThatDoesNotRunCannotBeSent() async throws {
            let bound = Ensemble.bind(models: [], named: [:])
            try await withApplication(bound) { ensemble, _ in
                await expectError(.notRunning, "bind") { _ = try await ensemble.ask(Model.bind()) }
            }
        }

        @Test func `a handle cannot be run`() async throws {
            try await withApplication(Model.options(placement: .inProcess).bind()) { model, _ in
                await expectError(.invalidOptions, "handle") {
                    try await instance.run(model, name: "x", routePrefix: nil)
                }
            }
        }

        @Test(arguments: placements)
        func anInitialiserThatThrowsFailsTheRunWithItsMessage(placement: DeploymentOptions.Placement) async throws {
            let name = Instance.newName()
            let bound = Broken.options(placement: placement).bind(message: "no such file")
            await expectError(.startFailed, "no such file") {
                try await instance.run(bound, name: name, routePrefix: nil)
            }
            let status = try #require(await instance.status().applications[name])
            #expect(status.state == .deployFailed)
            #expect(status.message.contains("no such file"))
            #expect(status.deployments["Broken"]?.state == .deployFailed)
            try await instance.delete(name)
            #expect(await instance.status().applications[name] == nil)
        }

        @Test(arguments: placements)
        func aReplacementThatCannotStartLeavesTheOldOneServing(placement: DeploymentOptions.Placement) async throws {
            func bound(_ models: [Model], _ broken: Broken?) -> Ensemble {
                Ensemble.options(placement: placement).bind(models: models, named: [:])
            }
            let model = Model.options(placement: placement).bind(version: 1)
            try await withApplication(model) { handle, name in
                await expectError(.startFailed, "broken on purpose") {
                    try await instance.run(
                        Broken.options(name: "Model", placement: placement).bind(message: "broken on purpose"),
                        name: name,
                        routePrefix: nil
                    )
                }
                let value215 = try await handle.answer()
                #expect(value215 == 1)
            }
        }

        @Test func statusSaysWhatRuns() async throws {
            let journal = Journal.options(numReplicas: 2, placement: .process).bind()
            let bound = Front.options(maxOngoingRequests: 9, placement: .process).bind(
                back: Model.options(placement: .inProcess).bind(),
                journal: journal
            )
            try await withApplication(bound, routePrefix: "/status") { _, name in
                try await eventuallyHealthy(name)
                let status = try #require(await instance.status().applications[name])
                #expect(status.name == name)
                #expect(status.state == .running)
                #expect(status.message == "")
                #expect(status.routePrefix == "/status")
                #expect(status.deployments.mapValues(\.target.replicas) == ["Front": 1, "Journal": 2, "Model": 1])
                #expect(status.deployments["Front"]?.options.maxOngoingRequests == 9)
                for deployment in status.deployments.values {
                    #expect(deployment.replicas.count == deployment.target.replicas)
                    for replica in deployment.replicas {
                        #expect(replica.state == .running)
                        #expect(replica.id.deployment == deployment.id)
                        let isOwn = replica.processID == getpid()
                        #expect(replica.processID != nil)
                        #expect(isOwn == (deployment.options.placement == .inProcess))
                    }
                }
                let processes = status.deployments.values.flatMap { $0.replicas.compactMap(\.processID) }
                #expect(Set(processes).count == 4)
            }
        }

        // MARK: The instance

        @Test func theInstanceEndsAndStartsAgain() async throws {
            try await instance.start()
            let handle = try await instance.run(Model.bind(), name: "ending", routePrefix: nil)
            let process = try await handle.processID()
            #expect(await instance.port != nil)
            await instance.shutdown()
            #expect(await instance.status().applications.isEmpty)
            #expect(await instance.port == nil)
            await expectError(.deleted) { _ = try await handle.answer() }
            try await eventually("the replica's process is gone") { kill(process, 0) != 0 }
            try await instance.start()
            try await instance.run(Model.bind(version: 3), name: "ending", routePrefix: nil)
            #expect(try await handle.answer() == 3)
            try await instance.delete("ending")
        }

        /// The only test of the default instance of a program.
        @Test func `a taken port is an error, and another can be tried`() async throws {
            let listener = try PortHolder()
            await expectError(.addressInUse) { try await Serve.start(ServeOptions(port: listener.port)) }
            try await Serve.start(.testing)
            let port = await Serve.port
            #expect(port != nil && port != listener.port)
            let model = try await Serve.run(Model.options(placement: .inProcess).bind(), routePrefix: nil)
            #expect(try await model.answer() == 1)
            await Serve.shutdown()
        }
    }
}
