/// How the nodes of a graph depend on one another.
package struct GraphTopology: Sendable {
    package enum Step: Sendable {
        /// The value is there before the run begins.
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
    /// The nodes that are made of a node, as often as they use it.
    fileprivate let consumers: [[Int]]
    /// By node: what must be computed whenever the node is, in order.
    fileprivate let needs: [Int: [Int]]

    package init(_ steps: [Step]) {
        self.steps = steps
        var consumers = [[Int]](repeating: [], count: steps.count)
        var starts: Set<Int> = [steps.count - 1]
        for (node, step) in steps.enumerated() {
            switch step {
            case .given: break
            case .compute(let sources): for source in sources { consumers[source].append(node) }
            case .choice(let value, let cases, let otherwise):
                consumers[value].append(node)
                for branch in cases + (otherwise.map { [$0] } ?? []) {
                    consumers[branch].append(node)
                    starts.insert(branch)
                }
            case .fallback(let first, let second):
                consumers[first].append(node)
                consumers[second].append(node)
                starts.insert(second)
            }
        }
        self.consumers = consumers
        self.needs = Dictionary(uniqueKeysWithValues: starts.map { ($0, Self.needs(of: $0, steps)) })
    }

    private static func needs(of start: Int, _ steps: [Step]) -> [Int] {
        var isNeeded = [Bool](repeating: false, count: start + 1)
        isNeeded[start] = true
        // Sources come before what is made of them, so one pass from the end finds all.
        for node in stride(from: start, through: 0, by: -1) where isNeeded[node] {
            switch steps[node] {
            case .given: break
            case .compute(let sources): for source in sources { isNeeded[source] = true }
            case .choice(let value, _, _): isNeeded[value] = true
            case .fallback(let first, _): isNeeded[first] = true
            }
        }
        return isNeeded.indices.filter { isNeeded[$0] }
    }
}

/// One request's way through a graph: which nodes can be computed now, and what each result leads to.
///
/// A node is computed once, as soon as its sources are there, and only when the result needs it. A failure fails every
/// node that needs the one which failed, up to the result or the next fallback. Pure: whoever runs it computes what
/// ``takeReady()`` names and tells what came of it.
package struct GraphRun<Value: Sendable>: Sendable {
    private enum State: Sendable {
        case idle
        /// Needed; so many of its sources are missing.
        case waiting(Int)
        /// Named by ``takeReady()``.
        case running
        /// A choice or a fallback that waits for a branch.
        case following(Int)
        case value(Value)
        /// Every node that needed the value has it.
        case spent
        case failed(any Error)
    }

    private let topology: GraphTopology
    private var states: [State]
    /// How many uses of the node's value are to come.
    private var uses: [Int]
    private var ready: [Int] = []
    /// What became of nodes, before those that wait for them know.
    private var news: [(node: Int, state: State)] = []
    /// Only after a failure there can be nodes that nobody needs any more.
    private var hasFailed = false
    /// The end of the run.
    package private(set) var result: Result<Value, any Error>?

    private var last: Int { states.count - 1 }

    /// - Parameter given: the values of the steps that are given.
    package init(_ topology: GraphTopology, given: (Int) -> Value) {
        self.topology = topology
        self.states = topology.steps.indices.map { node in
            if case .given = topology.steps[node] { .value(given(node)) } else { .idle }
        }
        self.uses = topology.consumers.map(\.count)
        if case .value(let value) = states[last] { result = .success(value) }
        need(last)
        spread()
    }

    /// The nodes that can be computed and were not named before: ``GraphTopology/Step/compute(_:)`` steps, whose values
    /// are to be told to ``finished(_:_:)``, and choices, whose decisions ``chose(_:_:)`` wants.
    package mutating func takeReady() -> [Int] {
        defer { ready.removeAll(keepingCapacity: true) }
        return ready
    }

    /// The node that ``takeReady()`` would name, when it is just one.
    package mutating func takeOnlyReady() -> Int? {
        ready.count == 1 ? ready.popLast() : nil
    }

    /// Sets the value of a step that is given, before anything was computed: a run can be copied for each request.
    package mutating func give(_ node: Int, _ value: Value) {
        guard case .given = topology.steps[node] else { preconditionFailure("only given steps are given values") }
        states[node] = .value(value)
        if node == last { result = .success(value) }
    }

    /// The values that a ready node is made of, in order; for a choice the one that decides. Asked once for each node.
    package mutating func takeInputs(of node: Int) -> [Value] {
        switch topology.steps[node] {
        case .compute(let sources): sources.map { use($0) }
        case .choice(let value, _, _): [use(value)]
        case .given, .fallback: preconditionFailure("only steps that are named as ready have inputs to take")
        }
    }

    package mutating func finished(_ node: Int, _ outcome: Result<Value, any Error>) {
        switch outcome {
        case .success(let value): news.append((node, .value(value)))
        case .failure(let error):
            hasFailed = true
            news.append((node, .failed(error)))
        }
        spread()
    }

    /// Which of its branches a choice takes: a position among the cases, or `nil` for the one that is left.
    ///
    /// - Returns: `false` when there is none; then the choice is to be failed by ``finished(_:_:)``.
    package mutating func chose(_ node: Int, _ position: Int?) -> Bool {
        guard case .choice(_, let cases, let otherwise) = topology.steps[node],
            let branch = position.map({ cases[$0] }) ?? otherwise
        else { return false }
        follow(node, branch)
        spread()
        return true
    }

    // MARK: Inner workings

    private mutating func use(_ node: Int) -> Value {
        guard case .value(let value) = states[node] else { preconditionFailure("a source has its value") }
        uses[node] -= 1
        // The result stays; other values go with their last use, however long the run goes on.
        if uses[node] == 0, node != last { states[node] = .spent }
        return value
    }

    /// Everything that `start` certainly needs is needed.
    private mutating func need(_ start: Int) {
        guard let needs = topology.needs[start] else { preconditionFailure("a branch knows what it needs") }
        for node in needs {
            guard case .idle = states[node] else { continue }
            switch topology.steps[node] {
            case .given: break
            case .compute(let sources): wait(node, for: sources)
            case .choice(let value, _, _): wait(node, for: [value])
            case .fallback(let first, _): follow(node, first)
            }
        }
    }

    private mutating func wait(_ node: Int, for sources: [Int]) {
        var missing = 0
        for source in sources {
            switch states[source] {
            case .value: continue
            case .failed(let error): return settle(node, .failed(error))
            default: missing += 1
            }
        }
        if missing > 0 { states[node] = .waiting(missing) } else { start(node) }
    }

    private mutating func start(_ node: Int) {
        states[node] = .running
        ready.append(node)
    }

    private mutating func settle(_ node: Int, _ state: State) {
        // Until the news is spread, nobody tells the node anything more.
        states[node] = .running
        news.append((node, state))
    }

    /// The node's value will be the branch's.
    private mutating func follow(_ node: Int, _ branch: Int) {
        states[node] = .following(branch)
        if case .idle = states[branch] { need(branch) } else { forward(branch, to: node) }
    }

    private mutating func forward(_ branch: Int, to node: Int) {
        switch states[branch] {
        case .value: settle(node, .value(use(branch)))
        case .failed(let error):
            if case .fallback(let first, let second) = topology.steps[node], branch == first, second != first {
                follow(node, second)
            } else {
                settle(node, .failed(error))
            }
        default: break
        }
    }

    /// Whether somebody waits for the node, up to the result.
    private func isNeeded(_ node: Int) -> Bool {
        guard hasFailed else { return true }
        var open = [node]
        var seen: Set<Int> = [node]
        while let next = open.popLast() {
            if next == last { return true }
            for consumer in topology.consumers[next] {
                let waits =
                    switch states[consumer] {
                    case .following(let branch): branch == next
                    case .waiting:
                        if case .choice(let decider, _, _) = topology.steps[consumer] { decider == next } else { true }
                    default: false
                    }
                if waits, seen.insert(consumer).inserted { open.append(consumer) }
            }
        }
        return false
    }

    /// Tells the nodes that wait what became of others, and so on, until nothing more follows.
    private mutating func spread() {
        while let (node, state) = news.popLast() {
            states[node] = state
            if node == last {
                switch state {
                case .value(let value): result = .success(value)
                case .failed(let error): result = .failure(error)
                default: break
                }
            }
            for consumer in topology.consumers[node] {
                switch states[consumer] {
                case .following(let branch) where branch == node: forward(node, to: consumer)
                case .waiting(let missing):
                    // A choice has its branches as sources, too, but waits for what decides only.
                    if case .choice(let decider, _, _) = topology.steps[consumer], decider != node { continue }
                    if case .failed(let error) = state {
                        settle(consumer, .failed(error))
                    } else if missing == 1 {
                        // Who needed it may have failed by another source; a branch may need it again.
                        if isNeeded(consumer) { start(consumer) } else { states[consumer] = .idle }
                    } else {
                        states[consumer] = .waiting(missing - 1)
                    }
                default: break
                }
            }
        }
    }
}
