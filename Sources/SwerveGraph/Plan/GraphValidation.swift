internal import SwerveActors
internal import SwerveCore

/// Checks what the compiler cannot see in a graph.
enum GraphValidation {
    static func checkInputs(_ vertices: [GraphVertex]) throws(ServeError) {
        let inputs = vertices.filter { if case .input = $0.operation { true } else { false } }
        if inputs.count > 1 {
            throw refusal(
                "it has \(inputs.count) inputs, but a graph has one InputNode: pass the same one to every node that "
                    + "needs it, or its parts by key path"
            )
        }
    }

    static func check(_ vertex: GraphVertex, named name: String) throws(ServeError) {
        switch vertex.operation {
        case .input, .constant, .made: return
        case .tooDeep: throw GraphPlan.tooLarge
        case .call(let call, _): try check(call, named: name)
        case .choice(let chooser, let value, _, let otherwise):
            try check(chooser, of: value, otherwise: otherwise, named: name)
        case .fallback(let first, let second):
            if first === second { throw refusal("'\(name)' falls back to the node that just failed") }
            switch first.operation {
            case .input, .constant:
                throw refusal("'\(name)' can never be reached: an input or a constant cannot fail")
            default: return
            }
        }
    }

    private static func check(_ call: GraphCall, named name: String) throws(ServeError) {
        switch call.deployment.target {
        case .bound: return
        case .pool(let pool):
            throw refusal(
                "'\(name)' calls \(pool.id), a deployment that runs in another application; a graph can call only "
                    + "deployments that 'bind' returned, which become part of the graph's application"
            )
        case .mistaken(let mistake): throw mistake.error
        case .local:
            throw refusal("'\(name)' calls an actor that is not a deployment; use the reference that 'bind' returns")
        }
    }

    private static func check(
        _ chooser: any GraphChooser,
        of value: GraphVertex,
        otherwise: GraphVertex?,
        named name: String
    ) throws(ServeError) {
        if case .constant = value.operation {
            throw refusal(
                "'\(name)' always takes the same branch, because it depends on a constant; remove the other branches"
            )
        }
        if let duplicate = chooser.duplicate {
            throw refusal("'\(name)' has the case '\(duplicate)' twice; the second can never be reached")
        }
        if otherwise == nil, chooser.labels.isEmpty { throw refusal("'\(name)' has no cases") }
        if otherwise == nil, !chooser.missing.isEmpty {
            throw refusal(
                "'\(name)' has no case for \(chooser.missing.map { "'\($0)'" }.joined(separator: ", ")) and no default"
            )
        }
        if otherwise != nil, chooser.isComplete {
            throw refusal("the default of '\(name)' can never be reached: every value has a case")
        }
    }

    private static func refusal(_ message: String) -> ServeError {
        ServeError(.invalidGraph, "the graph cannot run: \(message)")
    }
}
