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
///
/// Each request copies a run that has begun. So nodes are plain bytes, and values and errors are apart from them.
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
        case following(branch: Int32)
        /// The value is at this place of the ``values``. Goes to `spent`.
        case value(place: Int32)
        /// All that are made of the value have taken it.
        case spent
        /// By the error at this place of the ``errors``.
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
    /// As they came; what was taken for the last time leaves a gap, or nothing at the end.
    private var values: ContiguousArray<Value?> = []
    private var errors: [any Error] = []
    private var ready = NodeList()
    /// Nodes that have come to an outcome which their consumers do not know yet.
    private var news = NodeList()
    /// How many nodes' outcomes are to be told: those that were taken, and those that are to be given.
    private var awaited = 0
    /// Whether a failure has changed what is wanted.
    private var isStale = false
    /// Why the run was ended before it came to a result.
    private var endedBy: (any Error)?
    /// Whether there is a ``result``.
    package private(set) var isOver = false

    private var last: Int { nodes.count - 1 }

    /// - Parameter given: the values of the given steps; `nil` for those that ``finished(_:_:)`` tells later.
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

    /// The result of a run that is over: the last node's.
    ///
    /// - Throws: the last node's error, or the one that the run was ended with.
    package func result() throws -> Value {
        if let endedBy { throw endedBy }
        if case .failed(let error) = nodes[last].state { throw errors[Int(error)] }
        guard case .value(let place) = nodes[last].state, let value = values[Int(place)] else {
            preconditionFailure("only a run that is over has a result")
        }
        return value
    }

    /// Whether nothing can happen any more and there is no result. It is never so: ``takeReady()`` would trap.
    package var isStalled: Bool { !isOver && awaited == 0 && ready.isEmpty }

    /// The nodes that can be computed and were not named before: ``GraphTopology/Step/compute(_:)`` steps, whose values
    /// are to be told to ``finished(_:_:)``, and choices, whose decisions ``chose(_:_:)`` wants.
    package mutating func takeReady() -> [Int] {
        precondition(!isStalled, "the run of a graph has stalled: no result, and nothing is ready or being computed")
        // In the order in which they were written.
        let taken = ready.removeAll().sorted()
        for node in taken { take(node) }
        return taken
    }

    /// The node that ``takeReady()`` would name, when it is just one.
    package mutating func takeOnlyReady() -> Int? {
        guard let node = ready.popOnly() else { return nil }
        take(node)
        return node
    }

    /// Hands out the values that a ready node is made of, in order; for a choice the one that decides. Called once for
    /// each node.
    package mutating func takeInputs(of node: Int, _ body: (consuming Value) -> Void) {
        for index in topology.nodes[node].inputs { body(use(topology.neighbours[index])) }
    }

    /// Tells the value of a node that was taken, or of a given one. What comes after the end changes nothing.
    package mutating func finished(_ node: Int, _ value: consuming Value) {
        endWait(for: node)
        settle(node, value)
        proceed()
    }

    /// Tells that a node that was taken, or a given one, has no value.
    package mutating func failed(_ node: Int, _ error: any Error) {
        endWait(for: node)
        errors.append(error)
        fail(node, Int32(errors.count - 1))
        proceed()
    }

    /// Which of its branches a choice takes: a position among the cases, or `nil` for the one that is left.
    ///
    /// - Returns: `false` when there is none; then the choice has ``failed(_:_:)``.
    package mutating func chose(_ node: Int, _ position: Int?) -> Bool {
        guard let branch = topology.branch(of: node, at: position) else { return false }
        endWait(for: node)
        follow(node, branch)
        proceed()
        return true
    }

    /// Ends the run before it has come to a result of its own.
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
        guard case .running = nodes[node].state else { preconditionFailure("only what was taken is told, and once") }
        awaited -= 1
    }

    private mutating func use(_ node: Int) -> Value {
        guard case .value(let place) = nodes[node].state, let value = take(Int(place), of: node) else {
            preconditionFailure("a source has its value until all have taken it")
        }
        return value
    }

    private mutating func take(_ place: Int, of node: Int) -> Value? {
        nodes[node].uses -= 1
        if nodes[node].uses > 0 { return values[place] }
        // A value goes with its last use, however long the run goes on.
        nodes[node].state = .spent
        return place == values.count - 1 ? values.removeLast() : values[place].take()
    }

    /// All that follows from the outcomes that are news.
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

    /// The node has come to an outcome: a value or a failure.
    private mutating func settle(_ node: Int, _ outcome: State) {
        nodes[node].state = outcome
        news.append(node)
        if node == last { isOver = true }
    }

    /// Tells the consumers of the nodes that are news, then theirs, and so on until nothing more follows.
    private mutating func spread() {
        while let node = news.popLast() {
            for index in topology.nodes[node].consumers { hear(topology.neighbours[index], from: node) }
        }
    }

    private mutating func hear(_ node: Int, from source: Int) {
        switch nodes[node].state {
        case .open:
            // A choice has its branches as sources, too, but waits for what decides only.
            if case .choice = topology.nodes[node].kind, decider(of: node) != source { return }
            if case .failed(let error) = nodes[source].state { return fail(node, error) }
            nodes[node].missing -= 1
            // While the failure spreads nobody knows who is still wanted.
            if nodes[node].missing == 0, nodes[node].isWanted, !isStale { offer(node) }
        case .following(let branch) where branch == source: follow(node, source)
        default: break
        }
    }

    private func decider(of node: Int) -> Int { topology.neighbours[topology.nodes[node].inputs.lowerBound] }

    /// The node's outcome will be the branch's.
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

    /// Finds out anew what is wanted.
    private mutating func reconsider() {
        isStale = false
        for node in ready.removeAll() { nodes[node].state = .open }
        for node in nodes.indices { nodes[node].isWanted = false }
        want(last)
    }
}

/// A few nodes, of which the first needs no memory of its own.
private struct NodeList: Sendable {
    private var first: Int?
    private var others: [Int] = []

    var isEmpty: Bool { first == nil }

    mutating func append(_ node: Int) {
        if first == nil { first = node } else { others.append(node) }
    }

    mutating func popLast() -> Int? { others.popLast() ?? first.take() }

    /// The node, when it is the only one.
    mutating func popOnly() -> Int? { others.isEmpty ? first.take() : nil }

    mutating func removeAll() -> [Int] {
        defer { self = NodeList() }
        return (first.map { [$0] } ?? []) + others
    }
}
