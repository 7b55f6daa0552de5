/// A graph's nodes and edges, for pictures and tools.
///
/// ```swift
/// print(map.graph)             // Mermaid, which Markdown files can contain
/// print(map.graph.dot)         // for `dot -Tsvg`
/// ```
/// Every node has a description, which covers that node and everything it is made from.
public struct GraphDescription: Hashable, Codable, Sendable, CustomStringConvertible {
    public struct Node: Hashable, Codable, Sendable {
        /// The kind of a node.
        public enum Kind: String, Hashable, Codable, Sendable { case input, constant, call, made, choice, fallback }
        /// Unique in the graph: `Segmenter.segment`.
        public var name: String
        public var kind: Kind
        /// The type of the node's value, as Swift writes it.
        public var type: String
        /// A constant's value, shortened; `nil` for other nodes.
        public var value: String?
    }

    public struct Edge: Hashable, Codable, Sendable {
        /// The positions of the nodes.
        public var from: Int
        public var to: Int
        /// When the edge is taken: a case, `else` or `on failure`; `nil` when it is always taken.
        public var label: String?
    }

    /// Each node comes after the nodes that it is made from; the last one is the result.
    public var nodes: [Node]
    public var edges: [Edge]

    package init(_ plan: GraphPlan) {
        self.nodes = plan.nodes.map { node in
            Node(
                name: node.name,
                kind: node.operation.kind,
                type: "\(node.type.value)",
                value: node.operation.constantText
            )
        }
        self.edges = plan.nodes.enumerated().flatMap { position, node in
            node.operation.labelledSources.map { Edge(from: $0.0, to: position, label: $0.1) }
        }
    }

    /// ``mermaid``.
    public var description: String { mermaid }

    /// A flowchart for Mermaid, from left to right.
    public var mermaid: String {
        var lines = ["flowchart LR"]
        for (position, node) in nodes.enumerated() {
            let (open, close) = node.kind.mermaidShape
            lines.append("    n\(position)\(open)\"\(Self.escapedForMermaid(node.label))\"\(close)")
        }
        for edge in edges {
            let arrow = edge.label.map { "-. \"\(Self.escapedForMermaid($0))\" .->" } ?? "-->"
            lines.append("    n\(edge.from) \(arrow) n\(edge.to)")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// A directed graph in the Graphviz language, from left to right.
    public var dot: String {
        var lines = ["digraph graph_ {", "    rankdir=LR;", "    node [fontname=\"Helvetica\", fontsize=11];"]
        for (position, node) in nodes.enumerated() {
            lines.append("    n\(position) [label=\"\(Self.escapedForDOT(node.label))\", \(node.kind.dotShape)];")
        }
        for edge in edges {
            let label = edge.label.map { " [label=\"\(Self.escapedForDOT($0))\", style=dashed, fontsize=9]" } ?? ""
            lines.append("    n\(edge.from) -> n\(edge.to)\(label);")
        }
        return (lines + ["}"]).joined(separator: "\n") + "\n"
    }

    private static func escapedForMermaid(_ text: String) -> String {
        var escaped = ""
        for character in text {
            switch character {
            case "\"": escaped += "#quot;"
            case "#": escaped += "#35;"
            case "<": escaped += "#lt;"
            case ">": escaped += "#gt;"
            case "\n": escaped += "<br>"
            case "\r": break
            default: escaped.append(character)
            }
        }
        return escaped
    }

    private static func escapedForDOT(_ text: String) -> String {
        text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
    }
}

extension GraphNode {
    /// The node and everything it is made from, for a picture.
    ///
    /// - Throws: ``ServeError`` with code `invalidGraph` for a graph that cannot be run.
    public var graph: GraphDescription {
        get throws { GraphDescription(try GraphPlan(result: vertex)) }
    }
}

extension GraphDescription.Node {
    fileprivate var label: String {
        switch kind {
        case .input: "input\n\(type)"
        case .constant: value ?? name
        default: name
        }
    }
}

extension GraphDescription.Node.Kind {
    fileprivate var mermaidShape: (String, String) {
        switch self {
        case .input: ("([", "])")
        case .constant: ("[/", "/]")
        case .call: ("[", "]")
        case .made: ("(", ")")
        case .choice, .fallback: ("{", "}")
        }
    }
    fileprivate var dotShape: String {
        switch self {
        case .input: "shape=oval, style=filled, fillcolor=\"#d9ead3\""
        case .constant: "shape=plaintext"
        case .call: "shape=box, style=\"rounded,filled\", fillcolor=\"#cfe2f3\""
        case .made: "shape=box, style=dotted"
        case .choice, .fallback: "shape=diamond, style=filled, fillcolor=\"#fff2cc\""
        }
    }
}

extension GraphPlan.Operation {
    fileprivate var kind: GraphDescription.Node.Kind {
        switch self {
        case .input: .input
        case .constant: .constant
        case .call: .call
        case .made: .made
        case .choice: .choice
        case .fallback: .fallback
        }
    }

    fileprivate var constantText: String? {
        guard case .constant(let value) = self else { return nil }
        let text = "\(value)"
        return text.count > 40 ? text.prefix(39) + "…" : text
    }

    /// The nodes that this one is made from, and when each is needed.
    fileprivate var labelledSources: [(Int, String?)] {
        switch self {
        case .choice(let chooser, let value, let cases, let otherwise):
            [(value, nil)] + zip(cases, chooser.labels).map { ($0, $1) } + (otherwise.map { [($0, "else")] } ?? [])
        case .fallback(let first, let second): [(first, nil), (second, "on failure")]
        default: sources.map { ($0, nil) }
        }
    }
}
