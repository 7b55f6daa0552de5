package import SwiftSyntax
internal import SwiftSyntaxBuilder
package import SwiftSyntaxMacros

/// `@Multiplexed`: generates the methods that give out the models which a loader loads.
package struct MultiplexedMacro: PeerMacro {
    package static func expansion(
        of node: AttributeSyntax,
        providingPeersOf declaration: some DeclSyntaxProtocol,
        in context: some MacroExpansionContext
    ) throws -> [DeclSyntax] {
        guard let function = declaration.as(FunctionDeclSyntax.self) else {
            context.error("@Multiplexed goes on a method of a '@Deployment distributed actor'", at: declaration)
            return []
        }
        checkOptions(of: node, in: context)
        guard context.checkPlace(of: function, with: "@Multiplexed", "because replicas keep the models"),
            check(function, in: context),
            let multiplexed = MultiplexedFunction(function)
        else { return [] }
        return multiplexed.members.map { DeclSyntax(stringLiteral: $0) }
    }

    private static func check(_ function: FunctionDeclSyntax, in context: some MacroExpansionContext) -> Bool {
        let name = function.name.text
        var isGood = true
        func refuse(_ text: String, at node: some SyntaxProtocol) {
            context.error(text, at: node)
            isGood = false
        }
        for modifier in function.modifiers {
            switch modifier.name.tokenKind {
            case .keyword(.distributed): refuse("a model stays in its replica: remove 'distributed'", at: modifier)
            case .keyword(.static): refuse("each replica loads its own models: remove 'static'", at: modifier)
            default: continue
            }
        }
        if let generics = function.genericParameterClause {
            refuse("a loader cannot be generic: move the type parameters to the actor", at: generics)
        }
        if !function.takesModelID {
            refuse(
                "@Multiplexed needs one parameter, which takes the model's ID: write 'func \(name)(load id: String)'",
                at: function.signature.parameterClause
            )
        }
        if function.signature.returnClause.map({ $0.type.isVoid }) ?? true {
            refuse("a loader returns the model: write '-> Model'", at: function.signature)
        }
        return isGood
    }
}
