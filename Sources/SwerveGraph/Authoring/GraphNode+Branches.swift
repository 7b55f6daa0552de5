// Branches that the graph itself takes. Only the nodes of the chosen branch are computed.

extension GraphNode {
    /// One of two nodes, by a condition.
    ///
    /// ```swift
    /// let map = GraphNode.if(isLarge, then: fast.nodes.segment(input), else: exact.nodes.segment(input))
    /// ```
    /// A branch on a constant is refused by `Serve.run`: the other one could never be reached.
    public static func `if`(
        _ condition: GraphNode<Input, Bool>,
        then first: Self,
        else second: Self
    ) -> Self {
        Self(.choice(Cases<Bool>([true]), of: condition.vertex, [first.vertex], otherwise: second.vertex))
    }

    /// One of several nodes, by a value.
    ///
    /// ```swift
    /// let map = GraphNode.switch(input[\.quality], [.draft: draft, .final: exact])
    /// ```
    /// - Parameters:
    ///   - value: what decides.
    ///   - cases: the node for each value. A value that occurs twice is refused by `Serve.run`.
    ///   - otherwise: the node for all other values. Without it a request with such a value fails with
    ///     ``ServeError/Code/invalidArgument``; for an enumeration that is `CaseIterable`, `Serve.run` checks that no
    ///     case is missing.
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

    /// The value of another node where this one fails.
    ///
    /// The other node is computed only then. A failure is any error of the node or of one that it is made of, but not
    /// the cancellation of the request.
    public func fallback(to other: Self) -> Self {
        Self(.fallback(vertex, other.vertex))
    }
}
