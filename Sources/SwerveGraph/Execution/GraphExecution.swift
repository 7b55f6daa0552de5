internal import NIOCore
internal import SwerveActors
internal import SwerveCore
internal import Synchronization

/// One request on its way through a graph: the shell of ``GraphRun``.
final class GraphExecution: Sendable {
    private let program: GraphProgram
    private let run: Mutex<GraphRun<GraphValue>>

    init(_ program: GraphProgram, _ input: any Codable & Sendable) {
        self.program = program
        self.run = Mutex(
            GraphRun(program.topology) { node in
                if case .constant(let value) = program.nodes[node].operation { .value(value) } else { .value(input) }
            }
        )
    }

    func takeReady() -> [Int] { run.withLock { $0.takeReady() } }

    private var isOver: Bool { run.withLock { $0.result != nil } }

    func result() throws -> GraphValue {
        guard let result = run.withLock({ $0.result }) else { throw CancellationError() }
        return try result.get()
    }

    /// Computes a node, then the first of those that it made ready, and so on.
    ///
    /// - Returns: the other nodes that became ready; nothing when the request is over.
    func follow(_ first: Int) async -> [Int] {
        var node = first
        while true {
            await compute(node)
            if Task.isCancelled { return [] }
            let ready = run.withLock { run in run.result == nil ? run.takeReady() : [] }
            guard ready.count == 1 else { return ready }
            node = ready[0]
        }
    }

    /// Computes nodes side by side, and all that follows from them, until the request is over.
    func spread(_ ready: [Int]) async {
        await withTaskGroup(of: [Int].self) { group in
            for node in ready { group.addTask { await self.follow(node) } }
            while let more = await group.next() {
                // Nobody needs what still runs.
                if isOver { group.cancelAll() } else { for node in more { group.addTask { await self.follow(node) } } }
            }
        }
    }

    // MARK: One node

    private func compute(_ node: Int) async {
        let described = program.nodes[node]
        let inputs = run.withLock { $0.takeInputs(of: node) }
        do {
            switch described.operation {
            case .call(let deployment, let method, _):
                let value = try await call(node, deployment, method, inputs)
                run.withLock { $0.finished(node, .success(value)) }
            case .made(let maker, let sources):
                let parts = try zip(sources, inputs).map { try decoded($1, of: $0) }
                let value = GraphValue.value(try maker.make(parts))
                run.withLock { $0.finished(node, .success(value)) }
            case .choice(let chooser, let source, _, _):
                let value = try decoded(inputs[0], of: source)
                let position = try chooser.position(of: value)
                guard run.withLock({ $0.chose(node, position) }) else {
                    let known = chooser.labels.joined(separator: ", ")
                    throw ServeError(.invalidArgument, "the value fits none of the cases, which are \(known)")
                }
            case .input, .constant, .fallback: preconditionFailure("only steps to compute are named as ready")
            }
        } catch {
            // A cancelled request has no result, and no node to blame.
            if Task.isCancelled { return }
            let failure = GraphNodeError(node: described.name, cause: error)
            run.withLock { $0.finished(node, .failure(failure)) }
        }
    }

    private func call(
        _ node: Int,
        _ deployment: ServeID,
        _ method: String,
        _ inputs: [GraphValue]
    ) async throws -> GraphValue {
        let start = NIODeadline.now()
        // Results that other processes keep go with the last reference to them: not before the call is over.
        defer { withExtendedLifetime(inputs) {} }
        do {
            let result = try await ServeSystem.current.call(
                deployment,
                method: method,
                arguments: inputs.map(\.argument),
                mayKeep: program.mayKeep(node)
            )
            switch result {
            case .value(let value):
                program.note(node, since: start, isFailure: false)
                return .value(value)
            case .encoded(let value):
                program.note(node, since: start, isFailure: false)
                return .encoded(value)
            case .kept(let result):
                program.note(node, since: start, isFailure: false, keptBytes: result.byteCount)
                return .kept(result)
            }
        } catch {
            if !Task.isCancelled { program.note(node, since: start, isFailure: true) }
            throw error
        }
    }

    private func decoded(_ value: GraphValue, of source: Int) throws -> any Codable & Sendable {
        switch value {
        case .value(let value): value
        case .encoded(let value): try program.nodes[source].type.decode(value)
        case .kept: preconditionFailure("a value that is looked at is not kept elsewhere")
        }
    }
}
