internal import SwiftSyntax

/// A distributed method and how the dispatch table calls it.
struct Method {
    private let name: String
    private let parameters: [Parameter]
    private let returnsVoid: Bool

    init(_ syntax: FunctionDeclSyntax) {
        self.name = syntax.name.text
        self.parameters = syntax.signature.parameterClause.parameters.enumerated().map {
            Parameter($0.element, position: $0.offset)
        }
        self.returnsVoid = syntax.signature.returnClause?.type.isVoid ?? true
    }

    /// As the language runtime prints it: `segment(_:by:)`.
    var fullName: String {
        "\(name.withoutBackticks)(\(parameters.map { ($0.label?.withoutBackticks ?? "_") + ":" }.joined()))"
    }

    var tableEntry: String {
        let decoding = parameters.enumerated().map { index, parameter in
            "let argument\(index): \(parameter.type.trimmedDescription) = try arguments.decodeNextArgument()\n"
        }.joined()
        let values = parameters.enumerated().map { $0.element.argument("argument\($0.offset)") }
        let call = "try await actor.\(name)(\(values.joined(separator: ", ")))"
        let handling =
            returnsVoid ? "\(call)\ntry await results.onReturnVoid()" : "try await results.onReturn(value: \(call))"
        return """
            SwerveActors.DeploymentMethod("\(fullName)") { actor, arguments, results in
            \(decoding)\(handling)
            },
            """
    }
}

extension FunctionDeclSyntax {
    /// Whether a closure without type parameters and availability can call it.
    var isListed: Bool {
        let parameters = signature.parameterClause.parameters
        return genericParameterClause == nil && genericWhereClause == nil && attributes.availability.isEmpty
            && parameters.allSatisfy { $0.ellipsis == nil && Obstacle($0.type) == nil }
            && signature.returnClause.flatMap { $0.type.isVoid ? nil : Obstacle($0.type) } == nil
    }
}

extension String {
    fileprivate var withoutBackticks: String { filter { $0 != "`" } }
}
