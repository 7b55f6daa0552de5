package import SwerveActors
package import SwerveCore

/// A graph as data: its nodes, each after the nodes that it is made from; the last one is the result.
///
/// The plan is sent to the driver's replicas, and pictures of the graph are drawn from it.
package struct GraphPlan: Sendable {
    /// The most nodes a graph may have. `Serve.run` refuses more with code `invalidGraph`.
    package static let maximumNodes = 4096

    package enum Operation: Sendable {
        case input
        case constant(any Codable & Sendable)
        case call(ServeID, method: String, [Int])
        case made(any GraphMaker, [Int])
        case choice(any GraphChooser, of: Int, [Int], otherwise: Int?)
        case fallback(Int, Int)
    }

    package struct Node: Sendable {
        /// Unique in the graph: `Segmenter.segment`, `Segmenter.segment_1`.
        package let name: String
        package let type: any AnyGraphType.Type
        package let operation: Operation
    }

    package let nodes: [Node]

    /// Builds the plan from a graph's last node.
    ///
    /// - Throws: ``ServeError`` with code `invalidGraph` for two inputs, a call to another application's deployment, a
    ///   branch that can never be reached, a missing case, or too many nodes.
    package init(result: GraphVertex) throws(ServeError) {
        let vertices = try Self.sorted(from: result)
        var positions: [ObjectIdentifier: Int] = [:]
        var names = GraphNames()
        var nodes: [Node] = []
        for vertex in vertices {
            let name = names.next(vertex, { nodes[positions[ObjectIdentifier($0)]!].name })
            try GraphValidation.check(vertex, named: name)
            let operation = Self.operation(of: vertex) { positions[ObjectIdentifier($0)]! }
            positions[ObjectIdentifier(vertex)] = nodes.count
            nodes.append(Node(name: name, type: vertex.type, operation: operation))
        }
        self.nodes = nodes
        try GraphValidation.checkInputs(vertices)
    }

    static var tooLarge: ServeError {
        ServeError(.invalidGraph, "the graph has more than \(maximumNodes) nodes")
    }

    init(nodes: [Node]) {
        self.nodes = nodes
    }

    /// Sorts sources before the nodes made from them, in the order in which they were written. Not recursive, because a
    /// chain may be long.
    private static func sorted(from result: GraphVertex) throws(ServeError) -> [GraphVertex] {
        var order: [GraphVertex] = []
        var seen: Set<ObjectIdentifier> = [ObjectIdentifier(result)]
        var path: [(vertex: GraphVertex, rest: ArraySlice<GraphVertex>)] = [(result, result.sources[...])]
        while let last = path.last {
            if let source = last.rest.first {
                path[path.count - 1].rest = last.rest.dropFirst()
                guard seen.insert(ObjectIdentifier(source)).inserted else { continue }
                guard seen.count <= maximumNodes else {
                    throw tooLarge
                }
                path.append((source, source.sources[...]))
            } else {
                order.append(last.vertex)
                path.removeLast()
            }
        }
        return order
    }

    private static func operation(of vertex: GraphVertex, _ position: (GraphVertex) -> Int) -> Operation {
        switch vertex.operation {
        case .input: .input
        case .constant(let value): .constant(value)
        case .call(let call, let sources): .call(call.deployment, method: call.method, sources.map(position))
        case .made(let maker, let sources): .made(maker, sources.map(position))
        case .choice(let chooser, let value, let cases, let otherwise):
            .choice(chooser, of: position(value), cases.map(position), otherwise: otherwise.map(position))
        case .fallback(let first, let second): .fallback(position(first), position(second))
        case .tooDeep: preconditionFailure("validation refuses such nodes")
        }
    }
}

extension GraphPlan.Operation {
    /// The nodes that this one is made from.
    package var sources: [Int] {
        switch self {
        case .input, .constant: []
        case .call(_, _, let sources), .made(_, let sources): sources
        case .choice(_, let value, let cases, let otherwise): [value] + cases + (otherwise.map { [$0] } ?? [])
        case .fallback(let first, let second): [first, second]
        }
    }
}

/// Gives nodes unique names.
private struct GraphNames {
    private var counts: [String: Int] = [:]

    mutating func next(_ vertex: GraphVertex, _ name: (GraphVertex) -> String) -> String {
        let base =
            switch vertex.operation {
            case .input: "input"
            case .constant: "constant"
            case .call(let call, _): call.name
            case .made(let maker, let sources) where maker.label.hasPrefix(".") || maker.label.hasPrefix("["):
                sources.first.map { name($0) + maker.label } ?? maker.label
            case .made(let maker, _): maker.label
            case .choice(let chooser, _, _, _): chooser is Cases<Bool> ? "if" : "switch"
            case .fallback: "fallback"
            case .tooDeep: "node"
            }
        let count = counts[base, default: 0]
        counts[base] = count + 1
        return count == 0 ? base : "\(base)_\(count)"
    }
}
