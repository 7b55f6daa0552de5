package import SwiftSyntax
internal import SwiftSyntaxBuilder
package import SwiftSyntaxMacros

/// `@FunctionDeployment`: generates a peer actor that is a deployment and calls the function.
package struct FunctionDeploymentMacro: PeerMacro {
    package static func expansion(
        of node: AttributeSyntax,
        providingPeersOf declaration: some DeclSyntaxProtocol,
        in context: some MacroExpansionContext
    ) throws -> [DeclSyntax] {
        guard let function = declaration.as(FunctionDeclSyntax.self) else {
            context.error(
                "@FunctionDeployment goes on a function; use '@Deployment' for a distributed actor",
                at: declaration
            )
            return []
        }
        checkOptions(of: node, in: context)
        guard check(function, in: context) else { return [] }
        return [DeclSyntax(stringLiteral: peer(of: function, options: node, in: context))]
    }

    private static func peer(
        of function: FunctionDeclSyntax,
        options: AttributeSyntax,
        in context: some MacroExpansionContext
    ) -> String {
        let prefix = Access(function.modifiers, in: context.lexicalContext).prefix
        let name = function.name.bareText
        let arguments = options.arguments.map { "(\($0.trimmedDescription))" } ?? ""
        let parameters = function.signature.parameterClause.parameters.enumerated().map {
            Parameter($0.element, position: $0.offset)
        }
        // A parameter with the same name as the function would hide the function.
        let inner = parameters.enumerated().map { $1.name == name ? "argument\($0)" : $1.identifier }
        let declared = zip(parameters, inner).map { $0.declaration(inner: $1) }.joined(separator: ", ")
        let passed = zip(parameters, inner).map { $0.argument($1) }.joined(separator: ", ")
        let effects = function.signature.effectSpecifiers
        let isAsync = effects?.asyncSpecifier != nil
        let isThrowing = effects?.throwsClause != nil
        let hops = isAsync || function.attributes.names("MainActor")
        let specifiers = (hops ? " async" : "") + (isThrowing ? " throws" : "")
        let result = function.signature.returnClause.map { " -> \($0.type.trimmedDescription)" } ?? ""
        let discardable = function.attributes.names("discardableResult") ? ["@discardableResult"] : []
        let lines = function.documentation + function.attributes.availability
        return """
            \((lines + ["@SwerveMacros.Deployment\(arguments)"]).joined(separator: "\n"))
            \(prefix)distributed actor \(name)Deployment {
                \(prefix)init(actorSystem: SwerveActors.ServeSystem) {
                    self.actorSystem = actorSystem
                }
            \((function.documentation + discardable).map { "    \($0)\n" }.joined())\
                \(prefix)distributed func callAsFunction(\(declared))\(specifiers)\(result) {
                    \(isThrowing ? "try " : "")\(hops ? "await " : "")\(function.name.text)(\(passed))
                }
            }
            """
    }

    /// Whether the function can become a deployment. Reports the reason if not.
    private static func check(_ function: FunctionDeclSyntax, in context: some MacroExpansionContext) -> Bool {
        let name = function.name.text
        var isGood = true
        func refuse(_ text: String, at node: some SyntaxProtocol) {
            context.error(text, at: node)
            isGood = false
        }
        if let hidden = Hidden(function.modifiers, in: context.lexicalContext) {
            hidden.diagnose(name, at: function.name, in: context)
            isGood = false
        }
        let isMember = context.lexicalContext.first.map { $0.asProtocol((any DeclGroupSyntax).self) != nil } ?? false
        if isMember, !function.modifiers.contains(.static) {
            refuse(
                "a deployment has no instance to call '\(name)' on: make it static or move it out",
                at: function.name
            )
        }
        if !function.name.isName {
            refuse("an operator cannot be a deployment: call it from a function with a name", at: function.name)
        }
        if let generics = function.genericParameterClause {
            refuse(
                "a function deployment cannot be generic: write '@Deployment distributed actor' with a generic method",
                at: generics
            )
        }
        for (position, element) in function.signature.parameterClause.parameters.enumerated() {
            let parameter = Parameter(element, position: position)
            switch parameter.obstacle {
            case .opaque, .pack:
                refuse("'\(parameter.name)' is generic: a function deployment needs a concrete type", at: element)
            case .byReference:
                refuse(
                    "'\(parameter.name)' is 'inout', but arguments are copied: return the changed value",
                    at: element
                )
            case .variadic:
                let array = "[\(parameter.type.trimmedDescription)]"
                refuse("'\(parameter.name)' is variadic: take an array, '\(array)'", at: element)
            case .closure, .tuple, .existential: isGood = false
            case nil: continue
            }
        }
        if let result = function.signature.returnClause?.type, case .opaque? = Obstacle(result) {
            refuse("a function deployment needs a concrete result type", at: result)
        }
        checkSignature(of: function, in: context)
        return isGood
    }
}

extension TokenSyntax {
    fileprivate var isName: Bool {
        if case .identifier = tokenKind { return true }
        return false
    }
}

extension AttributeListSyntax {
    /// Whether one of the attributes is named `name`.
    fileprivate func names(_ name: String) -> Bool {
        contains { $0.as(AttributeSyntax.self)?.attributeName.trimmedDescription == name }
    }
}
