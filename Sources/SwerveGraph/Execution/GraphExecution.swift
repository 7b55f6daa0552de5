internal import Synchronization

/// One request whose nodes run at the same time: ``GraphRun`` behind a lock.
final class GraphExecution: Sendable {
    private let program: GraphProgram
    private let run: Mutex<GraphRun<GraphValue>>

    init(_ program: GraphProgram, _ run: GraphRun<GraphValue>) {
        self.program = program
        self.run = Mutex(run)
    }

    /// Computes what is ready side by side, and all that follows from it, until the request is over.
    ///
    /// Returns when the last task has ended: what nobody needs any more is cancelled, but takes the time that it takes to
    /// notice.
    func result() async throws -> GraphValue {
        await spread()
        guard let result = run.withLock({ $0.result }) else {
            preconditionFailure("a run of which nothing is ready or being computed has a result")
        }
        return try result.get()
    }

    private func spread() async {
        await withTaskGroup(of: [Int].self) { group in
            for node in run.withLock({ $0.takeReady() }) { group.addTask { await self.follow(node) } }
            while let more = await group.next() {
                if run.withLock({ $0.result != nil }) {
                    group.cancelAll()
                } else {
                    for node in more { group.addTask { await self.follow(node) } }
                }
            }
        }
    }

    private enum Next {
        case one(Int, [GraphValue])
        case others([Int])
    }

    /// Computes a node, then the one that it made ready, and so on.
    ///
    /// - Returns: the nodes that became ready when it is not just one; nothing when the request is over.
    private func follow(_ first: Int) async -> [Int] {
        var node = first
        var inputs = run.withLock { $0.takeInputs(of: first) }
        while true {
            let outcome = await program.compute(node, inputs)
            let current = node
            let next = run.withLock { run -> Next in
                program.settle(outcome, current, in: &run)
                guard run.result == nil else { return .others([]) }
                guard let node = run.takeOnlyReady() else { return .others(run.takeReady()) }
                return .one(node, run.takeInputs(of: node))
            }
            switch next {
            case .one(let following, let values): (node, inputs) = (following, values)
            case .others(let ready): return ready
            }
        }
    }
}
