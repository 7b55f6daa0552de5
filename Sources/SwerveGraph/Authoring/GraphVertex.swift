internal import Distributed
package import SwerveActors

/// The name under which generated code knows ``GraphVertex``. Not for direct use.
public typealias _GraphVertex = GraphVertex

/// What a ``GraphNode`` is without its types. Two nodes are the same when their vertices are the same object.
public final class GraphVertex: Sendable {
    package enum Operation: Sendable {
        case input
        case constant(any Codable & Sendable)
        case call(GraphCall, [GraphVertex])
        /// A value made of others: a part of one, a container of several.
        case made(any GraphMaker, [GraphVertex])
        /// The node of the case that the value is, else the last.
        case choice(any GraphChooser, of: GraphVertex, [GraphVertex], otherwise: GraphVertex?)
        /// The second node where the first fails.
        case fallback(GraphVertex, GraphVertex)
        /// In the place of a node that is made of too many, one after the other.
        case tooDeep
    }

    package let operation: Operation
    package let type: any AnyGraphType.Type
    /// How many nodes the longest way from here to a beginning has.
    private let depth: Int

    package init(_ operation: Operation, _ type: any AnyGraphType.Type) {
        // Beyond the limit nothing is held on to: a chain is let go of link by link, each on the stack of the one before.
        let depth = 1 + (operation.sources.map(\.depth).max() ?? 0)
        self.operation = depth > GraphPlan.maximumNodes ? .tooDeep : operation
        self.depth = min(depth, GraphPlan.maximumNodes)
        self.type = type
    }

    /// The nodes that this one is made of, in the order in which they are written.
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
    /// The type of the actor, for names and messages.
    package let typeName: String
    /// The full name, such as `segment(_:)`.
    package let method: String

    init<D: Deployment>(_ deployment: D, _ method: String) {
        self.deployment = deployment.id
        self.typeName = "\(D.self)"
        self.method = method
    }

    /// As people call it: `Segmenter.segment`; a function's deployment has the function's name.
    package var name: String {
        var deployment = deployment.boundName ?? String(typeName.prefix { $0 != "<" })
        let base = String(method.prefix { $0 != "(" })
        guard base == "callAsFunction" else { return "\(deployment).\(base)" }
        let suffix = "Deployment"
        if deployment.hasSuffix(suffix), deployment != suffix { deployment.removeLast(suffix.count) }
        return deployment
    }
}
