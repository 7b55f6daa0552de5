/// Tracks one request through a graph: which nodes can be computed now, and what follows from each outcome.
///
/// A node is computed once, as soon as its sources have values, and only when the result needs it. When a node fails,
/// every node made from it fails as well, up to the result or the next fallback; of several failures the first counts.
/// The struct is pure: its owner computes the nodes that ``takeReady()`` returns and reports their outcomes.
///
/// Two properties of a node change independently. What is *known* about it (``State``) follows from its sources alone
/// and only grows. Whether it is *wanted* follows from the result: a node is wanted when the result, or a wanted node
/// that is still open, is made from it. Only ``want(_:)`` makes a node wanted. After a failure every node becomes
/// unwanted and the result is wanted again, so no node keeps an outdated need or misses a new one.
///
/// Each request copies a run that has already begun. For cheap copies, nodes are plain bytes, and values and errors are
/// stored separately.
package struct GraphRun<Value: Sendable>: Sendable {
    private enum State: Sendable {
        /// Nothing is known. Goes to `ready`, or to `failed` when a source fails.
        case open
        /// Can be taken. Goes to `running`, or back to `open` when a failure makes it unnecessary.
        case ready
        /// Being computed, or about to be given. Goes to `value` or `failed`; a choice also to `following`.
        case running
        /// A choice or a fallback that will take over the branch's outcome. Goes to `value` or `failed`; a fallback
        /// also to its other branch.
        case following(branch: Int32)
        /// The value is at this index of ``values``. Goes to `spent`.
        case value(place: Int32)
        /// Every node made from the value has taken it.
        case spent
        /// Failed with the error at this index of ``errors``.
        case failed(error: Int32)
    }

    private struct Node: Sendable {
        var state: State
        var isWanted = false
        /// How many sources have no value yet.
        var missing: Int32
        /// How often the value is to be taken.
        var uses: Int32
    }

    private let topology: GraphTopology
    private var nodes: ContiguousArray<Node>
    /// In order of arrival. A value that was taken for the last time leaves a gap, or is removed if it is at the end.
    private var values: ContiguousArray<Value?> = []
    private var errors: [any Error] = []
    private var ready = NodeList()
    /// Nodes whose outcomes their consumers do not know yet.
    private var news = NodeList()
    /// The number of outcomes still to be reported: of nodes that were taken, and of nodes that will be given.
    private var awaited = 0
    /// Whether a failure has changed which nodes are wanted.
    private var isStale = false
    /// The error that ended the run before it had a result.
    private var endedBy: (any Error)?
    /// Whether there is a ``result()``.
    package private(set) var isOver = false

    private var last: Int { nodes.count - 1 }

    /// - Parameter given: the values of the given steps; `nil` for those that ``finished(_:_:)`` reports later.
    package init(_ topology: GraphTopology, given: (Int) -> Value?) {
        self.topology = topology
        self.nodes = ContiguousArray(
            topology.nodes.map { node in
                let state: State =
                    switch node.kind {
                    case .given: .running
                    case .compute, .choice: .open
                    case .fallback: .following(branch: Int32(topology.neighbours[node.branches.lowerBound]))
                    }
                return Node(state: state, missing: node.sourceCount, uses: node.useCount)
            }
        )
        for node in nodes.indices {
            guard case .given = topology.nodes[node].kind else { continue }
            if let value = given(node) { settle(node, value) } else { awaited += 1 }
        }
        spread()
        want(last)
    }

    /// The result of a run that is over: the value of the last node.
    ///
    /// - Throws: the last node's error, or the error that the run was ended with.
    package func result() throws -> Value {
        if let endedBy { throw endedBy }
        if case .failed(let error) = nodes[last].state { throw errors[Int(error)] }
        guard case .value(let place) = nodes[last].state, let value = values[Int(place)] else {
            preconditionFailure("only a run that is over has a result")
        }
        return value
    }

    /// Whether the run can make no progress and has no result. This never happens; ``takeReady()`` traps if it does.
    package var isStalled: Bool { !isOver && awaited == 0 && ready.isEmpty }

    /// Takes the nodes that can be computed and were not taken before: ``GraphTopology/Step/compute(_:)`` steps, whose
    /// values go to ``finished(_:_:)``, and choices, whose decisions go to ``chose(_:_:)``.
    package mutating func takeReady() -> [Int] {
        precondition(!isStalled, "the run of a graph has stalled: no result, and nothing is ready or being computed")
        // In the order in which the graph lists them.
        let taken = ready.removeAll().sorted()
        for node in taken { take(node) }
        return taken
    }

    /// Takes the node that ``takeReady()`` would take, when there is exactly one.
    package mutating func takeOnlyReady() -> Int? {
        guard let node = ready.popOnly() else { return nil }
        take(node)
        return node
    }

    /// Hands out, in order, the values that a ready node is made from; for a choice, the value that decides. Must be
    /// called once for each node.
    package mutating func takeInputs(of node: Int, _ body: (consuming Value) -> Void) {
        for index in topology.nodes[node].inputs { body(use(topology.neighbours[index])) }
    }

    /// Reports the value of a node that was taken, or of a given one. After the end of the run this changes nothing.
    package mutating func finished(_ node: Int, _ value: consuming Value) {
        endWait(for: node)
        settle(node, value)
        proceed()
    }

    /// Reports that a node that was taken, or a given one, has failed.
    package mutating func failed(_ node: Int, _ error: any Error) {
        endWait(for: node)
        errors.append(error)
        fail(node, Int32(errors.count - 1))
        proceed()
    }

    /// Reports which branch a choice takes: the position of a case, or `nil` for the branch of all other values.
    ///
    /// - Returns: `false` when there is no such branch; the caller then reports ``failed(_:_:)`` for the choice.
    package mutating func chose(_ node: Int, _ position: Int?) -> Bool {
        guard let branch = topology.branch(of: node, at: position) else { return false }
        endWait(for: node)
        follow(node, branch)
        proceed()
        return true
    }

    /// Ends the run before it has a result.
    package mutating func end(with error: any Error) {
        guard !isOver else { return }
        endedBy = error
        isOver = true
        ready = NodeList()
    }

    // MARK: Inner workings

    private mutating func take(_ node: Int) {
        nodes[node].state = .running
        awaited += 1
    }

    private mutating func endWait(for node: Int) {
        guard case .running = nodes[node].state else { preconditionFailure("only a taken node has an outcome") }
        awaited -= 1
    }

    private mutating func use(_ node: Int) -> Value {
        guard case .value(let place) = nodes[node].state, let value = take(Int(place), of: node) else {
            preconditionFailure("a source keeps its value until every consumer has taken it")
        }
        return value
    }

    private mutating func take(_ place: Int, of node: Int) -> Value? {
        nodes[node].uses -= 1
        if nodes[node].uses > 0 { return values[place] }
        // A value is released on its last use, however long the run continues.
        nodes[node].state = .spent
        return place == values.count - 1 ? values.removeLast() : values[place].take()
    }

    /// Applies everything that follows from the new outcomes.
    private mutating func proceed() {
        spread()
        if isOver {
            ready = NodeList()
        } else if isStale {
            reconsider()
        }
    }

    private mutating func settle(_ node: Int, _ value: consuming Value) {
        values.append(value)
        settle(node, .value(place: Int32(values.count - 1)))
    }

    private mutating func fail(_ node: Int, _ error: Int32) {
        isStale = true
        settle(node, .failed(error: error))
    }

    /// Records the node's outcome: a value or a failure.
    private mutating func settle(_ node: Int, _ outcome: State) {
        nodes[node].state = outcome
        news.append(node)
        if node == last { isOver = true }
    }

    /// Informs the consumers of nodes with new outcomes, then their consumers, and so on until nothing more follows.
    private mutating func spread() {
        while let node = news.popLast() {
            for index in topology.nodes[node].consumers { hear(topology.neighbours[index], from: node) }
        }
    }

    private mutating func hear(_ node: Int, from source: Int) {
        switch nodes[node].state {
        case .open:
            // The branches of a choice are sources, too, but the choice waits only for the node that decides.
            if case .choice = topology.nodes[node].kind, decider(of: node) != source { return }
            if case .failed(let error) = nodes[source].state { return fail(node, error) }
            nodes[node].missing -= 1
            // While a failure spreads, it is not known which nodes are still wanted.
            if nodes[node].missing == 0, nodes[node].isWanted, !isStale { offer(node) }
        case .following(let branch) where branch == source: follow(node, source)
        default: break
        }
    }

    private func decider(of node: Int) -> Int { topology.neighbours[topology.nodes[node].inputs.lowerBound] }

    /// Makes the node take over the branch's outcome.
    private mutating func follow(_ node: Int, _ branch: Int) {
        nodes[node].state = .following(branch: Int32(branch))
        switch nodes[branch].state {
        case .value: settle(node, use(branch))
        case .failed(let error):
            if case .fallback = topology.nodes[node].kind, let second = topology.branch(of: node, at: 1),
                second != branch
            {
                follow(node, second)
            } else {
                fail(node, error)
            }
        case .open, .ready, .running, .following: if nodes[node].isWanted, !isStale { want(branch) }
        case .spent: preconditionFailure("a source keeps its value until every consumer has taken it")
        }
    }

    private mutating func offer(_ node: Int) {
        nodes[node].state = .ready
        ready.append(node)
    }

    /// Marks a node as wanted. It becomes ready once its sources have values; until then it wants them as well.
    private mutating func want(_ start: Int) {
        var path = [start]
        while let node = path.popLast() {
            if nodes[node].isWanted { continue }
            nodes[node].isWanted = true
            switch nodes[node].state {
            case .following(let branch): path.append(Int(branch))
            case .open:
                if nodes[node].missing == 0 {
                    offer(node)
                } else {
                    path += topology.neighbours[topology.nodes[node].inputs]
                }
            case .ready, .running, .value, .spent, .failed: break
            }
        }
    }

    /// Determines afresh which nodes are wanted.
    private mutating func reconsider() {
        isStale = false
        for node in ready.removeAll() { nodes[node].state = .open }
        for node in nodes.indices { nodes[node].isWanted = false }
        want(last)
    }
}

/// A short list of nodes. The first is stored inline, without an allocation.
private struct NodeList: Sendable {
    private var first: Int?
    private var others: [Int] = []

    var isEmpty: Bool { first == nil }

    mutating func append(_ node: Int) {
        if first == nil { first = node } else { others.append(node) }
    }

    mutating func popLast() -> Int? { others.popLast() ?? first.take() }

    /// Removes the node if it is the only one.
    mutating func popOnly() -> Int? { others.isEmpty ? first.take() : nil }

    mutating func removeAll() -> [Int] {
        defer { self = NodeList() }
        return (first.map { [$0] } ?? []) + others
    }
}
