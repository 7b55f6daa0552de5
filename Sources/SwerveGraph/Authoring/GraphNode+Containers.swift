// Containers of nodes: a method that takes the container gets the values of all the nodes in it.

extension GraphNode {
    /// An array of the values of several nodes: `combiner.nodes.combine(.array([a, b]))`.
    public static func array<Element>(_ nodes: [GraphNode<Input, Element>]) -> Self where Value == [Element] {
        Self(.made(ArrayMaker<Element>(), nodes.map(\.vertex)))
    }

    /// A dictionary of the values of several nodes.
    public static func dictionary<Key: Hashable & Codable & Sendable, Element>(
        _ nodes: [Key: GraphNode<Input, Element>]
    ) -> Self where Value == [Key: Element] {
        // Sorted by text, so that the same graph always encodes to the same data.
        let sorted = nodes.map { ("\($0)", $0, $1.vertex) }.sorted { $0.0 < $1.0 }
        return Self(.made(DictionaryMaker<Key, Element>(keys: sorted.map { $0.1 }), sorted.map { $0.2 }))
    }

    /// A node's value as an optional, for a parameter of optional type.
    public static func optional<Wrapped>(_ node: GraphNode<Input, Wrapped>) -> Self where Value == Wrapped? {
        Self(.made(OptionalMaker<Wrapped>(), [node.vertex]))
    }

    /// An element of this node's array, by its position from 0.
    ///
    /// A request whose array is too short fails with ``ServeError/Code/invalidArgument``.
    public func element<Element>(at position: Int) -> GraphNode<Input, Element> where Value == [Element] {
        GraphNode<Input, Element>(.made(ElementMaker<Element>(position: position), [vertex]))
    }

    /// The value for a key of this node's dictionary; `nil` when the dictionary has no such key.
    public func value<Key: Hashable & Codable & Sendable, Element: Codable & Sendable>(
        for key: Key
    ) -> GraphNode<Input, Element?> where Value == [Key: Element] {
        GraphNode<Input, Element?>(.made(EntryMaker<Key, Element>(key: key), [vertex]))
    }

    /// A tuple of the values of several nodes, for a parameter or a graph's result of type ``GraphTuple``.
    public static func tuple<each Element>(
        _ nodes: repeat GraphNode<Input, each Element>
    ) -> Self where Value == GraphTuple<repeat each Element> {
        var vertices: [GraphVertex] = []
        for node in repeat each nodes { vertices.append(node.vertex) }
        return Self(.made(TupleMaker<repeat each Element>(), vertices))
    }
}

/// A tuple that can be encoded: `GraphTuple<Image, String>` holds an `(Image, String)` in ``values``.
///
/// A key path makes a node of each part: `pair[\.values.0]`. As JSON a tuple is an array.
public struct GraphTuple<each Element: Codable & Sendable>: Codable, Sendable {
    public let values: (repeat each Element)

    public init(_ values: repeat each Element) {
        self.values = (repeat each values)
    }

    /// Encodes the values one after another.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.unkeyedContainer()
        for value in repeat each values { try container.encode(value) }
    }

    /// Decodes the values one after another.
    public init(from decoder: any Decoder) throws {
        var container = try decoder.unkeyedContainer()
        self.values = (repeat try container.decode((each Element).self))
    }
}
