internal import SwiftSyntax

/// A distributed method and how the dispatch table calls it.
struct Method {
    private let name: String
    private let parameters: [Parameter]
    let returnsVoid: Bool
    /// The `try ` and `await ` that a call on the isolated actor needs.
    private let effects: String

    init(_ syntax: FunctionDeclSyntax) {
        self.name = syntax.name.text
        self.parameters = syntax.signature.parameterClause.parameters.enumerated().map {
            Parameter($0.element, position: $0.offset)
        }
        self.returnsVoid = syntax.signature.returnClause?.type.isVoid ?? true
        let specifiers = syntax.signature.effectSpecifiers
        self.effects =
            (specifiers?.throwsClause == nil ? "" : "try ") + (specifiers?.asyncSpecifier == nil ? "" : "await ")
    }

    /// The name as the language runtime prints it: `segment(_:by:)`.
    var fullName: String {
        "\(name.withoutBackticks)(\(parameters.map { ($0.label?.withoutBackticks ?? "_") + ":" }.joined()))"
    }

    /// The method's entry in the dispatch table.
    ///
    /// - Parameter actor: the name of the actor's type.
    func tableEntry(of actor: String) -> String {
        let decoding = parameters.enumerated().map { index, parameter in
            "let argument\(index): \(parameter.type.trimmedDescription) = try arguments.decodeNextArgument()\n"
        }.joined()
        let values = parameters.enumerated().map { $0.element.argument("argument\($0.offset)") }
        let call = "\(effects)actor.\(name)(\(values.joined(separator: ", ")))"
        return """
            SwerveActors.DeploymentMethod("\(fullName)") {
            (actor: isolated \(actor), arguments: inout SwerveActors.InvocationDecoder, results: SwerveActors.ResultHandler) in
            \(decoding)\(returnsVoid ? call : "try results.returned(\(call))")
            },
            """
    }
}

extension FunctionDeclSyntax {
    /// Whether a closure that has no type parameters and no availability can call it.
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
