public import SwerveActors

/// A value that a graph makes for each request: the input, what a deployment's method answers, or something made of
/// other nodes.
///
/// ```swift
/// let input = InputNode<Image>()
/// let sharp = sharpenDeployment.bind().nodes(input, by: 8)
/// let map = Segmenter.bind(modelName: "b0").nodes.segment(sharp)
/// let app = GraphDriver.bind(map)
/// ```
/// A node is made where the graph is written and runs nothing. Nodes are values: give one to several others and it is
/// still computed once per request. `Input` is what the graph takes and `Value` what the node stands for, so an edge
/// between types that do not fit does not compile, nor do two inputs of different types.
public struct GraphNode<Input: Codable & Sendable, Value: Codable & Sendable>: Sendable {
    package let vertex: GraphVertex

    package init(_ vertex: GraphVertex) {
        self.vertex = vertex
    }

    init(_ operation: GraphVertex.Operation) {
        self.init(GraphVertex(operation, GraphType<Value>.self))
    }
}

/// The one input of a graph: what a request brings.
///
/// All nodes of a graph start from the same `InputNode`; a graph with two of them is refused by `Serve.run` with
/// `ServeError.Code.invalidGraph`, two of different types by the compiler.
public typealias InputNode<Value: Codable & Sendable> = GraphNode<Value, Value>

extension GraphNode where Input == Value {
    /// A new input.
    public init() {
        self.init(.input)
    }
}

extension GraphNode {
    /// A node that is the same for every request. It travels to the driver's replicas once, with the graph.
    ///
    /// Literals need no `constant`: `sharpen.nodes(input, by: 8)`.
    public static func constant(_ value: Value) -> Self { Self(.constant(value)) }

    /// A part of the node's value, by a key path of any depth: `input[\.picture]`, `result[\.scores.best]`.
    ///
    /// Where the driver runs in a process of its own (the default), the path leads through stored properties of
    /// structures and tuples: that is all that another process can find. Paths through computed properties, optionals
    /// and classes need a driver with the placement `.inProcess`; `Serve.run` says so with
    /// `ServeError.Code.invalidGraph`. A path that traps for a value, such as one with `!`, ends the process: for
    /// elements use ``element(at:)`` and ``value(for:)``.
    public subscript<Part: Codable & Sendable>(path: any KeyPath<Value, Part> & Sendable) -> GraphNode<Input, Part> {
        GraphNode<Input, Part>(.made(GraphPart.maker(path), [vertex]))
    }

    /// A node for a call, as `@Deployment` makes it in the `nodes` of an actor. Not for direct use.
    public static func _call<D: Deployment>(
        _ deployment: D,
        _ method: String,
        _ arguments: [any _GraphArgument]
    ) -> Self {
        Self(.call(GraphCall(deployment, method), arguments.map(\._vertex)))
    }
}

/// A node of whatever type, as an argument of ``GraphNode/_call(_:_:_:)``. Not for direct use.
public protocol _GraphArgument: Sendable {
    var _vertex: _GraphVertex { get }
}

extension GraphNode: _GraphArgument {
    public var _vertex: _GraphVertex { vertex }
}
