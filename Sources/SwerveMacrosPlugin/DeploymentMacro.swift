package import SwiftSyntax
internal import SwiftSyntaxBuilder
package import SwiftSyntaxMacros

/// `@Deployment`: turns a distributed actor into a deployment.
///
/// - As a member macro it adds `bind` and the requirements of `SwerveActors.Deployment`.
/// - As an extension macro it adds the conformance.
/// - As a member attribute macro it puts `@_DeploymentInit` on the initialisers that do not set the actor system.
package struct DeploymentMacro: MemberMacro, ExtensionMacro, MemberAttributeMacro {
    package static func expansion(
        of node: AttributeSyntax,
        providingMembersOf declaration: some DeclGroupSyntax,
        conformingTo protocols: [TypeSyntax],
        in context: some MacroExpansionContext
    ) throws -> [DeclSyntax] {
        checkOptions(of: node, in: context)
        guard let syntax = distributedActor(declaration) else {
            diagnoseKind(of: declaration, in: context)
            return []
        }
        let actor = DeploymentActor(syntax, in: context)
        actor.check(in: context)
        return actor.generatedMembers(options: node)
    }

    package static func expansion(
        of node: AttributeSyntax,
        attachedTo declaration: some DeclGroupSyntax,
        providingExtensionsOf type: some TypeSyntaxProtocol,
        conformingTo protocols: [TypeSyntax],
        in context: some MacroExpansionContext
    ) throws -> [ExtensionDeclSyntax] {
        // `protocols` is empty when the user wrote the conformance.
        guard let actor = distributedActor(declaration), !protocols.isEmpty else { return [] }
        let availability = actor.attributes.availability.map { "\($0)\n" }.joined()
        return [
            try ExtensionDeclSyntax(
                "\(raw: availability)extension \(type.trimmed): SwerveActors.Deployment {}"
            )
        ]
    }

    package static func expansion(
        of node: AttributeSyntax,
        attachedTo declaration: some DeclGroupSyntax,
        providingAttributesFor member: some DeclSyntaxProtocol,
        in context: some MacroExpansionContext
    ) throws -> [AttributeSyntax] {
        guard distributedActor(declaration) != nil, let initializer = member.as(InitializerDeclSyntax.self),
            initializer.needsActorSystem
        else { return [] }
        return ["@SwerveMacros._DeploymentInit"]
    }

    private static func distributedActor(_ declaration: some DeclGroupSyntax) -> ActorDeclSyntax? {
        guard let actor = declaration.as(ActorDeclSyntax.self), actor.modifiers.contains(.distributed) else {
            return nil
        }
        return actor
    }
}
