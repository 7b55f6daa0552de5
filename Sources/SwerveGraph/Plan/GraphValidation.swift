internal import SwerveActors
internal import SwerveCore

/// What the compiler cannot see in a graph.
enum GraphValidation {
    static func checkInputs(_ vertices: [GraphVertex]) throws(ServeError) {
        let inputs = vertices.filter { if case .input = $0.operation { true } else { false } }
        if inputs.count > 1 {
            throw refusal(
                "it has \(inputs.count) inputs; a graph has one InputNode: make one and give it to all nodes, its parts by "
                    + "key path"
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
            if first === second { throw refusal("'\(name)' falls back to the node that failed") }
            switch first.operation {
            case .input, .constant:
                throw refusal("'\(name)' can never be reached: an input or a constant does not fail")
            default: return
            }
        }
    }

    private static func check(_ call: GraphCall, named name: String) throws(ServeError) {
        switch call.deployment.target {
        case .bound: return
        case .pool(let pool):
            throw refusal(
                "'\(name)' calls \(pool.id), a deployment that runs in another application; the nodes of a graph call "
                    + "deployments that 'bind' returned, which become part of the graph's application"
            )
        case .local:
            throw refusal("'\(name)' calls an actor that no deployment runs; use what 'bind' returns")
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
                "'\(name)' always takes the same branch, because it depends on a constant; leave the others out"
            )
        }
        if let duplicate = chooser.duplicate {
            throw refusal("'\(name)' has the case '\(duplicate)' twice; the second can never be reached")
        }
        if otherwise == nil, chooser.labels.isEmpty { throw refusal("'\(name)' has no case") }
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
        ServeError(.invalidGraph, "a graph cannot be run: \(message)")
    }
}
