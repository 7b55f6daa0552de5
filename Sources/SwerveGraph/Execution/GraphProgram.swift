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

    /// As an argument of a call.
    var argument: any Codable & Sendable {
        switch self {
        case .value(let value): value
        case .encoded(let value): value
        case .kept(let result): KeptArgument(result)
        }
    }
}

/// A graph that is ready to run requests.
final class GraphProgram: Sendable {
    let nodes: [GraphPlan.Node]
    let topology: GraphTopology
    let meter: GraphMeter
    /// The position of a node among those that are measured.
    private let measured: [Int]
    /// By node: whether the driver only passes its value on to calls.
    private let isPassedOn: [Bool]

    init(_ plan: GraphPlan, route: String?) {
        self.nodes = plan.nodes
        self.topology = GraphTopology(
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
    /// Off the driver's actor, where one request would wait for the others. Independent nodes run at the same time, each in
    /// a task of its own; a chain runs in one task. When the calling task is cancelled, so are all calls that are
    /// under way.
    /// - Throws: ``GraphNodeError`` of the node that failed first, `CancellationError`.
    @concurrent func run(_ input: any Codable & Sendable) async throws -> GraphValue {
        let execution = GraphExecution(self, input)
        var ready = execution.takeReady()
        while !ready.isEmpty {
            // One thing to do: no other task is needed for it.
            if ready.count == 1 {
                ready = await execution.follow(ready[0])
            } else {
                await execution.spread(ready)
                break
            }
        }
        return try execution.result()
    }

    func note(_ node: Int, since start: NIODeadline, isFailure: Bool, keptBytes: Int? = nil) {
        let elapsed = NIODeadline.now() - start
        meter.note(measured[node], Int(elapsed.nanoseconds), isFailure: isFailure, keptBytes: keptBytes)
    }
}
