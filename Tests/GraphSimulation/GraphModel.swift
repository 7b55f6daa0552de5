import SwerveGraph

/// A model of a run that derives everything afresh after each event from the reported outcomes alone: which nodes have
/// an outcome, and which must be computed now. It is slow, but has no memory that could be wrong. Sets of nodes are the
/// bits of a number.
struct GraphModel {
    enum Told {
        case value(UInt64)
        case failed
        case branch(Int)
    }

    enum Known {
        case nothing
        case value(UInt64)
        /// The nodes that may have caused the failure. There are several when one event spread several failures.
        case failed(origins: UInt64)
    }

    private let graph: RandomGraph
    private var told: [Told?]
    private(set) var known: [Known]
    private var started: UInt64 = 0
    private var wanted: UInt64 = 0
    private var unwanted: UInt64 = 0
    /// How many times a node was needed, then not needed, and then needed again.
    private(set) var neededAgain = 0

    init(_ graph: RandomGraph) {
        self.graph = graph
        self.told = Array(repeating: nil, count: graph.steps.count)
        self.known = Array(repeating: .nothing, count: graph.steps.count)
    }

    var result: Known { known[known.count - 1] }

    mutating func start(_ node: Int) { started |= bit(node) }
    mutating func tell(_ node: Int, _ what: Told) { told[node] = what }

    /// Derives what follows from all reported outcomes.
    ///
    /// - Returns: the nodes that must be computed and were not started.
    mutating func update() -> [Int] {
        for node in known.indices {
            // The first outcome counts.
            if case .nothing = known[node] { known[node] = outcome(of: node) }
        }
        let before = wanted
        let due = want()
        neededAgain += (unwanted & wanted).nonzeroBitCount
        unwanted = (unwanted | before) & ~wanted
        return due
    }

    private func bit(_ node: Int) -> UInt64 { 1 << UInt64(node) }

    private func outcome(of node: Int) -> Known {
        switch told[node] {
        case .value(let value): return .value(value)
        case .failed: return .failed(origins: bit(node))
        case .branch(let branch): return known[branch]
        case nil: break
        }
        switch graph.steps[node] {
        case .given: return .nothing
        case .compute(let sources): return failure(of: sources)
        case .choice(let decider, _, _): return failure(of: [decider])
        case .fallback(let first, let second):
            if case .failed = known[first] { return known[second] }
            return known[first]
        }
    }

    private func failure(of sources: [Int]) -> Known {
        var origins: UInt64 = 0
        for case .failed(let more) in sources.map({ known[$0] }) { origins |= more }
        return origins == 0 ? .nothing : .failed(origins: origins)
    }

    /// Starts at the result: an open node wants the nodes that its outcome depends on next.
    private mutating func want() -> [Int] {
        var due: [Int] = []
        wanted = bit(known.count - 1)
        for node in known.indices.reversed() where wanted & bit(node) != 0 {
            guard case .nothing = known[node] else {
                wanted &= ~bit(node)
                continue
            }
            switch graph.steps[node] {
            case .given: break
            case .fallback(let first, let second):
                if case .failed = known[first] { wanted |= bit(second) } else { wanted |= bit(first) }
            case .choice(let decider, _, _):
                if case .branch(let branch)? = told[node] {
                    wanted |= bit(branch)
                } else if want([decider], for: node) {
                    due.append(node)
                }
            case .compute(let sources): if want(sources, for: node) { due.append(node) }
            }
        }
        return due.reversed()
    }

    /// - Returns: whether the node can be started.
    private mutating func want(_ sources: [Int], for node: Int) -> Bool {
        guard started & bit(node) == 0 else { return false }
        var isComplete = true
        for source in sources {
            if case .value = known[source] { continue }
            wanted |= bit(source)
            isComplete = false
        }
        return isComplete
    }
}
