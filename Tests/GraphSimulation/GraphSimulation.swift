import SwerveCore
import SwerveGraph

/// A run of a random graph, compared with ``GraphModel`` after each step and with ``GraphDefinition`` at the end.
package struct GraphSimulation {
    package struct Violation: Error, CustomStringConvertible {
        package let description: String
    }

    /// Counts of what happened in the simulations, to show what their graphs are like.
    package struct Summary: Sendable {
        package var computed = 0
        package var values = 0
        package var failures = 0
        package var ended = 0
        package var neededAgain = 0

        package init() {}
    }

    private struct Failure: Error { let node: Int }
    private struct Ended: Error {}

    private let seed: UInt64
    private let graph: RandomGraph
    private var random: SplitMix64
    private var run: GraphRun<UInt64>
    private var model: GraphModel
    private var definition: GraphDefinition
    private let expected: GraphDefinition.Outcome
    private var due: [Int] = []
    private var running: [(node: Int, inputs: [UInt64], end: Int)] = []
    private var started: Set<Int> = []
    private var now = 0
    private var hasEnded = false
    private var history: [String] = []
    private let isTraced: Bool

    /// - Throws: ``Violation``, which describes how to reproduce it.
    package static func run(seed: UInt64, summary: inout Summary) throws {
        do {
            var simulation = GraphSimulation(seed: seed, isTraced: false)
            try simulation.run(&summary)
        } catch is Violation {
            // Run it again to record the history.
            var simulation = GraphSimulation(seed: seed, isTraced: true)
            try simulation.run(&summary)
        }
    }

    private init(seed: UInt64, isTraced: Bool) {
        self.seed = seed
        self.isTraced = isTraced
        let graph = RandomGraph(seed: seed)
        self.graph = graph
        random = SplitMix64(seed: ~seed)
        definition = GraphDefinition(graph)
        expected = definition.evaluate(graph.steps.count - 1)
        model = GraphModel(graph)
        run = GraphRun(GraphTopology(graph.steps)) { node in
            graph.fates[node].comesLater ? nil : GraphDefinition.value(of: node, [])
        }
        for (node, step) in graph.steps.enumerated() {
            guard case .given = step else { continue }
            model.start(node)
            if graph.fates[node].comesLater {
                running.append((node, [], graph.fates[node].duration))
            } else {
                model.tell(node, .value(GraphDefinition.value(of: node, [])))
            }
        }
        due = model.update()
    }

    private mutating func run(_ summary: inout Summary) throws {
        // In one of twenty runs the request is cancelled at some point.
        let cancelledAt = random.next(below: 20) == 0 ? random.next(below: 20) : Int.max
        var events = 0
        while true {
            try checkResult()
            if events == cancelledAt, !run.isOver { end() }
            // Sometimes ready nodes are not taken before more happens.
            if running.isEmpty || random.next(below: 5) > 0 { try take() }
            guard !running.isEmpty else { break }
            finishNext()
            events += 1
        }
        try checkEnd()
        summary.computed += started.count
        summary.neededAgain += model.neededAgain
        switch run.outcome {
        case .success: summary.values += 1
        case .failure: if hasEnded { summary.ended += 1 } else { summary.failures += 1 }
        case nil: break
        }
    }

    // MARK: Events

    private mutating func take() throws {
        if run.isStalled { throw violation("the run has stalled") }
        let taken = run.takeOnlyReady().map { [$0] } ?? run.takeReady()
        if isTraced, !taken.isEmpty { history.append("took \(taken)") }
        guard taken == due else { throw violation("\(taken) are ready, but should be \(due)") }
        due = []
        for node in taken {
            guard started.insert(node).inserted else { throw violation("\(node) is computed twice") }
            guard definition.isNeeded(node) else { throw violation("\(node) is computed, but nothing can need it") }
            model.start(node)
            running.append((node, run.takeInputs(of: node), now + graph.fates[node].duration))
        }
    }

    private mutating func finishNext() {
        let first = running.indices.min { (running[$0].end, $0) < (running[$1].end, $1) }!
        let (node, inputs, end) = running.remove(at: first)
        now = max(now, end)
        let outcome = tell(node, inputs)
        if isTraced { history.append("\(node) \(outcome)") }
        due = model.update()
        if run.isOver { due = [] }
    }

    private mutating func tell(_ node: Int, _ inputs: [UInt64]) -> String {
        if graph.fates[node].fails { return fail(node) }
        if case .choice(_, let cases, let otherwise) = graph.steps[node] {
            let position = graph.fates[node].position
            guard run.chose(node, position), let branch = position.map({ cases[$0] }) ?? otherwise else {
                return fail(node)
            }
            model.tell(node, .branch(branch))
            return "chose \(branch)"
        }
        let value = GraphDefinition.value(of: node, inputs)
        run.finished(node, value)
        model.tell(node, .value(value))
        return "finished"
    }

    private mutating func fail(_ node: Int) -> String {
        run.failed(node, Failure(node: node))
        model.tell(node, .failed)
        return "failed"
    }

    private mutating func end() {
        if isTraced { history.append("ended") }
        run.end(with: Ended())
        hasEnded = true
        due = []
    }

    // MARK: Checks

    /// After each event the result must be the model's.
    private func checkResult() throws {
        switch (run.outcome, model.result) {
        case (.failure(let error)?, _) where hasEnded:
            if !(error is Ended) { throw violation("the run was ended, but has another result: \(error)") }
        case (nil, .nothing): break
        case (.success(let value)?, .value(let other)) where value == other: break
        case (.failure(let error as Failure)?, .failed(let origins)) where origins & (1 << UInt64(error.node)) != 0:
            break
        default: throw violation("the result is \(String(describing: run.outcome)), but should be \(model.result)")
        }
    }

    private func checkEnd() throws {
        switch (run.outcome, expected) {
        case (.failure(is Ended)?, _) where hasEnded: break
        case (.success(let value)?, .value(let other)) where value == other: break
        case (.failure?, .failed): break
        default: throw violation("the result is \(String(describing: run.outcome)), but by definition \(expected)")
        }
    }

    private func violation(_ what: String) -> Violation {
        Violation(
            description: "seed \(seed): \(what)\n\(graph)\nHistory: \(history.joined(separator: "; "))"
        )
    }
}
