internal import SwiftSyntax

/// The source text of the methods over nodes of a graph.
extension DeploymentActor {
    /// `nodes` and the type behind it; empty where the actor has such members itself, or no method that can be a node.
    var graphMembers: [String] {
        guard !declaresInstanceMember("nodes"), !declares("Nodes") else { return [] }
        let methods = nodeMethods
        guard !methods.isEmpty else { return [] }
        return [
            """
            /// The methods as nodes of a graph, for `GraphDriver`: each takes nodes and makes a node.
            \(access.prefix)nonisolated var nodes: Nodes { Nodes(deployment: self) }
            """,
            """
            /// The methods of `\(name)` as nodes of a graph.
            \(access.prefix)struct Nodes: Swift.Sendable {
                fileprivate let deployment: \(name)
            \(methods.joined(separator: "\n"))
            }
            """,
        ]
    }

    private var nodeMethods: [String] {
        let counts = Dictionary(distributedMethods.map { (Method($0).fullName, 1) }, uniquingKeysWith: +)
        return distributedMethods.filter { function in
            let method = Method(function)
            return function.isListed && !method.returnsVoid && counts[method.fullName] == 1
                && (Access(function.modifiers) ?? .internal) >= .internal
        }
        .map(nodeMethod)
    }

    private func nodeMethod(_ function: FunctionDeclSyntax) -> String {
        let parameters = function.signature.parameterClause.parameters.enumerated().map {
            Parameter($0.element, position: $0.offset)
        }
        let result = function.signature.returnClause?.type.text(replacingSelfWith: name) ?? "Void"
        let methodAccess = min(Access(function.modifiers) ?? .internal, access)
        let declared = parameters.map { $0.nodeDeclaration(of: name) }.joined(separator: ", ")
        let passed = parameters.map(\.identifier).joined(separator: ", ")
        let documentation = function.documentation.map { "    \($0)\n" }.joined()
        return """
            \(documentation)    \(methodAccess.prefix)func \(function.name.text)\
            <GraphInput: Swift.Codable & Swift.Sendable>(\(declared)) -> SwerveGraph.GraphNode<GraphInput, \(result)> {
                    ._call(deployment, "\(Method(function).fullName)", [\(passed)])
                }
            """
    }

    private func declaresInstanceMember(_ name: String) -> Bool {
        members.contains { member in
            if let function = member.as(FunctionDeclSyntax.self) { return function.name.bareText == name }
            guard let variable = member.as(VariableDeclSyntax.self) else { return false }
            return variable.bindings.contains { $0.pattern.trimmedDescription == name }
        }
    }
}

extension Parameter {
    /// As the parameter of a method over nodes. A default value stays one, unless it speaks of the actor itself.
    fileprivate func nodeDeclaration(of actor: String) -> String {
        let names = label.map { $0 == identifier || identifier == "`\($0)`" ? $0 : "\($0) \(identifier)" }
        let type = type.text(replacingSelfWith: actor)
        let usable = defaultValue.flatMap { $0.contains("Self") || $0.contains("self") ? nil : $0 }
        return "\(names ?? "_ \(identifier)"): SwerveGraph.GraphNode<GraphInput, \(type)>"
            + (usable.map { " = .constant(\($0))" } ?? "")
    }
}

extension TypeSyntax {
    /// The text for another scope, in which `Self` means something else.
    fileprivate func text(replacingSelfWith name: String) -> String {
        let text = tokens(viewMode: .sourceAccurate).map { token in
            token.tokenKind == .keyword(.Self)
                ? token.with(\.tokenKind, .identifier(name)).description : token.description
        }.joined()
        return String(text.drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed())
    }
}
