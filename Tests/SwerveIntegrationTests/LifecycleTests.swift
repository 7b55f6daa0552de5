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
            try await withApplication(Model.bind(version: 1).options(placement: placement)) { first, _ in
                try await withApplication(Model.bind(version: 2).options(placement: placement)) { second, _ in
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
                Model.bind(version: version).options(numReplicas: 2, maxOngoingRequests: 4, placement: placement)
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
            let bound = Model.bind().options(placement: placement)
            try await withApplication(bound) { handle, name in
                let before = try await handle.who()
                try await instance.run(bound.options(maxQueuedRequests: 5), name: name, routePrefix: nil)
                #expect(try await handle.who() == before)
            }
        }

        @Test(arguments: placements)
        func handlesOfADeletedApplicationFailAtOnceAndWorkAgainWhenItRunsAgain(
            placement: DeploymentOptions.Placement
        ) async throws {
            let name = Instance.newName()
            let handle = try await instance.run(Model.bind().options(placement: placement), name: name, routePrefix: nil)
            #expect(try await handle.answer() == 1)
            try await instance.delete(name)
            await expectError(.deleted, name) { _ = try await handle.answer() }
            await expectError(.notFound, name) { try await instance.delete(name) }
            #expect(await instance.status().applications[name] == nil)
            try await instance.run(Model.bind(version: 2).options(placement: placement), name: name, routePrefix: nil)
            #expect(try await handle.answer() == 2)
            try await instance.delete(name)
        }

        @Test(arguments: placements)
        func deletingLetsOngoingCallsFinishAndFailsThoseThatWait(placement: DeploymentOptions.Placement) async throws {
            let name = Instance.newName()
            let journal = Journal.bind().options(maxOngoingRequests: 100, placement: placement)
            try await withApplication(journal) { journal, _ in
                let gate = try await instance.run(
                    Gate.bind(journal: journal).options(maxOngoingRequests: 1, placement: placement),
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
            let calculator = Calculator.bind().options(placement: .inProcess)
            let bound = Ensemble.bind(models: [], named: ["c": calculator]).options(placement: .inProcess)
            try await withApplication(bound) { ensemble, name in
                let ingress: Ensemble = try await instance.applicationHandle(name, as: Ensemble.self)
                #expect(ingress == ensemble)
                let calculator = try await instance.deploymentHandle("Calculator", application: name, as: Calculator.self)
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
                await expectError(.invalidOptions, message) { try await instance.run(bound, name: name, routePrefix: nil) }
            }
            let model = Model.bind().options(placement: .inProcess)
            await expectRefused("numReplicas", model.options(numReplicas: -1))
            await expectRefused("maxOngoingRequests", model.options(maxOngoingRequests: 0))
            await expectRefused("maxQueuedRequests", model.options(maxQueuedRequests: -1))
            await expectRefused("gpus", model.options(resources: Resources(gpus: -1)))
            await expectRefused("startTimeout", model.options(startTimeout: .zero))
            await expectRefused("'a/b'", model.options(name: "a/b"))
            await expectRefused("'' must have", model.options(name: ""))
            await expectRefused("'my app'", model, name: "my app")
            #expect(await instance.status().applications["refused"] == nil)
            await expectError(.invalidOptions, "two deployments") {
                let twins = Ensemble.bind(models: [model.options(name: "x"), model.options(name: "x")], named: [:])
                try await instance.run(twins, name: "refused", routePrefix: nil)
            }
            await expectError(.invalidOptions, "route prefix 'x'") {
                let front = Front.bind(back: model, journal: Journal.bind())
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

        @Test func optionsOnAHandleAreRefusedAtItsCalls() async throws {
            try await withApplication(Model.bind().options(placement: .inProcess)) { model, _ in
                await expectError(.invalidOptions, "handle") { _ = try await model.options(numReplicas: 2).answer() }
                let value184 = try await model.answer()
                #expect(value184 == 1)
                await expectError(.invalidOptions, "handle") { try await instance.run(model, name: "x", routePrefix: nil) }
            }
        }

        @Test(arguments: placements)
        func anInitialiserThatThrowsFailsTheRunWithItsMessage(placement: DeploymentOptions.Placement) async throws {
            let name = Instance.newName()
            let bound = Broken.bind(message: "no such file").options(placement: placement)
            await expectError(.startFailed, "no such file") { try await instance.run(bound, name: name, routePrefix: nil) }
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
                Ensemble.bind(models: models, named: [:]).options(placement: placement)
            }
            let model = Model.bind(version: 1).options(placement: placement)
            try await withApplication(model) { handle, name in
                await expectError(.startFailed, "broken on purpose") {
                    try await instance.run(
                        Broken.bind(message: "broken on purpose").options(name: "Model", placement: placement),
                        name: name,
                        routePrefix: nil
                    )
                }
                let value215 = try await handle.answer()
                #expect(value215 == 1)
            }
        }

        @Test func statusSaysWhatRuns() async throws {
            let journal = Journal.bind().options(numReplicas: 2, placement: .process)
            let bound = Front.bind(back: Model.bind().options(placement: .inProcess), journal: journal)
                .options(maxOngoingRequests: 9, placement: .process)
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

        /// The one test of the instance that a program has without asking.
        @Test func `a taken port is an error, and another can be tried`() async throws {
            let listener = try PortHolder()
            await expectError(.addressInUse) { try await Serve.start(ServeOptions(port: listener.port)) }
            try await Serve.start(.testing)
            let port = await Serve.port
            #expect(port != nil && port != listener.port)
            let model = try await Serve.run(Model.bind().options(placement: .inProcess), routePrefix: nil)
            #expect(try await model.answer() == 1)
            await Serve.shutdown()
        }
    }
}
