internal import Synchronization

/// One request whose nodes run concurrently: a ``GraphRun`` behind a lock.
final class GraphExecution: Sendable {
    private let program: GraphProgram
    private let run: Mutex<GraphRun<GraphValue>>

    init(_ program: GraphProgram, _ run: GraphRun<GraphValue>) {
        self.program = program
        self.run = Mutex(run)
    }

    /// Computes the ready nodes concurrently, then the nodes that become ready, until the request is over.
    ///
    /// Returns when the last task has ended. Work that is no longer needed is cancelled, but takes a while to notice.
    func result() async throws -> GraphValue {
        await spread()
        return try run.withLock { try $0.result() }
    }

    private func spread() async {
        await withTaskGroup(of: [Int].self) { group in
            for node in run.withLock({ $0.takeReady() }) { group.addTask { await self.follow(node) } }
            while let more = await group.next() {
                if run.withLock({ $0.isOver }) {
                    group.cancelAll()
                } else {
                    for node in more { group.addTask { await self.follow(node) } }
                }
            }
        }
    }

    private enum Next {
        case one(Int, GraphWork)
        case others([Int])
    }

    /// Computes a node, then the node that became ready because of it, and so on, while there is exactly one.
    ///
    /// - Returns: the nodes that became ready, when there is not exactly one; nothing when the request is over.
    private func follow(_ first: Int) async -> [Int] {
        var node = first
        var work = run.withLock { program.work(for: first, in: &$0) }
        while true {
            let outcome = await work.perform()
            let current = node
            let next = run.withLock { run -> Next in
                program.settle(outcome, current, in: &run)
                guard !run.isOver else { return .others([]) }
                guard let node = run.takeOnlyReady() else { return .others(run.takeReady()) }
                return .one(node, program.work(for: node, in: &run))
            }
            switch next {
            case .one(let following, let itsWork): (node, work) = (following, itsWork)
            case .others(let ready): return ready
            }
        }
    }
}
