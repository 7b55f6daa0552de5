import SwerveGraph

/// The result of a graph by the definition of its steps: evaluated directly, one node after another, regardless of
/// timing.
struct GraphDefinition {
    enum Outcome: Equatable {
        case value(UInt64)
        case failed
    }

    private let graph: RandomGraph
    private var outcomes: [Outcome?]

    init(_ graph: RandomGraph) {
        self.graph = graph
        self.outcomes = Array(repeating: nil, count: graph.steps.count)
    }

    /// Whether the result may need the node, in any order of events.
    func isNeeded(_ node: Int) -> Bool { outcomes[node] != nil }

    /// A value that identifies the node and its inputs.
    static func value(of node: Int, _ inputs: [UInt64]) -> UInt64 {
        inputs.reduce(mixed(UInt64(node) + 1)) { mixed($0 &* 31 &+ $1) }
    }

    private static func mixed(_ number: UInt64) -> UInt64 {
        let product = number.multipliedFullWidth(by: 0x9E37_79B9_7F4A_7C15)
        return product.high ^ product.low
    }

    mutating func evaluate(_ node: Int) -> Outcome {
        if let known = outcomes[node] { return known }
        let outcome = evaluate(graph.steps[node], node)
        outcomes[node] = outcome
        return outcome
    }

    private mutating func evaluate(_ step: GraphTopology.Step, _ node: Int) -> Outcome {
        switch step {
        case .given: return .value(Self.value(of: node, []))
        case .compute(let sources):
            var inputs: [UInt64] = []
            var hasFailed = graph.fates[node].fails
            for source in sources {
                switch evaluate(source) {
                case .value(let value): inputs.append(value)
                case .failed: hasFailed = true
                }
            }
            return hasFailed ? .failed : .value(Self.value(of: node, inputs))
        case .choice(let decider, let cases, let otherwise):
            guard evaluate(decider) != .failed, !graph.fates[node].fails,
                let branch = graph.fates[node].position.map({ cases[$0] }) ?? otherwise
            else { return .failed }
            return evaluate(branch)
        case .fallback(let first, let second):
            let outcome = evaluate(first)
            return outcome == .failed ? evaluate(second) : outcome
        }
    }
}
