internal import SwiftParser
internal import SwiftSyntax

/// The source text of the methods that make nodes of a graph.
extension DeploymentActor {
    /// `nodes` and its type; empty when the actor declares such members itself, or has no method that can be a node.
    var graphMembers: [String] {
        guard !declaresInstanceMember("nodes"), !declares("Nodes"), !speaksOfNodes else { return [] }
        let methods = nodeMethods
        guard !methods.isEmpty else { return [] }
        return [
            """
            /// The methods as nodes of a graph, for `GraphDriver`: each takes nodes and returns a node.
            \(access.prefix)nonisolated var nodes: Nodes { Nodes(_deployment: self) }
            """,
            """
            /// The methods of `\(name)` as nodes of a graph.
            \(access.prefix)struct Nodes: Swift.Sendable {
                fileprivate let _deployment: \(name)
            \(methods.joined(separator: "\n"))
            }
            """,
        ]
    }

    /// Whether a method mentions a type `Nodes`, which the generated type would shadow.
    private var speaksOfNodes: Bool {
        distributedMethods.contains { $0.signature.tokens(viewMode: .sourceAccurate).contains { $0.text == "Nodes" } }
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
            <_GraphInput: Swift.Codable & Swift.Sendable>(\(declared)) -> SwerveGraph.GraphNode<_GraphInput, \(result)> {
                    ._call(self._deployment, "\(Method(function).fullName)", [\(passed)])
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
    /// The parameter of a method that takes nodes. A default value is kept only if it is the same for every call,
    /// because it is evaluated when the graph is written.
    fileprivate func nodeDeclaration(of actor: String) -> String {
        let names = label.map { $0 == identifier || identifier == "`\($0)`" ? $0 : "\($0) \(identifier)" }
        let type = type.text(replacingSelfWith: actor)
        let written = syntax.as(FunctionParameterSyntax.self)?.defaultValue?.value
        let usable = written.flatMap { $0.isConstant ? defaultValue : nil }
        return "\(names ?? "_ \(identifier)"): SwerveGraph.GraphNode<_GraphInput, \(type)>"
            + (usable.map { " = .constant(\($0))" } ?? "")
    }
}

extension ExprSyntax {
    /// Whether it is a literal, a case such as `.fast`, or a container of these.
    fileprivate var isConstant: Bool {
        switch self.as(ExprSyntaxEnum.self) {
        case .integerLiteralExpr, .floatLiteralExpr, .booleanLiteralExpr, .nilLiteralExpr: true
        case .stringLiteralExpr(let literal): literal.representedLiteralValue != nil
        case .prefixOperatorExpr(let negation): negation.expression.isConstant
        case .memberAccessExpr(let member): member.base == nil && member.declName.baseName.text != "now"
        case .arrayExpr(let array): array.elements.allSatisfy { $0.expression.isConstant }
        case .dictionaryExpr(let dictionary):
            switch dictionary.content {
            case .colon: true
            case .elements(let elements): elements.allSatisfy { $0.key.isConstant && $0.value.isConstant }
            }
        default: false
        }
    }
}

extension TypeSyntax {
    /// The text for use in another scope, where `Self` means something else.
    fileprivate func text(replacingSelfWith name: String) -> String {
        let text = tokens(viewMode: .sourceAccurate).map { token in
            token.tokenKind == .keyword(.Self)
                ? token.with(\.tokenKind, .identifier(name)).description : token.description
        }.joined()
        return String(text.drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed())
    }
}
