internal import SwiftSyntax
internal import SwiftSyntaxBuilder

/// A method with `@Multiplexed`, which loads a model, and what is generated for it.
struct MultiplexedFunction {
    private let syntax: FunctionDeclSyntax
    private let attribute: AttributeSyntax
    private let model: TypeSyntax

    /// - Returns: `nil` for a method without `@Multiplexed`, or with another signature than it needs.
    init?(_ syntax: FunctionDeclSyntax) {
        guard let attribute = syntax.attributes.multiplexed, syntax.takesModelID,
            let model = syntax.signature.returnClause?.type, !model.isVoid
        else { return nil }
        self.syntax = syntax
        self.attribute = attribute
        self.model = model.trimmed
    }

    /// The text of the options that the attribute gives.
    var options: String {
        let arguments = argumentList.filter { $0.label?.text != "size" }.map {
            "\($0.label.map { "\($0.text): " } ?? "")\($0.expression.trimmedDescription)"
        }
        return "SwerveCore.MultiplexOptions(\(arguments.joined(separator: ", ")))"
    }

    private var argumentList: [LabeledExprSyntax] {
        guard case .argumentList(let arguments)? = attribute.arguments else { return [] }
        return Array(arguments)
    }

    private var size: String {
        argumentList.first { $0.label?.text == "size" }.map { ", size: \($0.expression.trimmedDescription)" } ?? ""
    }

    private var prefix: String { (Access(syntax.modifiers) ?? .internal).prefix }

    /// The source text of the generated members.
    var members: [String] {
        let name = syntax.name.text
        let effects = syntax.signature.effectSpecifiers
        let calls =
            (effects?.throwsClause == nil ? "" : "try ") + (effects?.asyncSpecifier == nil ? "" : "await ")
        let lines = syntax.documentation + syntax.attributes.availability
        func method(_ parameter: String, _ id: String) -> String {
            """
            \(lines.map { "\($0)\n" }.joined())\(prefix)func \(name)(\(parameter)) async throws -> \(model) {
                try await SwerveActors.MultiplexedCall._run(on: self, \(options), \(id)\(size)) { actor, id in
                    \(calls)actor.\(name)(load: id)
                }
            }
            """
        }
        return [
            method("", "nil"),
            method("_ id: Swift.String", "id"),
            """
            /// The models of `\(name)` in this replica.
            \(prefix)var \(syntax.name.bareText)Cache: SwerveActors.ModelControl {
                SwerveActors.ModelControl(self.id, \(options))
            }
            """,
        ]
    }
}

extension FunctionDeclSyntax {
    /// Whether its only parameter is `load` of type `String`.
    var takesModelID: Bool {
        let parameters = Array(signature.parameterClause.parameters)
        guard parameters.count == 1, parameters[0].firstName.text == "load", parameters[0].ellipsis == nil else {
            return false
        }
        return ["String", "Swift.String"].contains(parameters[0].type.trimmedDescription)
    }
}

extension AttributeListSyntax {
    /// The `@Multiplexed` attribute.
    var multiplexed: AttributeSyntax? {
        lazy.compactMap { $0.as(AttributeSyntax.self) }.first {
            ["Multiplexed", "SwerveMacros.Multiplexed", "Swerve.Multiplexed"].contains(
                $0.attributeName.trimmedDescription
            )
        }
    }
}
