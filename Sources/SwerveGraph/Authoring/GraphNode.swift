public import SwerveActors

/// A value that a graph computes for each request: the input, the result of a deployment's method, or something made
/// from other nodes.
///
/// ```swift
/// let input = InputNode<Image>()
/// let sharp = sharpenDeployment.bind().nodes(input, by: 8)
/// let map = Segmenter.bind(modelName: "b0").nodes.segment(sharp)
/// let app = GraphDriver.bind(map)
/// ```
/// Creating a node runs nothing. Nodes are values: a node passed to several others is still computed only once per
/// request. `Input` is the type the graph takes and `Value` the type of this node's value, so an edge between
/// mismatched types does not compile, nor do two inputs of different types.
public struct GraphNode<Input: Codable & Sendable, Value: Codable & Sendable>: Sendable {
    package let vertex: GraphVertex

    package init(_ vertex: GraphVertex) {
        self.vertex = vertex
    }

    init(_ operation: GraphVertex.Operation) {
        self.init(GraphVertex(operation, GraphType<Value>.self))
    }
}

/// The one input of a graph: the value that comes with a request.
///
/// All nodes of a graph start from the same `InputNode`. `Serve.run` refuses a graph with two of them with
/// `ServeError.Code.invalidGraph`; the compiler refuses two of different types.
public typealias InputNode<Value: Codable & Sendable> = GraphNode<Value, Value>

extension GraphNode where Input == Value {
    /// Creates an input.
    public init() {
        self.init(.input)
    }
}

extension GraphNode {
    /// A node with the same value for every request. The value is sent to the driver's replicas once, with the graph.
    ///
    /// Literals need no `constant`: `sharpen.nodes(input, by: 8)`.
    public static func constant(_ value: Value) -> Self { Self(.constant(value)) }

    /// A part of the node's value, by a key path of any depth: `input[\.picture]`, `result[\.scores.best]`.
    ///
    /// When the driver runs in its own process (the default), the path may pass only through stored properties of
    /// structures and tuples: another process can find nothing else. Paths through computed properties, optionals and
    /// classes need a driver with the placement `.inProcess`; otherwise `Serve.run` throws
    /// `ServeError.Code.invalidGraph`. A path that traps for a value, such as one with `!`, crashes the process: for
    /// elements use ``element(at:)`` and ``value(for:)``.
    public subscript<Part: Codable & Sendable>(path: any KeyPath<Value, Part> & Sendable) -> GraphNode<Input, Part> {
        GraphNode<Input, Part>(.made(GraphPart.maker(path), [vertex]))
    }

    /// A node for a call. The code that `@Deployment` generates for an actor's `nodes` uses it. Not for direct use.
    public static func _call<D: Deployment>(
        _ deployment: D,
        _ method: String,
        _ arguments: [any _GraphArgument]
    ) -> Self {
        Self(.call(GraphCall(deployment, method), arguments.map(\._vertex)))
    }
}

/// A node of any type, as an argument of ``GraphNode/_call(_:_:_:)``. Not for direct use.
public protocol _GraphArgument: Sendable {
    var _vertex: _GraphVertex { get }
}

extension GraphNode: _GraphArgument {
    public var _vertex: _GraphVertex { vertex }
}
