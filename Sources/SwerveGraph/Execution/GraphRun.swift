/// One request's way through a graph: which nodes can be computed now, and what each result leads to.
///
/// A node is computed once, as soon as its sources are there, and only when the result needs it. A failure fails every
/// node that is made of the one which failed, up to the result or the next fallback; of several failures the first
/// counts. Pure: whoever runs it computes what ``takeReady()`` names and tells what came of it.
///
/// Two things about a node change apart from each other. What is *known* of it (``State``) follows from its sources
/// alone and only grows. Whether it is *wanted* follows from the result: a node is wanted when the result, or something
/// wanted that is still open, is made of it. ``want(_:)`` is the only way to become wanted. After a failure everything is
/// unwanted and the result wanted again, so no node remembers a need that is gone or misses one that is new.
package struct GraphRun<Value: Sendable>: Sendable {
    private enum State: Sendable {
        /// Nothing is known. Goes to `ready`, or to `failed` with a source.
        case open
        /// To be taken. Goes to `running`; back to `open` when a failure makes it needless before.
        case ready
        /// Being computed, or to be given. Goes to `value`, `failed`, a choice to `following`.
        case running
        /// A choice or a fallback whose outcome will be the branch's. Goes to `value`, `failed`, a fallback to its other
        /// branch.
        case following(Int)
        /// Goes to `spent`.
        case value(Value)
        /// All that are made of the value have taken it.
        case spent
        case failed(any Error)
    }

    private struct Node: Sendable {
        var state: State
        /// How many sources have no value yet.
        var missing: Int
        /// How often the value is to be taken.
        var uses: Int
        var isWanted = false
    }

    private let topology: GraphTopology
    private var nodes: [Node]
    private var ready: [Int] = []
    /// Nodes that have come to an outcome which their consumers do not know yet.
    private var news: [Int] = []
    /// How many nodes' outcomes are to be told: those that were taken, and those that are to be given.
    private var awaited = 0
    /// Whether a failure has changed what is wanted.
    private var isStale = false
    /// The end of the run.
    package private(set) var result: Result<Value, any Error>?

    private var last: Int { nodes.count - 1 }

    /// - Parameter given: the values of the given steps; `nil` for those that ``finished(_:_:)`` tells later.
    package init(_ topology: GraphTopology, given: (Int) -> Value?) {
        self.topology = topology
        self.nodes = topology.steps.indices.map { node in
            let state: State =
                switch topology.steps[node] {
                case .given: .running
                case .compute, .choice: .open
                case .fallback(let first, _): .following(first)
                }
            return Node(state: state, missing: topology.sourceCounts[node], uses: topology.useCounts[node])
        }
        for (node, step) in topology.steps.enumerated() {
            guard case .given = step else { continue }
            if let value = given(node) { settle(node, .value(value)) } else { awaited += 1 }
        }
        spread()
        want(last)
    }

    /// Whether nothing can happen any more and there is no result. It is never so: ``takeReady()`` would trap.
    package var isStalled: Bool { result == nil && awaited == 0 && ready.isEmpty }

    /// The nodes that can be computed and were not named before: ``GraphTopology/Step/compute(_:)`` steps, whose values
    /// are to be told to ``finished(_:_:)``, and choices, whose decisions ``chose(_:_:)`` wants.
    package mutating func takeReady() -> [Int] {
        precondition(!isStalled, "the run of a graph has stalled: no result, and nothing is ready or being computed")
        defer { ready.removeAll(keepingCapacity: true) }
        for node in ready { take(node) }
        // In the order in which they were written.
        return ready.sorted()
    }

    /// The node that ``takeReady()`` would name, when it is just one.
    package mutating func takeOnlyReady() -> Int? {
        guard ready.count == 1, let node = ready.popLast() else { return nil }
        take(node)
        return node
    }

    /// The values that a ready node is made of, in order; for a choice the one that decides. Asked once for each node.
    package mutating func takeInputs(of node: Int) -> [Value] {
        switch topology.steps[node] {
        case .compute(let sources): sources.map { use($0) }
        case .choice(let decider, _, _): [use(decider)]
        case .given, .fallback: preconditionFailure("only steps that are named as ready have inputs to take")
        }
    }

    /// Tells what came of a node that was taken, or the value of a given one. What comes after the end changes nothing.
    package mutating func finished(_ node: Int, _ outcome: Result<Value, any Error>) {
        guard case .running = nodes[node].state else {
            preconditionFailure("only what was taken is finished, and once")
        }
        awaited -= 1
        switch outcome {
        case .success(let value): settle(node, .value(value))
        case .failure(let error): settle(node, .failed(error))
        }
        proceed()
    }

    /// Which of its branches a choice takes: a position among the cases, or `nil` for the one that is left.
    ///
    /// - Returns: `false` when there is none; then the choice is to be failed by ``finished(_:_:)``.
    package mutating func chose(_ node: Int, _ position: Int?) -> Bool {
        guard case .choice(_, let cases, let otherwise) = topology.steps[node],
            let branch = position.map({ cases[$0] }) ?? otherwise
        else { return false }
        guard case .running = nodes[node].state else { preconditionFailure("only what was taken decides, and once") }
        awaited -= 1
        follow(node, branch)
        proceed()
        return true
    }

    /// Ends the run before it has come to a result of its own.
    package mutating func end(with error: any Error) {
        guard result == nil else { return }
        result = .failure(error)
        ready.removeAll()
    }

    // MARK: Inner workings

    private mutating func take(_ node: Int) {
        nodes[node].state = .running
        awaited += 1
    }

    private mutating func use(_ node: Int) -> Value {
        guard case .value(let value) = nodes[node].state else { preconditionFailure("a source has its value") }
        nodes[node].uses -= 1
        // A value goes with its last use, however long the run goes on.
        if nodes[node].uses == 0 { nodes[node].state = .spent }
        return value
    }

    /// All that follows from the outcomes that are news.
    private mutating func proceed() {
        spread()
        guard result == nil else { return ready.removeAll() }
        if isStale { reconsider() }
    }

    /// The node has come to an outcome: a value or a failure.
    private mutating func settle(_ node: Int, _ outcome: State) {
        nodes[node].state = outcome
        news.append(node)
        if case .failed = outcome { isStale = true }
        guard node == last, result == nil else { return }
        switch outcome {
        case .value(let value): result = .success(value)
        case .failed(let error): result = .failure(error)
        default: preconditionFailure("an outcome is a value or a failure")
        }
    }

    /// Tells the consumers of the nodes that are news, then theirs, and so on until nothing more follows.
    private mutating func spread() {
        while let node = news.popLast() {
            for consumer in topology.consumers[node] { hear(consumer, from: node) }
        }
    }

    private mutating func hear(_ node: Int, from source: Int) {
        switch nodes[node].state {
        case .open:
            // A choice has its branches as sources, too, but waits for what decides only.
            if case .choice(let decider, _, _) = topology.steps[node], decider != source { return }
            if case .failed(let error) = nodes[source].state { return settle(node, .failed(error)) }
            nodes[node].missing -= 1
            // While the failure spreads nobody knows who is still wanted.
            if nodes[node].missing == 0, nodes[node].isWanted, !isStale { offer(node) }
        case .following(let branch) where branch == source: follow(node, branch)
        default: break
        }
    }

    /// The node's outcome will be the branch's.
    private mutating func follow(_ node: Int, _ branch: Int) {
        nodes[node].state = .following(branch)
        switch nodes[branch].state {
        case .value: settle(node, .value(use(branch)))
        case .failed(let error):
            if case .fallback(let first, let second) = topology.steps[node], branch == first, second != first {
                follow(node, second)
            } else {
                settle(node, .failed(error))
            }
        case .open, .ready, .running, .following: if nodes[node].isWanted, !isStale { want(branch) }
        case .spent: preconditionFailure("a value is there until all have taken it")
        }
    }

    private mutating func offer(_ node: Int) {
        nodes[node].state = .ready
        ready.append(node)
    }

    /// A wanted node is ready as soon as its sources are there, and wants them until then.
    private mutating func want(_ start: Int) {
        var path = [start]
        while let node = path.popLast() {
            if nodes[node].isWanted { continue }
            nodes[node].isWanted = true
            switch (nodes[node].state, topology.steps[node]) {
            case (.following(let branch), _): path.append(branch)
            case (.open, _) where nodes[node].missing == 0: offer(node)
            case (.open, .compute(let sources)): path += sources
            case (.open, .choice(let decider, _, _)): path.append(decider)
            case (.open, .given), (.open, .fallback): preconditionFailure("neither is ever open")
            case (.ready, _), (.running, _), (.value, _), (.spent, _), (.failed, _): break
            }
        }
    }

    /// Finds out anew what is wanted.
    private mutating func reconsider() {
        isStale = false
        for node in ready { nodes[node].state = .open }
        ready.removeAll(keepingCapacity: true)
        for node in nodes.indices { nodes[node].isWanted = false }
        want(last)
    }
}
