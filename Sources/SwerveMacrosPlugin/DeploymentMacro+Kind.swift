internal import SwiftDiagnostics
internal import SwiftSyntax
internal import SwiftSyntaxMacros

extension DeploymentMacro {
    /// Suggests what to write when `@Deployment` is not on a distributed actor.
    static func diagnoseKind(of declaration: some DeclGroupSyntax, in context: some MacroExpansionContext) {
        let keyword = declaration.introducer
        guard let name = declaration.asProtocol((any NamedDeclSyntax).self)?.name.text,
            !declaration.is(ProtocolDeclSyntax.self)
        else {
            context.error("@Deployment goes on a 'distributed actor', not on \(keyword.text)s", at: keyword)
            return
        }
        let fixed = "distributed actor"
        let fixIts: [FixIt] =
            declaration.is(EnumDeclSyntax.self)
            ? [] : [.replacing(keyword, with: TokenSyntax.identifier(fixed), "write '\(fixed)'")]
        context.error(
            "@Deployment needs a distributed actor: write '\(fixed) \(name)'",
            at: keyword,
            fixIts: fixIts
        )
    }
}
