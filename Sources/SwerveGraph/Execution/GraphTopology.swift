/// How the nodes of a graph depend on one another.
package struct GraphTopology: Sendable {
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

    /// Each after its sources; the last one is the result.
    package let steps: [Step]
    /// The nodes that are made of a node, each once.
    let consumers: [[Int]]
    /// How many sources a node waits for before it can be computed; each counts once.
    let sourceCounts: [Int]
    /// How often the node's value is taken at most.
    let useCounts: [Int]

    package init(_ steps: [Step]) {
        var consumers = [[Int]](repeating: [], count: steps.count)
        var sourceCounts = [Int](repeating: 0, count: steps.count)
        var useCounts = [Int](repeating: 0, count: steps.count)
        for (node, step) in steps.enumerated() {
            // What is computed takes the value of each source as often as it names it; a branch is taken once.
            let (computed, branches): ([Int], Set<Int>) =
                switch step {
                case .given: ([], [])
                case .compute(let sources): (sources, [])
                case .choice(let decider, let cases, let otherwise):
                    ([decider], Set(cases + (otherwise.map { [$0] } ?? [])))
                case .fallback(let first, let second): ([], [first, second])
                }
            sourceCounts[node] = Set(computed).count
            for source in computed { useCounts[source] += 1 }
            for branch in branches { useCounts[branch] += 1 }
            for source in branches.union(computed) { consumers[source].append(node) }
        }
        self.steps = steps
        self.consumers = consumers
        self.sourceCounts = sourceCounts
        self.useCounts = useCounts
    }
}
