internal import NIOCore
internal import SwerveActors
internal import SwerveCore

/// A node's value during a request.
enum GraphValue: Sendable {
    case value(any Codable & Sendable)
    /// As it came from a replica in another process; decoded only where somebody looks at it.
    case encoded(EncodedValue)
    /// A large one that another process keeps; only of nodes that are passed on and not looked at.
    case kept(KeptResult)

    /// Adds the value to the arguments of a call.
    func append(to arguments: inout Arguments) {
        switch self {
        case .value(let value): arguments.append(value)
        case .encoded(let value): arguments.append(encoded: value)
        case .kept(let result): arguments.append(kept: result)
        }
    }

    /// As the result of a method: one that came encoded leaves encoded.
    var returned: any Codable & Sendable {
        switch self {
        case .value(let value): value
        case .encoded(let value): value
        case .kept: preconditionFailure("the result of a graph is not kept elsewhere")
        }
    }
}

/// A graph that is ready to run requests.
final class GraphProgram: Sendable {
    let nodes: [GraphPlan.Node]
    let meter: GraphMeter
    /// The position of a node among those that are measured.
    private let measured: [Int]
    /// By node: whether the driver only passes its value on to calls.
    private let isPassedOn: [Bool]
    private let inputNode: Int?
    /// A request's run before its input is there, to be copied.
    private let begun: GraphRun<GraphValue>

    init(_ plan: GraphPlan, route: String?) {
        self.nodes = plan.nodes
        let topology = GraphTopology(
            plan.nodes.map { node in
                switch node.operation {
                case .input, .constant: .given
                case .call(_, _, let sources), .made(_, let sources): .compute(sources)
                case .choice(_, let value, let cases, let otherwise):
                    .choice(of: value, cases, otherwise: otherwise)
                case .fallback(let first, let second): .fallback(first, second)
                }
            }
        )
        var names: [String] = []
        self.measured = plan.nodes.map { node in
            guard case .call = node.operation else { return -1 }
            names.append(node.name)
            return names.count - 1
        }
        self.meter = GraphMeter(names, route: route)
        var isPassedOn = [Bool](repeating: true, count: plan.nodes.count)
        isPassedOn[plan.nodes.count - 1] = false
        for node in plan.nodes {
            if case .call = node.operation { continue }
            for source in node.operation.sources { isPassedOn[source] = false }
        }
        self.isPassedOn = isPassedOn
        self.inputNode = plan.nodes.firstIndex { if case .input = $0.operation { true } else { false } }
        self.begun = GraphRun(topology) { node in
            // The input's value comes with each request.
            if case .constant(let value) = plan.nodes[node].operation { .value(value) } else { nil }
        }
    }

    /// Whether a large value of the node may stay where it is made.
    func mayKeep(_ node: Int) -> Bool { isPassedOn[node] }

    /// The type of the input; `nil` when the graph has none.
    var inputType: (any AnyGraphType.Type)? {
        nodes.first { if case .input = $0.operation { true } else { false } }?.type
    }
    var resultType: any AnyGraphType.Type { nodes[nodes.count - 1].type }

    /// Runs one request.
    ///
    /// Independent nodes run at the same time, each in a task of its own; a chain runs in one task. When the calling task is
    /// cancelled, so are all calls that are under way.
    /// - Throws: ``GraphNodeError`` of the node that failed first, `CancellationError`.
    func run(_ input: any Codable & Sendable) async throws -> GraphValue {
        var run = begun
        if let inputNode { run.finished(inputNode, .success(.value(input))) }
        // The first call leaves from where the request began: another thread would have to be woken up.
        if let node = run.takeOnlyReady() {
            let inputs = run.takeInputs(of: node)
            settle(await compute(node, inputs), node, in: &run)
        }
        if let result = run.result { return try result.get() }
        return try await finish(run)
    }

    /// The rest of a request: off the driver's actor, where one request would wait for the others.
    @concurrent private func finish(_ begun: GraphRun<GraphValue>) async throws -> GraphValue {
        var run = begun
        while true {
            if let result = run.result { return try result.get() }
            guard let node = run.takeOnlyReady() else {
                // Several things to do at once: each has a task of its own from now on.
                return try await GraphExecution(self, run).result()
            }
            let inputs = run.takeInputs(of: node)
            settle(await compute(node, inputs), node, in: &run)
        }
    }

    /// What came of a node.
    enum Outcome: Sendable {
        case value(GraphValue)
        /// The branch that a choice takes, by the position of its case.
        case branch(Int?)
        case failed(GraphNodeError)
        /// The request was: it has no result, and no node to blame.
        case cancelled
    }

    func settle(_ outcome: Outcome, _ node: Int, in run: inout GraphRun<GraphValue>) {
        switch outcome {
        case .value(let value): run.finished(node, .success(value))
        case .failed(let error): run.finished(node, .failure(error))
        case .branch(let position):
            guard !run.chose(node, position) else { break }
            let error = ServeError(.invalidArgument, "the value fits none of the cases, which are \(cases(of: node))")
            run.finished(node, .failure(GraphNodeError(node: nodes[node].name, cause: error)))
        case .cancelled: run.end(with: CancellationError())
        }
    }

    private func cases(of node: Int) -> String {
        guard case .choice(let chooser, _, _, _) = nodes[node].operation else { return "" }
        return chooser.labels.joined(separator: ", ")
    }

    func note(_ node: Int, since start: NIODeadline, isFailure: Bool, keptBytes: Int? = nil) {
        let elapsed = NIODeadline.now() - start
        meter.note(measured[node], Int(elapsed.nanoseconds), isFailure: isFailure, keptBytes: keptBytes)
    }
}
