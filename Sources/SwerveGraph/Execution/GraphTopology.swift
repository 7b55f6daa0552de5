/// How the nodes of a graph depend on one another.
package final class GraphTopology: Sendable {
    package enum Step: Sendable {
        /// The value comes from outside.
        case given
        /// Made of the values of all its sources.
        case compute([Int])
        /// The value of the node that a decision names; only that one is needed.
        case choice(of: Int, [Int], otherwise: Int?)
        /// The value of the first, or of the second when the first fails; the second is needed only then.
        case fallback(Int, Int)
    }

    enum Kind: Sendable {
        case given
        case compute
        case choice(hasOtherwise: Bool)
        case fallback
    }

    /// One node, its neighbours as ranges of ``neighbours``.
    struct Node: Sendable {
        let kind: Kind
        /// What it is computed from; of a choice what decides. In order, as often as it is named.
        let inputs: Range<Int>
        /// What a choice or a fallback may have its value from. A choice has what is left when no case fits as the last.
        let branches: Range<Int>
        /// The nodes that are made of it, each once.
        let consumers: Range<Int>
        /// How many different inputs it waits for.
        let sourceCount: Int32
        /// How often its value is taken at most.
        let useCount: Int32
    }

    /// Each after its sources; the last one is the result.
    let nodes: ContiguousArray<Node>
    let neighbours: ContiguousArray<Int>

    /// - Parameter steps: each after its sources; the last one is the result.
    package init(_ steps: [Step]) {
        let sources = steps.map(Self.sources)
        var consumers = [[Int]](repeating: [], count: steps.count)
        var useCounts = [Int32](repeating: 0, count: steps.count)
        for (node, (inputs, branches)) in sources.enumerated() {
            // An input is taken as often as it is named; of the branches one is, once.
            for input in inputs { useCounts[input] += 1 }
            for branch in Set(branches) { useCounts[branch] += 1 }
            for source in Set(inputs + branches) { consumers[source].append(node) }
        }
        var neighbours: ContiguousArray<Int> = []
        func range(of list: [Int]) -> Range<Int> {
            neighbours += list
            return neighbours.count - list.count..<neighbours.count
        }
        var nodes: ContiguousArray<Node> = []
        for (node, step) in steps.enumerated() {
            let (inputs, branches) = sources[node]
            nodes.append(
                Node(
                    kind: Self.kind(of: step),
                    inputs: range(of: inputs),
                    branches: range(of: branches),
                    consumers: range(of: consumers[node]),
                    sourceCount: Int32(Set(inputs).count),
                    useCount: useCounts[node]
                )
            )
        }
        self.nodes = nodes
        self.neighbours = neighbours
    }

    private static func sources(of step: Step) -> (inputs: [Int], branches: [Int]) {
        switch step {
        case .given: ([], [])
        case .compute(let sources): (sources, [])
        case .choice(let decider, let cases, let otherwise): ([decider], cases + (otherwise.map { [$0] } ?? []))
        case .fallback(let first, let second): ([], [first, second])
        }
    }

    private static func kind(of step: Step) -> Kind {
        switch step {
        case .given: .given
        case .compute: .compute
        case .choice(_, _, let otherwise): .choice(hasOtherwise: otherwise != nil)
        case .fallback: .fallback
        }
    }

    /// The branch of a choice or a fallback at a position; `nil` is that of a choice for what fits no case.
    func branch(of node: Int, at position: Int?) -> Int? {
        let (kind, branches) = (nodes[node].kind, nodes[node].branches)
        if let position { return neighbours[branches.lowerBound + position] }
        if case .choice(hasOtherwise: true) = kind { return neighbours[branches.upperBound - 1] }
        return nil
    }
}
