// Branches inside the graph. Only the nodes of the chosen branch are computed.

extension GraphNode {
    /// Takes one of two nodes, depending on a condition.
    ///
    /// ```swift
    /// let map = GraphNode.if(isLarge, then: fast.nodes.segment(input), else: exact.nodes.segment(input))
    /// ```
    /// `Serve.run` refuses a branch on a constant, because the other branch could never be reached.
    public static func `if`(
        _ condition: GraphNode<Input, Bool>,
        then first: Self,
        else second: Self
    ) -> Self {
        Self(.choice(Cases<Bool>([true]), of: condition.vertex, [first.vertex], otherwise: second.vertex))
    }

    /// Takes one of several nodes, depending on a value.
    ///
    /// ```swift
    /// let map = GraphNode.switch(input[\.quality], [.draft: draft, .final: exact])
    /// ```
    /// - Parameters:
    ///   - value: the node whose value decides.
    ///   - cases: the node for each value. `Serve.run` refuses a value that occurs twice.
    ///   - otherwise: the node for all other values. Without it, a request with such a value fails with
    ///     ``ServeError/Code/invalidArgument``. For a `CaseIterable` enumeration, `Serve.run` checks that no case is
    ///     missing.
    public static func `switch`<Key: Hashable & Codable & Sendable>(
        _ value: GraphNode<Input, Key>,
        _ cases: KeyValuePairs<Key, Self>,
        default otherwise: Self? = nil
    ) -> Self {
        Self(
            .choice(
                Cases<Key>(cases.map(\.key)),
                of: value.vertex,
                cases.map(\.value.vertex),
                otherwise: otherwise?.vertex
            )
        )
    }

    /// Takes the value of another node when this one fails.
    ///
    /// The other node is computed only then. A failure is any error of this node or of a node it depends on, except the
    /// cancellation of the request.
    public func fallback(to other: Self) -> Self {
        Self(.fallback(vertex, other.vertex))
    }
}
