import NIOCore
import Swerve
import TestSupport
import Testing

extension IntegrationTests {
    @Suite struct Calls {
        private func withCalculator(
            _ placement: DeploymentOptions.Placement,
            _ body: (Calculator) async throws -> Void
        ) async throws {
            try await withApplication(Calculator.options(placement: placement).bind()) { handle, _ in
                try await body(handle)
            }
        }

        @Test(arguments: placements)
        func argumentsGoInAndResultsComeOut(placement: DeploymentOptions.Placement) async throws {
            try await withCalculator(placement) { calculator in
                #expect(try await calculator.add(1, to: 2) == 8)
                let swapped = try await calculator.swap(Point(x: 1, y: 2), ["a": [1.5]])
                #expect(swapped == Point(x: 2, y: 1))
                #expect(try await calculator.swap(nil, [:]) == nil)
                #expect(try await calculator.description == "calculator 5")
                #expect(try await calculator.inExtension() == "extension")
                let large = ByteBuffer(repeating: 7, count: 5 << 20)
                #expect(try await calculator.echo(large) == large)
            }
        }

        @Test(arguments: placements)
        func aCallWithoutResultHasHappenedWhenItReturns(placement: DeploymentOptions.Placement) async throws {
            try await withCalculator(placement) { calculator in
                for _ in 0..<3 { try await calculator.increment() }
                #expect(try await calculator.counted() == 3)
            }
        }

        @Test(arguments: placements)
        func overloadsAreToldApartByType(placement: DeploymentOptions.Placement) async throws {
            try await withCalculator(placement) { calculator in
                let value39 = try await calculator.over(1)
                #expect(value39 == "int 1")
                let value40 = try await calculator.over("1")
                #expect(value40 == "string 1")
            }
        }

        @Test(arguments: placements)
        func genericMethodsTakeAnyType(placement: DeploymentOptions.Placement) async throws {
            try await withCalculator(placement) { calculator in
                let value47 = try await calculator.same(1)
                #expect(value47 == 1)
                let value48 = try await calculator.same(["a": [Point(x: 1, y: 2)]])
                #expect(value48 == ["a": [Point(x: 1, y: 2)]])
                let value49 = try await calculator.same(String?.none)
                #expect(value49 == nil)
            }
        }

        @Test(arguments: placements)
        func aCodableErrorArrivesAsItself(placement: DeploymentOptions.Placement) async throws {
            try await withCalculator(placement) { calculator in
                await #expect(throws: Refused(reason: "because", code: 5)) { try await calculator.refuse("because") }
            }
        }

        /// Within this process the error itself is thrown.
        @Test func anotherErrorArrivesAsItsDescription() async throws {
            try await withApplication(Calculator.bind()) { calculator, name in
                let error = await #expect(throws: RemoteError.self) { try await calculator.failOpaquely() }
                #expect(error?.deployment == DeploymentID(application: name, deployment: "Calculator"))
                #expect(error?.typeName == "Opaque")
                #expect(error?.message == "the secret is 42")
                #expect(error?.replica != nil)
            }
            try await withCalculator(.inProcess) { calculator in
                await #expect(throws: Opaque.self) { try await calculator.failOpaquely() }
            }
        }

        @Test(arguments: placements)
        func manyCallsAtATimeGetTheirOwnAnswers(placement: DeploymentOptions.Placement) async throws {
            let bound = Calculator.options(numReplicas: 2, maxOngoingRequests: 3, placement: placement).bind(offset: 0)
            try await withApplication(bound) { calculator, _ in
                let sum = try await withThrowingTaskGroup(of: Int.self) { group in
                    for number in 0..<300 { group.addTask { try await calculator.add(number, to: number) } }
                    return try await group.reduce(0, +)
                }
                #expect(sum == 300 * 299)
                #expect(calculator.load == (0, 0))
            }
        }

        @Test(arguments: placements)
        func deploymentsAreComposedByWhatBindReturned(placement: DeploymentOptions.Placement) async throws {
            let model = Model.options(placement: placement).bind(version: 1)
            let bound = Ensemble.options(placement: placement).bind(
                models: [model, Model.options(placement: placement).bind(version: 2), model],
                named: [
                    "plus": Calculator.options(name: "adder", placement: placement).bind(offset: 100),
                    "default": Calculator.options(placement: placement).bind(),
                ]
            )
            try await withApplication(bound) { ensemble, name in
                #expect(try await ensemble.answers() == [1, 2, 1])
                #expect(try await ensemble.add("plus", 1, 2) == 103)
                #expect(try await ensemble.add("default", 1, 2) == 8)
                #expect(try await ensemble.add("unknown", 1, 2) == nil)
                await #expect(throws: Refused(reason: "twice", code: 100)) { try await ensemble.relay("plus", "twice") }
                let names = await instance.status().applications[name]?.deployments.keys.sorted()
                #expect(names == ["Calculator", "Ensemble", "Model", "Model_1", "adder"])
                // Handles can be arguments and results.
                let second = try await instance.deploymentHandle("Model_1", application: name, as: Model.self)
                #expect(try await ensemble.ask(second) == 2)
                #expect(try await ensemble.first().answer() == 1)
            }
        }

        @Test(arguments: placements)
        func cancellingTheCallerCancelsTheMethod(placement: DeploymentOptions.Placement) async throws {
            try await withGate(placement) { gate, journal, _ in
                let call = Task { try await gate.enter("a") }
                try await journal.wait(for: "began a")
                call.cancel()
                await #expect(throws: CancellationError.self) { try await call.value }
                try await journal.wait(for: "cancelled a")
                try await eventually("the lease is back") { gate.load == (0, 0) }
            }
        }

        @Test(arguments: placements)
        func aCancelledCallThatWaitsLeavesTheQueue(placement: DeploymentOptions.Placement) async throws {
            try await withGate(placement, maxOngoingRequests: 1) { gate, journal, _ in
                let first = Task { try await gate.enter("a") }
                try await journal.wait(for: "began a")
                let second = Task { try await gate.enter("b") }
                try await eventually("b waits") { gate.load.queued == 1 }
                second.cancel()
                await #expect(throws: CancellationError.self) { try await second.value }
                #expect(gate.load == (0, 1))
                try await journal.note("open a")
                #expect(try await first.value == "a")
                #expect(try await journal.all().contains { $0.hasPrefix("began b") } == false)
            }
        }

        // MARK: Limits and routing

        @Test(arguments: placements)
        func aReplicaWorksOnItsLimitAndTheRestComeInOrder(placement: DeploymentOptions.Placement) async throws {
            try await withGate(placement, maxOngoingRequests: 2) { gate, journal, _ in
                var calls: [Task<String, any Error>] = []
                for number in 0..<6 {
                    calls.append(Task { try await gate.enter("<\(number)>") })
                    try await eventually("call \(number) has arrived") {
                        gate.load.queued + gate.load.ongoing == number + 1
                    }
                }
                // The first two run at the same time, so either may begin first.
                for number in 0..<2 { try await journal.wait(for: "began <\(number)>") }
                #expect(gate.load == (4, 2))
                for number in 0..<6 {
                    let began = try await journal.all().filter { $0.hasPrefix("began") }
                        .map { String($0.split(separator: " ")[1]) }
                    #expect(Set(began) == Set((0..<min(number + 2, 6)).map { "<\($0)>" }))
                    try await journal.note("open <\(number)>")
                    #expect(try await calls[number].value == "<\(number)>")
                    if number + 2 < 6 { try await journal.wait(for: "began <\(number + 2)>") }
                }
            }
        }

        @Test(arguments: placements)
        func oneCallMoreThanTheQueueHoldsIsRefused(placement: DeploymentOptions.Placement) async throws {
            try await withGate(placement, maxOngoingRequests: 1, maxQueuedRequests: 1) { gate, journal, name in
                let first = Task { try await gate.enter("a") }
                try await journal.wait(for: "began a")
                let second = Task { try await gate.enter("b") }
                try await eventually("b waits") { gate.load.queued == 1 }
                let error = await #expect(throws: ServeError.self) { try await gate.enter("c") }
                #expect(error?.code == .queueFull)
                #expect(error?.deployment == DeploymentID(application: name, deployment: "Gate"))
                try await journal.note("open a")
                try await journal.note("open b")
                #expect(try await [first.value, second.value] == ["a", "b"])
            }
        }

        @Test(arguments: placements)
        func roundRobinSpreadsExactly(placement: DeploymentOptions.Placement) async throws {
            let bound = Model.options(numReplicas: 3, placement: placement, routing: .roundRobin).bind()
            try await withApplication(bound) { model, _ in
                var known: Set<UInt64> = []
                try await eventually("three replicas answer") {
                    known.insert(try await model.who())
                    return known.count == 3
                }
                var counts: [UInt64: Int] = [:]
                for _ in 0..<30 { counts[try await model.who(), default: 0] += 1 }
                #expect(counts.count == 3)
                #expect(counts.values.allSatisfy { $0 == 10 }, "\(counts)")
            }
        }
    }
}
