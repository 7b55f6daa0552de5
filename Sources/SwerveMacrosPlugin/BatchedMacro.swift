package import SwiftSyntax
internal import SwiftSyntaxBuilder
package import SwiftSyntaxMacros

/// `@Batched`: generates the distributed method that takes one item, for a method that takes many.
package struct BatchedMacro: PeerMacro {
    package static func expansion(
        of node: AttributeSyntax,
        providingPeersOf declaration: some DeclSyntaxProtocol,
        in context: some MacroExpansionContext
    ) throws -> [DeclSyntax] {
        guard let function = declaration.as(FunctionDeclSyntax.self) else {
            context.error("@Batched goes on a method of a '@Deployment distributed actor'", at: declaration)
            return []
        }
        checkOptions(of: node, in: context)
        guard context.checkPlace(of: function, with: "@Batched", "because replicas collect the calls"),
            check(function, in: context),
            let batched = BatchedFunction(function)
        else { return [] }
        return batched.members.map { DeclSyntax(stringLiteral: $0) }
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
            case .keyword(.distributed):
                refuse("@Batched generates the distributed method '\(name)': remove 'distributed' here", at: modifier)
            case .keyword(.static), .keyword(.nonisolated):
                refuse("a batch runs on the actor: remove '\(modifier.name.text)'", at: modifier)
            case .keyword(.private), .keyword(.fileprivate):
                refuse(
                    "the generated distributed method has the same access, so nothing could call it: remove "
                        + "'\(modifier.name.text)'",
                    at: modifier
                )
            default: continue
            }
        }
        if let generics = function.genericParameterClause {
            refuse("a batched method cannot be generic: move the type parameters to the actor", at: generics)
        }
        checkParameters(of: function) { refuse($0, at: Syntax($1)) }
        checkResult(of: function) { refuse($0, at: Syntax($1)) }
        checkSignature(of: function, in: context)
        return isGood
    }

    private static func checkParameters(
        of function: FunctionDeclSyntax,
        _ refuse: (String, any SyntaxProtocol) -> Void
    ) {
        let parameters = Array(function.signature.parameterClause.parameters)
        let batches = parameters.filter { $0.firstName.text == "batch" }
        guard let batch = batches.first else {
            let first = parameters.first?.type.elementOfArray?.trimmedDescription
            refuse(
                "@Batched needs one parameter labelled 'batch' that takes the items: write "
                    + "'func \(function.name.text)(batch items: [\(first ?? "Item")])'",
                parameters.first.map { Syntax($0) } ?? Syntax(function.signature.parameterClause)
            )
            return
        }
        if batches.count > 1 { refuse("only one parameter can be labelled 'batch'", batches[1]) }
        if batch.ellipsis != nil || batch.type.elementOfArray == nil {
            let type = batch.type.trimmedDescription
            refuse("'batch' takes the items of many calls, so its type is an array: write '[\(type)]'", batch)
        }
        for parameter in parameters where parameter.ellipsis != nil && parameter.firstName.text != "batch" {
            refuse("'\((parameter.secondName ?? parameter.firstName).text)' is variadic: take an array", parameter)
        }
    }

    private static func checkResult(
        of function: FunctionDeclSyntax,
        _ refuse: (String, any SyntaxProtocol) -> Void
    ) {
        let rule = "a batched method returns one result for each item, in the same order"
        guard let result = function.signature.returnClause?.type else {
            refuse("\(rule): write '-> [Output]'", function.signature)
            return
        }
        guard result.elementOfArray == nil else { return }
        let type = result.isVoid ? "Output" : result.trimmedDescription
        refuse("\(rule): write '-> [\(type)]'", result)
    }
}

extension AttributeListSyntax {
    /// Whether `@Deployment` is among them.
    var isDeployment: Bool {
        contains {
            let name = $0.as(AttributeSyntax.self)?.attributeName.trimmedDescription
            return ["Deployment", "SwerveMacros.Deployment", "Swerve.Deployment"].contains(name)
        }
    }
}
