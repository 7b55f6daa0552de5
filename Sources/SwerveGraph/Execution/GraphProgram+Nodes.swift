internal import NIOCore
internal import SwerveActors

/// The work of single nodes.
extension GraphProgram {
    func compute(_ node: Int, _ inputs: [GraphValue]) async -> Outcome {
        do {
            switch nodes[node].operation {
            case .call(let deployment, let method, _):
                return .value(try await call(node, deployment, method, inputs))
            case .made(let maker, let sources):
                return .value(.value(try maker.make(zip(sources, inputs).map { try decoded($1, of: $0) })))
            case .choice(let chooser, let source, _, _):
                return .branch(try chooser.position(of: decoded(inputs[0], of: source)))
            case .input, .constant, .fallback: preconditionFailure("only steps to compute are named as ready")
            }
        } catch {
            return Task.isCancelled ? .cancelled : .failed(GraphNodeError(node: nodes[node].name, cause: error))
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
            var arguments = Arguments()
            for input in inputs { input.append(to: &arguments) }
            let result = try await ServeSystem.current.call(
                deployment,
                method: method,
                arguments: arguments,
                mayKeep: mayKeep(node)
            )
            switch result {
            case .value(let value):
                note(node, since: start, isFailure: false)
                return .value(value)
            case .encoded(let value):
                note(node, since: start, isFailure: false)
                return .encoded(value)
            case .kept(let result):
                note(node, since: start, isFailure: false, keptBytes: result.byteCount)
                return .kept(result)
            }
        } catch {
            if !Task.isCancelled { note(node, since: start, isFailure: true) }
            throw error
        }
    }

    private func decoded(_ value: GraphValue, of source: Int) throws -> any Codable & Sendable {
        switch value {
        case .value(let value): value
        case .encoded(let value): try nodes[source].type.decode(value)
        case .kept: preconditionFailure("a value that is looked at is not kept elsewhere")
        }
    }
}
