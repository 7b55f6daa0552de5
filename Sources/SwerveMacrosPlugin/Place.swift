internal import SwiftSyntax
internal import SwiftSyntaxMacros

extension MacroExpansionContext {
    /// Whether a method stands in the braces of a deployment, where alone `@Deployment` sees it; says so otherwise.
    ///
    /// - Parameters:
    ///   - attribute: the method's attribute, such as `@Batched`.
    ///   - reason: why it needs a deployment.
    func checkPlace(of function: FunctionDeclSyntax, with attribute: String, _ reason: String) -> Bool {
        let scope = lexicalContext.first
        if scope?.is(ExtensionDeclSyntax.self) == true {
            error(
                "\(attribute) works only in the braces of the actor itself: move '\(function.name.text)' there from the "
                    + "extension",
                at: function.name
            )
            return false
        }
        guard let actor = scope?.as(ActorDeclSyntax.self), actor.attributes.isDeployment else {
            error("\(attribute) goes on a method of a '@Deployment distributed actor', \(reason)", at: function.name)
            return false
        }
        return true
    }
}
