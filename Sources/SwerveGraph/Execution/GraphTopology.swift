/// How the nodes of a graph depend on one another.
package final class GraphTopology: Sendable {
    package enum Step: Sendable {
        /// The value comes from outside.
        case given
        /// Computed from the values of all its sources.
        case compute([Int])
        /// The value of the branch that a decision picks; only that branch is needed.
        case choice(of: Int, [Int], otherwise: Int?)
        /// The value of the first node, or of the second when the first fails; the second is needed only then.
        case fallback(Int, Int)
    }

    enum Kind: Sendable {
        case given
        case compute
        case choice(hasOtherwise: Bool)
        case fallback
    }

    /// One node, with its neighbours as ranges of ``neighbours``.
    struct Node: Sendable {
        let kind: Kind
        /// The nodes it is computed from, in order, repeated as often as they are named; for a choice, the one that
        /// decides.
        let inputs: Range<Int>
        /// The nodes that a choice or a fallback may take its value from. The branch of a choice for all other values
        /// comes last.
        let branches: Range<Int>
        /// The nodes that are made from it, each once.
        let consumers: Range<Int>
        /// The number of distinct inputs it waits for.
        let sourceCount: Int32
        /// The most times its value is taken.
        let useCount: Int32
    }

    /// Each node comes after its sources; the last one is the result.
    let nodes: ContiguousArray<Node>
    let neighbours: ContiguousArray<Int>

    /// - Parameter steps: the steps, each after its sources; the last one is the result.
    package init(_ steps: [Step]) {
        let sources = steps.map(Self.sources)
        var consumers = [[Int]](repeating: [], count: steps.count)
        var useCounts = [Int32](repeating: 0, count: steps.count)
        for (node, (inputs, branches)) in sources.enumerated() {
            // An input is taken as often as it is named; of the branches, one is taken once.
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

    /// The branch of a choice or a fallback at a position. The position `nil` means the branch of a choice for all
    /// other values, which may be missing.
    func branch(of node: Int, at position: Int?) -> Int? {
        let (kind, branches) = (nodes[node].kind, nodes[node].branches)
        if let position { return neighbours[branches.lowerBound + position] }
        if case .choice(hasOtherwise: true) = kind { return neighbours[branches.upperBound - 1] }
        return nil
    }
}
