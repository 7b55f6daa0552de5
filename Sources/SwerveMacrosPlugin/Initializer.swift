internal import SwiftSyntax

/// One way to create the actor, which gets one `bind`.
struct Initializer {
    /// The parameters without the actor system.
    let parameters: [Parameter]
    /// The arguments of a call, with `actorSystem` in the place of the actor system's parameter.
    let arguments: [String]
    let takesSystem: Bool
    let access: Access
    var effects = ""
    /// `@available` and the documentation, which `bind` repeats.
    var attributes: [String] = []
    var documentation: [String] = []

    init(_ syntax: InitializerDeclSyntax, actor: Access) {
        var parameters: [Parameter] = []
        var arguments: [String] = []
        for (position, element) in syntax.signature.parameterClause.parameters.enumerated() {
            let parameter = Parameter(element, position: position)
            if parameter.isActorSystem {
                arguments.append(parameter.argument("actorSystem"))
            } else {
                parameters.append(parameter)
                arguments.append(parameter.argument(parameter.identifier))
            }
        }
        self.parameters = parameters
        self.arguments = arguments
        self.takesSystem = arguments.count > parameters.count
        self.access = min(Access(syntax.modifiers) ?? .internal, actor)
        let effects = syntax.signature.effectSpecifiers
        self.effects = (effects?.throwsClause == nil ? "" : "try ") + (effects?.asyncSpecifier == nil ? "" : "await ")
        self.attributes = syntax.attributes.availability
        self.documentation = syntax.documentation.filter { !$0.contains("Parameter actorSystem:") }
    }

    /// The memberwise initialiser for `properties`. The macro generates it, or the compiler if there are no properties.
    init(memberwise properties: [Parameter]) {
        self.parameters = properties
        self.arguments = properties.map { $0.argument($0.identifier) } + ["actorSystem: actorSystem"]
        self.takesSystem = true
        self.access = .internal
    }

    /// Whether its arguments can be sent to a replica.
    var isSendable: Bool { parameters.allSatisfy { $0.obstacle == nil } }

    /// The labels and types, which must differ between two `bind` methods.
    var signature: [String] {
        parameters.map { "\($0.label ?? "_"): \($0.type.trimmedDescription)" }
    }
}

extension Parameter {
    var isActorSystem: Bool {
        ["ActorSystem", "Self.ActorSystem", "ServeSystem", "SwerveActors.ServeSystem"].contains(type.trimmedDescription)
    }
}

extension InitializerDeclSyntax {
    /// Whether the body must start with `self.actorSystem = …`: the initialiser neither takes nor sets the system.
    var needsActorSystem: Bool {
        let parameters = signature.parameterClause.parameters.enumerated()
        if parameters.contains(where: { Parameter($0.element, position: $0.offset).isActorSystem }) { return false }
        guard let body else { return false }
        let tokens = body.tokens(viewMode: .sourceAccurate).map(\.text)
        return !tokens.indices.contains { start in
            let rest = tokens[start...]
            return rest.starts(with: ["self", ".", "actorSystem", "="]) || rest.starts(with: ["self", ".", "init"])
        }
    }
}

extension AttributeListSyntax {
    /// The `@available` attributes as written.
    var availability: [String] {
        compactMap { element -> String? in
            guard let attribute = element.as(AttributeSyntax.self) else { return nil }
            return attribute.attributeName.trimmedDescription == "available" ? attribute.trimmedDescription : nil
        }
    }

    /// Whether it includes `@available(*, unavailable)`.
    var isUnavailable: Bool { availability.contains { $0.contains("unavailable") } }
}

extension SyntaxProtocol {
    /// The lines of the documentation comment, each with its `///`.
    var documentation: [String] {
        leadingTrivia.flatMap { piece -> [String] in
            switch piece {
            case .docLineComment(let line): return [line]
            case .docBlockComment(let block):
                return block.dropFirst(3).dropLast(2).split(separator: "\n").compactMap { line in
                    let text = line.drop { $0 == " " || $0 == "*" }
                    return text.isEmpty ? nil : "/// \(text)"
                }
            default: return []
            }
        }
    }
}
