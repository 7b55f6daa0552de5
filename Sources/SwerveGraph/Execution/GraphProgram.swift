internal import SwerveActors

/// A graph that is ready to run requests.
final class GraphProgram: Sendable {
    let nodes: [GraphPlan.Node]
    let steps: ContiguousArray<GraphStep>
    let meter: GraphMeter
    private let inputNode: Int?
    /// A run that waits for its input. Each request copies it.
    private let begun: GraphRun<GraphValue>

    /// - Parameter system: the actor system of the driver's replica.
    init(_ plan: GraphPlan, route: String?, system: ServeSystem) {
        self.nodes = plan.nodes
        let calls = plan.nodes.filter { if case .call = $0.operation { true } else { false } }
        self.meter = GraphMeter(calls.map(\.name), route: route)
        self.steps = Self.steps(of: plan.nodes, meter, system)
        self.inputNode = plan.nodes.firstIndex { if case .input = $0.operation { true } else { false } }
        self.begun = GraphRun(GraphTopology(plan.nodes.map(\.operation.step))) { node in
            // The value of the input comes with each request.
            if case .constant(let value) = plan.nodes[node].operation { .value(value) } else { nil }
        }
    }

    private static func steps(
        of nodes: [GraphPlan.Node],
        _ meter: GraphMeter,
        _ system: ServeSystem
    ) -> ContiguousArray<GraphStep> {
        // The driver only passes the value of such a node on to calls.
        var isPassedOn = [Bool](repeating: true, count: nodes.count)
        isPassedOn[nodes.count - 1] = false
        for node in nodes {
            if case .call = node.operation { continue }
            for source in node.operation.sources { isPassedOn[source] = false }
        }
        var steps: ContiguousArray<GraphStep> = []
        var calls = 0
        for (position, node) in nodes.enumerated() {
            switch node.operation {
            case .input, .constant, .fallback: steps.append(.none)
            case .call(let deployment, let method, _):
                let step = GraphCallStep(system, deployment, method, mayKeep: isPassedOn[position], meter, row: calls)
                steps.append(.call(step))
                calls += 1
            case .made(let maker, let sources): steps.append(.made(maker, of: sources.map { nodes[$0].type }))
            case .choice(let chooser, let source, _, _): steps.append(.choice(chooser, of: nodes[source].type))
            }
        }
        return steps
    }

    /// The type of the input; `nil` when the graph has none.
    var inputType: (any AnyGraphType.Type)? { inputNode.map { nodes[$0].type } }
    var resultType: any AnyGraphType.Type { nodes[nodes.count - 1].type }

    /// Runs one request.
    ///
    /// A chain runs in the calling task and on its actor, like calls written by hand, which avoids waking another
    /// thread. Independent nodes run concurrently, each in its own task. Cancelling the calling task cancels all
    /// ongoing calls.
    /// - Throws: ``GraphNodeError`` for the node that failed first, `CancellationError`.
    func run(_ input: any Codable & Sendable) async throws -> GraphValue {
        var run = begin(input)
        while let node = run.takeOnlyReady() {
            settle(await work(for: node, in: &run).perform(), node, in: &run)
        }
        if run.isOver { return try run.result() }
        // Several nodes are ready at once.
        return try await GraphExecution(self, run).result()
    }

    private func begin(_ input: any Codable & Sendable) -> GraphRun<GraphValue> {
        var run = begun
        if let inputNode { run.finished(inputNode, .value(input)) }
        return run
    }
}

extension GraphPlan.Operation {
    fileprivate var step: GraphTopology.Step {
        switch self {
        case .input, .constant: .given
        case .call(_, _, let sources), .made(_, let sources): .compute(sources)
        case .choice(_, let value, let cases, let otherwise): .choice(of: value, cases, otherwise: otherwise)
        case .fallback(let first, let second): .fallback(first, second)
        }
    }
}
