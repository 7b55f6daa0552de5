package import SwiftSyntax
internal import SwiftSyntaxBuilder
package import SwiftSyntaxMacros

/// `@_DeploymentInit`: gives an initialiser that does not take an actor system that of the process.
package struct DeploymentInitMacro: BodyMacro {
    package static func expansion(
        of node: AttributeSyntax,
        providingBodyFor declaration: some DeclSyntaxProtocol & WithOptionalCodeBlockSyntax,
        in context: some MacroExpansionContext
    ) throws -> [CodeBlockItemSyntax] {
        let written = declaration.body.map { Array($0.statements) } ?? []
        return ["self.actorSystem = SwerveActors.ServeSystem.ofNewActor"] + written
    }
}
