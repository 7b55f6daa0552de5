internal import Distributed
package import SwerveActors

/// The name that generated code uses for ``GraphVertex``. Not for direct use.
public typealias _GraphVertex = GraphVertex

/// A ``GraphNode`` without its types. Two nodes are the same when their vertices are the same object.
public final class GraphVertex: Sendable {
    package enum Operation: Sendable {
        case input
        case constant(any Codable & Sendable)
        case call(GraphCall, [GraphVertex])
        /// A value made from others: a part of one, or a container of several.
        case made(any GraphMaker, [GraphVertex])
        /// The node of the case that equals the value, or else `otherwise`.
        case choice(any GraphChooser, of: GraphVertex, [GraphVertex], otherwise: GraphVertex?)
        /// The first node, or the second when the first fails.
        case fallback(GraphVertex, GraphVertex)
        /// Replaces a node that ends a chain of too many nodes.
        case tooDeep
    }

    package let operation: Operation
    package let type: any AnyGraphType.Type
    /// The number of nodes on the longest path from here back to a node without sources.
    private let depth: Int

    package init(_ operation: Operation, _ type: any AnyGraphType.Type) {
        // Beyond the limit the sources are dropped: a chain is freed recursively, one stack frame for each link.
        let depth = 1 + (operation.sources.map(\.depth).max() ?? 0)
        self.operation = depth > GraphPlan.maximumNodes ? .tooDeep : operation
        self.depth = min(depth, GraphPlan.maximumNodes)
        self.type = type
    }

    /// The nodes that this one is made from, in the order in which they are written.
    package var sources: [GraphVertex] { operation.sources }
}

extension GraphVertex.Operation {
    fileprivate var sources: [GraphVertex] {
        switch self {
        case .input, .constant, .tooDeep: []
        case .call(_, let sources), .made(_, let sources): sources
        case .choice(_, let value, let cases, let otherwise): [value] + cases + (otherwise.map { [$0] } ?? [])
        case .fallback(let first, let second): [first, second]
        }
    }
}

/// A method of a deployment.
package struct GraphCall: Sendable {
    package let deployment: ServeID
    /// The name of the actor's type, for node names and messages.
    package let typeName: String
    /// The full name, such as `segment(_:)`.
    package let method: String

    init<D: Deployment>(_ deployment: D, _ method: String) {
        self.deployment = deployment.id
        self.typeName = "\(D.self)"
        self.method = method
    }

    /// The name for people: `Segmenter.segment`. A function's deployment has the name of the function.
    package var name: String {
        var deployment = deployment.boundName ?? String(typeName.prefix { $0 != "<" })
        let base = String(method.prefix { $0 != "(" })
        guard base == "callAsFunction" else { return "\(deployment).\(base)" }
        let suffix = "Deployment"
        if deployment.hasSuffix(suffix), deployment != suffix { deployment.removeLast(suffix.count) }
        return deployment
    }
}
