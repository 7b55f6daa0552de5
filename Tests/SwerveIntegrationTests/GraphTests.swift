import NIOCore
import Swerve
import SwerveCore
import TestSupport
import Testing

extension IntegrationTests {
    /// Graphs whose deployments all run in separate processes, and graphs whose deployments all run in this process.
    @Suite struct GraphTests {
        typealias Placement = DeploymentOptions.Placement

        private func steps(_ placement: Placement, name: String? = nil) -> Steps {
            Steps.options(name: name, placement: placement).bind(journal: Journal.options(placement: placement).bind())
        }

        /// Runs a graph for the duration of `body`.
        private func withGraph<Input, Output>(
            _ node: GraphNode<Input, Output>,
            _ placement: Placement,
            routePrefix: String? = nil,
            _ body: (GraphDriver<Input, Output>, String) async throws -> Void
        ) async throws {
            let driver = GraphDriver.bind(node, options: DeploymentOverrides(placement: placement))
            try await withApplication(driver, routePrefix: routePrefix) { try await body($0, $1) }
        }

        // MARK: Values

        @Test(arguments: placements)
        func `constants and nodes mix, and default values are constants`(_ placement: Placement) async throws {
            let input = InputNode<Int>()
            let nodes = steps(placement).nodes
            let sum = nodes.add(nodes.add(input), to: nodes.add(5, to: input))
            try await withGraph(sum, placement) { driver, _ in
                let answer = try await driver.predict(1)
                #expect(answer == 11 + 6)
                let second = try await driver.predict(100)
                #expect(second == 110 + 105)
            }
        }

        @Test(arguments: placements)
        func `arrays, dictionaries, optionals and tuples of nodes arrive as values`(_ placement: Placement) async throws
        {
            let input = InputNode<Int>()
            let nodes = steps(placement).nodes
            let text = nodes.text(input)
            let pair = nodes.pair(.tuple(nodes.add(input), text))
            let words = nodes.join(
                .array([
                    text, "constant", nodes.table(.dictionary(["b": nodes.add(input), "a": 7])),
                    nodes.maybe(.optional(input)), nodes.maybe(nil), pair[\.values.0], nodes.text(pair[\.values.1]),
                ])
            )
            try await withGraph(words, placement) { driver, _ in
                let answer = try await driver.predict(3)
                #expect(answer == "3-constant-a=7,b=13-3-none-3-13")
            }
        }

        @Test(arguments: placements)
        func `parts of the input and of results are taken by key path, at any depth`(_ placement: Placement)
            async throws
        {
            let input = InputNode<Request>()
            let nodes = steps(placement).nodes
            let grown = nodes.grown(input)
            let words = nodes.join(
                .array([input[\.name], nodes.text(input[\.size.height]), nodes.text(grown[\.size][\.width])]),
                separator: " "
            )
            try await withGraph(words, placement) { driver, _ in
                let request = Request(name: "a", size: .init(width: 4, height: 5), tags: ["x"])
                let answer = try await driver.predict(request)
                #expect(answer == "a 5 8")
            }
        }

        @Test func `a computed part needs a driver in the process that wrote the graph`() async throws {
            let input = InputNode<Request>()
            let node = steps(.inProcess).nodes.text(input[\.area])
            try await withGraph(node, .inProcess) { driver, _ in
                let answer = try await driver.predict(Request(name: "", size: .init(width: 3, height: 4)))
                #expect(answer == "12")
            }
            let error = await #expect(throws: ServeError.self) {
                try await withGraph(node, .process) { _, _ in }
            }
            #expect(error?.code == .invalidGraph)
            #expect(error?.message.contains("placement .inProcess") == true)
        }

        @Test(arguments: placements)
        func `a handle is an argument like any other`(_ placement: Placement) async throws {
            let input = InputNode<Int>()
            let bound = steps(placement)
            let node = bound.nodes.ask(.constant(steps(placement)), input)
            try await withGraph(node, placement) { driver, _ in
                let answer = try await driver.predict(1)
                #expect(answer == 11)
            }
        }

        @Test func `a function can be a graph, and so can an input alone`() async throws {
            let input = InputNode<Int>()
            try await withGraph(doubledDeployment.bind().nodes(input), .inProcess) { driver, _ in
                let answer = try await driver.predict(4)
                #expect(answer == 8)
            }
            try await withGraph(input, .process) { driver, _ in
                let second = try await driver.predict(4)
                #expect(second == 4)
            }
        }

        // MARK: Execution

        @Test(arguments: placements)
        func `a node with several consumers is computed once per request`(_ placement: Placement) async throws {
            let input = InputNode<String>()
            let nodes = steps(placement).nodes
            let one = nodes.noted(input)
            let sum = nodes.add(nodes.add(one, to: one), to: nodes.add(one, to: 0))
            try await withGraph(sum, placement) { driver, name in
                let answer = try await driver.predict("first")
                #expect(answer == 3)
                let second = try await driver.predict("second")
                #expect(second == 3)
                let journal = try await instance.deploymentHandle("Journal", application: name, as: Journal.self)
                #expect(try await journal.all() == ["first", "second"])
            }
        }

        @Test(arguments: placements)
        func `independent branches run at the same time`(_ placement: Placement) async throws {
            try await withBranches(placement) { driver, journal, _ in
                async let answer = driver.predict("")
                // None can end before all have begun.
                for name in ["a", "b", "c"] { try await journal.wait(for: "began \(name)") }
                for name in ["a", "b", "c"] { try await journal.note("open \(name)") }
                #expect(try await answer == "a-b-c")
            }
        }

        @Test(arguments: placements)
        func `a finished branch frees its replica while a slow one still runs`(_ placement: Placement) async throws {
            try await withBranches(placement) { driver, journal, name in
                async let answer = driver.predict("")
                for name in ["a", "b", "c"] { try await journal.wait(for: "began \(name)") }
                try await journal.note("open a")
                try await journal.note("open b")
                // Each replica takes one request at a time, so the next one begins when its place is free again.
                for other in ["Gate", "Gate_1"] {
                    let gate = try await instance.deploymentHandle(other, application: name, as: Gate.self)
                    #expect(try await gate.version() == 1)
                }
                try await journal.note("open c")
                #expect(try await answer == "a-b-c")
            }
        }

        @Test(arguments: placements)
        func `cancelling the request cancels its running nodes`(_ placement: Placement) async throws {
            try await withBranches(placement) { driver, journal, _ in
                let request = Task { try await driver.predict("") }
                for name in ["a", "b", "c"] { try await journal.wait(for: "began \(name)") }
                request.cancel()
                await #expect(throws: CancellationError.self) { try await request.value }
                for name in ["a", "b", "c"] { try await journal.wait(for: "cancelled \(name)") }
            }
        }

        @Test(arguments: placements)
        func `a failure cancels the nodes that nobody needs any more`(_ placement: Placement) async throws {
            let journal = Journal.options(maxOngoingRequests: 1000, placement: placement).bind()
            let gate = Gate.options(placement: placement).bind(journal: journal)
            let input = InputNode<Int>()
            let nodes = steps(placement).nodes
            let node = nodes.join(.array([gate.nodes.enter("a"), nodes.text(nodes.refuse(input))]))
            try await withGraph(node, placement) { driver, name in
                let journal = try await instance.deploymentHandle("Journal", application: name, as: Journal.self)
                await #expect(throws: GraphNodeError.self) { try await driver.predict(1) }
                // It was cancelled before it began or while it ran.
                let entries = try await journal.all()
                if entries.contains(where: { $0.hasPrefix("began a") }) { try await journal.wait(for: "cancelled a") }
            }
        }

        private func withBranches(
            _ placement: Placement,
            _ body: (GraphDriver<String, String>, Journal, String) async throws -> Void
        ) async throws {
            let journal = Journal.options(maxOngoingRequests: 1000, placement: placement).bind()
            func gate() -> Gate { Gate.options(maxOngoingRequests: 1, placement: placement).bind(journal: journal) }
            let nodes = steps(placement).nodes
            // The input is not used; its type is enough.
            let all: GraphNode<String, String> = nodes.join(
                .array([gate().nodes.enter("a"), gate().nodes.enter("b"), gate().nodes.enter("c")])
            )
            try await withGraph(all, placement) { driver, name in
                let handle = try await instance.deploymentHandle("Journal", application: name, as: Journal.self)
                try await body(driver, handle, name)
            }
        }

        // MARK: Branches

        @Test(arguments: placements)
        func `only the chosen branch of a condition is computed`(_ placement: Placement) async throws {
            let input = InputNode<Request>()
            let nodes = steps(placement).nodes
            let result = GraphNode.if(
                nodes.isLarge(input),
                then: nodes.noted("large", 1),
                else: nodes.noted("small", 2)
            )
            try await withGraph(nodes.add(result, to: 0), placement) { driver, name in
                let journal = try await instance.deploymentHandle("Journal", application: name, as: Journal.self)
                let answer = try await driver.predict(Request(name: "", size: .init(width: 1, height: 1)))
                #expect(answer == 2)
                let second = try await driver.predict(Request(name: "", size: .init(width: 20, height: 20)))
                #expect(second == 1)
                #expect(try await journal.all() == ["small", "large"])
            }
        }

        @Test(arguments: placements)
        func `a value chooses among several branches`(_ placement: Placement) async throws {
            let input = InputNode<Request>()
            let nodes = steps(placement).nodes
            let byQuality = GraphNode.switch(
                input[\.quality],
                [.draft: nodes.text(1), .good: nodes.text(2), .best: nodes.text(input[\.size.width])]
            )
            let byName = GraphNode.switch(input[\.name], ["x": byQuality, "y": "why"])
            try await withGraph(byName, placement) { driver, _ in
                func ask(_ name: String, _ quality: Request.Quality) async throws -> String {
                    try await driver.predict(Request(name: name, size: .init(width: 9, height: 1), quality: quality))
                }
                let answer = try await ask("x", .draft)
                #expect(answer == "1")
                let second = try await ask("x", .best)
                #expect(second == "9")
                let third = try await ask("y", .good)
                #expect(third == "why")
                let error = await #expect(throws: GraphNodeError.self) { try await ask("z", .good) }
                #expect(error?.node == "switch_1")
                #expect((error?.cause as? ServeError)?.message == "the value matches none of the cases: x, y")
            }
        }

        @Test(arguments: placements)
        func `a fallback takes the place of a node that fails`(_ placement: Placement) async throws {
            let input = InputNode<Int>()
            let nodes = steps(placement).nodes
            let good = nodes.add(input).fallback(to: nodes.noted("unneeded"))
            let bad = nodes.add(nodes.refuse(input)).fallback(to: nodes.noted("needed", 5))
            try await withGraph(nodes.add(good, to: bad), placement) { driver, name in
                let journal = try await instance.deploymentHandle("Journal", application: name, as: Journal.self)
                let answer = try await driver.predict(1)
                #expect(answer == 11 + 5)
                #expect(try await journal.all() == ["needed"])
            }
        }

        /// A graph and its value by definition.
        private struct Sample {
            var node: GraphNode<Int, Int>
            var value: @Sendable (Int) -> Int
            /// The names that its nodes write to the journal when they are computed.
            var names: Set<String>
        }

        private func randomGraph(_ seed: UInt64, _ steps: Steps) -> Sample {
            var generator = SplitMix64(seed: seed)
            var pool = [
                Sample(node: InputNode<Int>(), value: { $0 }, names: []),
                Sample(node: 3, value: { _ in 3 }, names: []),
            ]
            func pick() -> Sample { pool[generator.next(below: pool.count)] }
            for number in 0..<14 {
                let (a, b, c) = (pick(), pick(), pick())
                let names = a.names.union(b.names)
                switch generator.next(below: 5) {
                case 0:
                    let name = "g\(seed)n\(number)"
                    pool.append(
                        Sample(
                            node: steps.nodes.noted(.constant(name), a.node),
                            value: a.value,
                            names: a.names.union([name])
                        )
                    )
                case 1:
                    pool.append(
                        Sample(node: doubledDeployment.bind().nodes(a.node), value: { a.value($0) * 2 }, names: a.names)
                    )
                case 2 where seed % 2 == 0:
                    let node = GraphNode.if(
                        steps.nodes.isEven(steps.nodes.add(a.node, to: 0)),
                        then: b.node,
                        else: c.node
                    )
                    // The input decides which branch is taken, so the names of the branches are not counted.
                    pool.append(
                        Sample(
                            node: node,
                            value: { a.value($0).isMultiple(of: 2) ? b.value($0) : c.value($0) },
                            names: a.names
                        )
                    )
                case 3:
                    let sum = steps.nodes.total(.array([a.node, b.node, a.node]))
                    pool.append(
                        Sample(node: sum, value: { 2 &* a.value($0) &+ b.value($0) }, names: names)
                    )
                default:
                    pool.append(
                        Sample(
                            node: steps.nodes.add(a.node, to: b.node),
                            value: { a.value($0) &+ b.value($0) },
                            names: names
                        )
                    )
                }
            }
            let last = pool[pool.count - 1]
            // The result must not be a constant, even if the last node is one.
            return Sample(node: steps.nodes.add(last.node, to: 0), value: last.value, names: last.names)
        }

        @Test(arguments: placements)
        func `random graphs return what their definition says, and compute no node twice`(
            _ placement: Placement
        ) async throws {
            let steps = steps(placement)
            let samples = (0..<24).map { randomGraph($0, steps) }
            let routes = Dictionary(uniqueKeysWithValues: samples.enumerated().map { ("/\($0)", $1.node) })
            let driver = GraphDriver.bind(routes, options: DeploymentOverrides(placement: placement))
            try await withApplication(driver) { driver, name in
                let journal = try await instance.deploymentHandle("Journal", application: name, as: Journal.self)
                for (number, sample) in samples.enumerated() {
                    let before = try await journal.all().count
                    let answer: Int = try await driver.predict(route: "/\(number)", number)
                    #expect(answer == sample.value(number), "graph \(number)")
                    let noted = try await journal.all()[before...]
                    #expect(Set(noted).count == noted.count, "graph \(number) computed a node twice: \(noted)")
                    #expect(Set(noted).isSuperset(of: sample.names), "graph \(number)")
                }
            }
        }

        // MARK: Errors

        @Test(arguments: placements)
        func `a failure names its node and its cause`(_ placement: Placement) async throws {
            let input = InputNode<Int>()
            let nodes = steps(placement).nodes
            let other = steps(placement, name: "Named").nodes
            let node = nodes.add(nodes.refuse(nodes.add(input)), to: other.failOpaquely(1))
            try await withGraph(node, placement) { driver, _ in
                let error = await #expect(throws: GraphNodeError.self) { try await driver.predict(1) }
                switch error?.node {
                case "Steps.refuse": #expect(error?.cause as? Refused == Refused(reason: "no 11", code: 11))
                case "Named.failOpaquely": #expect(error.map { "\($0.cause)".contains("the secret is 42") } == true)
                default: Issue.record("\(String(describing: error))")
                }
            }
        }

        @Test(arguments: placements)
        func `the deadline reaches each node`(_ placement: Placement) async throws {
            let node: GraphNode<Int, Double?> = steps(placement).nodes.remaining()
            try await withGraph(node, placement) { driver, _ in
                let answer = try await driver.predict(1)
                #expect(answer == nil)
                let remaining = try await ServeContext.withDeadline(in: .seconds(500)) { try await driver.predict(1) }
                #expect((400...500).contains(remaining ?? 0))
                let error = await #expect(throws: ServeError.self) {
                    try await ServeContext.withDeadline(in: .zero) { try await driver.predict(1) }
                }
                #expect(error?.code == .deadlineExceeded)
            }
        }

        @Test(arguments: placements)
        func `a graph survives the loss of one of its replicas`(_ placement: Placement) async throws {
            guard placement == .process else { return }
            let input = InputNode<Int>()
            let model = Model.bind(version: 7)
            let node = steps(placement).nodes.add(model.nodes.answer(), to: input)
            try await withGraph(node, placement) { driver, name in
                let answer = try await driver.predict(1)
                #expect(answer == 8)
                let handle = try await instance.deploymentHandle("Model", application: name, as: Model.self)
                await #expect(throws: ServeError.self) { try await handle.trap() }
                let second = try await driver.predict(2)
                #expect(second == 9)
            }
        }

        // MARK: Large results

        @Test(arguments: placements)
        func `large results go from replica to replica, not through the driver`(_ placement: Placement) async throws {
            let input = InputNode<Int>()
            let maker = steps(placement, name: "Maker").nodes
            let taker = steps(placement, name: "Taker").nodes
            let zeros = maker.zeros(input)
            let sum = taker.add(taker.both(zeros, maker.zeros(1_048_576)), to: taker.count(zeros))
            try await withGraph(sum, placement) { driver, _ in
                for size in [3 << 20, 1, 0, 70_000] {
                    let answer = try await driver.predict(size)
                    #expect(answer == 2 * size + 1 << 20)
                }
                let makers = try await driver.statistics().nodes.filter { $0.name.hasPrefix("Maker") }
                let isKept = placement == .process
                // Small results are sent at once.
                #expect(makers.map(\.keptResults) == (isKept ? [2, 4] : [0, 0]))
                #expect(makers[1].keptBytes >= (isKept ? 4 << 20 : 0))
            }
        }

        @Test func `a large result whose replica is lost fails the node that needs it, and nothing else`() async throws
        {
            let journal = Journal.options(maxOngoingRequests: 1000).bind()
            let gate = Gate.bind(journal: journal)
            let input = InputNode<String>()
            let maker = LargeMaker.bind()
            let bytes: GraphNode<String, ByteBuffer> = maker.nodes.make(1_048_576)
            let size = Steps.bind(journal: journal).nodes.sized(bytes, after: gate.nodes.enter(input))
            try await withGraph(size, .process) { driver, name in
                let journal = try await instance.deploymentHandle("Journal", application: name, as: Journal.self)
                let handle = try await instance.deploymentHandle("LargeMaker", application: name, as: LargeMaker.self)
                let request = Task { try await driver.predict("a") }
                try await journal.wait(for: "began a")
                // The result may be made before or after that, so wait for it.
                try await eventually("the result is made") {
                    try await driver.statistics().nodes.contains { $0.keptResults == 1 }
                }
                await #expect(throws: ServeError.self) { try await handle.end() }
                try await journal.note("open a")
                let error = await #expect(throws: GraphNodeError.self) { try await request.value }
                #expect(error?.node == "Steps.sized")
                #expect((error?.cause as? ServeError)?.code == .replicaLost)
                try await journal.note("open b")
                let next = try await driver.predict("b")
                #expect(next == 1 << 20)
            }
        }

        // MARK: Options

        @Test func `the driver and the deployments of a graph keep their own options`() async throws {
            let input = InputNode<Int>()
            let bound = Steps.options(numReplicas: 2, resources: Resources(cpus: 0.5)).bind(journal: Journal.bind())
            let options = DeploymentOverrides(name: "entry", numReplicas: 3)
            let driver = GraphDriver.bind(bound.nodes.add(input), options: options)
            try await withApplication(driver) { _, name in
                try await eventuallyHealthy(name)
                let deployments = try #require(await instance.status().applications[name]).deployments
                #expect(deployments.keys.sorted() == ["Journal", "Steps", "entry"])
                #expect(deployments["entry"]?.replicas.count == 3)
                #expect(deployments["Steps"]?.replicas.count == 2)
                #expect(deployments["Steps"]?.options.resources.cpus.value == 0.5)
            }
        }

        @Test(arguments: placements)
        func `the latency of nodes is measured`(_ placement: Placement) async throws {
            let input = InputNode<Int>()
            let nodes = steps(placement).nodes
            let node = nodes.add(nodes.add(input)).fallback(to: nodes.refuse(input))
            try await withGraph(node, placement) { driver, _ in
                for number in 0..<5 { _ = try await driver.predict(number) }
                let measured = try await driver.statistics().nodes
                #expect(measured.map(\.name) == ["Steps.add", "Steps.add_1", "Steps.refuse"])
                #expect(measured.map(\.count) == [5, 5, 0])
                #expect(measured[0].totalNanoseconds > 0)
                #expect(measured[0].histogram.reduce(0, +) == 5)
                #expect(measured[0].percentile(0.5) <= measured[0].percentile(1))
            }
        }

        // MARK: Bad graphs

        private func refusal(_ graph: GraphNode<Int, Int>) async throws -> String {
            let error = await #expect(throws: ServeError.self) {
                try await instance.run(GraphDriver.bind(graph), name: Instance.newName(), routePrefix: nil)
            }
            #expect(error?.code == .invalidGraph)
            return error?.message ?? ""
        }

        @Test func `graphs that cannot run are refused when they are built`() async throws {
            let nodes = steps(.inProcess).nodes
            let input = InputNode<Int>()
            #expect(try await refusal(nodes.add(input, to: InputNode<Int>())).contains("2 inputs"))
            let always = GraphNode.if(.constant(true), then: input, else: nodes.add(input))
            #expect(try await refusal(always).contains("'if' always takes the same branch"))
            let twice = GraphNode.switch(input, [1: input, 2: nodes.add(input), 1: input], default: input)
            #expect(try await refusal(twice).contains("the case '1' twice"))
            let some: GraphNode<Int, Request.Quality> = .constant(.good)
            let quality = GraphNode.if(.constant(true), then: some, else: some)
            let missing = GraphNode.switch(quality, [.good: input, .best: input])
            #expect(try await refusal(missing).contains("always takes the same branch"))
            #expect(try await refusal(input.fallback(to: nodes.add(input))).contains("can never be reached"))
            let node = nodes.add(input)
            #expect(try await refusal(node.fallback(to: node)).contains("falls back to the node that just failed"))
            let long = (0..<5000).reduce(input) { node, _ in nodes.add(node) }
            #expect(try await refusal(long).contains("more than 4096 nodes"))
        }

        @Test func `a method of another application's deployment is refused`() async throws {
            try await withApplication(steps(.inProcess)) { handle, name in
                let message = try await refusal(handle.nodes.add(InputNode<Int>()))
                #expect(message.contains("'Steps.add' calls \(name)/Steps"))
            }
        }

        @Test func `cases of an enumeration are complete, and not more than that`() async throws {
            let input = InputNode<Request>()
            func message(_ node: GraphNode<Request, Int>) async -> String {
                let error = await #expect(throws: ServeError.self) {
                    try await instance.run(GraphDriver.bind(node), name: Instance.newName(), routePrefix: nil)
                }
                return error?.message ?? ""
            }
            let one: GraphNode<Request, Int> = 1
            let missing = GraphNode.switch(input[\.quality], [.good: one])
            #expect(await message(missing).contains("no case for 'draft', 'best' and no default"))
            let more = GraphNode.switch(input[\.quality], [.good: one, .draft: one, .best: one], default: one)
            #expect(await message(more).contains("the default of 'switch' can never be reached"))
        }
    }
}
