internal import SwiftSyntax
internal import SwiftSyntaxBuilder

/// A method with `@Batched`, and the distributed method that is generated for it.
struct BatchedFunction {
    private let syntax: FunctionDeclSyntax
    private let attribute: AttributeSyntax
    private let parameters: [Parameter]
    /// The position of the parameter that takes the items.
    private let position: Int
    private let element: TypeSyntax
    private let result: TypeSyntax

    /// - Returns: `nil` for a method without `@Batched`, or with another signature than it needs.
    init?(_ syntax: FunctionDeclSyntax) {
        guard let attribute = syntax.attributes.batched else { return nil }
        let written = Array(syntax.signature.parameterClause.parameters)
        let positions = written.indices.filter { written[$0].firstName.text == "batch" }
        guard positions.count == 1, written[positions[0]].ellipsis == nil,
            let element = written[positions[0]].type.elementOfArray,
            let returned = syntax.signature.returnClause?.type.elementOfArray
        else { return nil }
        self.syntax = syntax
        self.attribute = attribute
        self.parameters = written.enumerated().map { Parameter($0.element, position: $0.offset) }
        self.position = positions[0]
        self.element = element.trimmed
        self.result = returned.success ?? returned.trimmed
    }

    var name: String { syntax.name.text }
    /// The parameters that all items of a batch share.
    var shared: [Parameter] { parameters.enumerated().filter { $0.offset != position }.map(\.element) }

    /// The method's full name as written: `segment(batch:)`.
    var fullName: String { Method(syntax).fullName }

    /// The text of the options that the attribute gives.
    var options: String {
        // The whole options as one value.
        if let first = argumentList.first, first.label == nil { return first.expression.trimmedDescription }
        let arguments = argumentList.filter { $0.label?.text != "size" }.map {
            "\($0.label.map { "\($0.text): " } ?? "")\($0.expression.trimmedDescription)"
        }
        return "SwerveCore.BatchOptions(\(arguments.joined(separator: ", ")))"
    }

    private var size: String? { argumentList.first { $0.label?.text == "size" }?.expression.trimmedDescription }

    private var argumentList: [LabeledExprSyntax] {
        guard case .argumentList(let arguments)? = attribute.arguments else { return [] }
        return Array(arguments)
    }

    private var prefix: String { (Access(syntax.modifiers) ?? .internal).prefix }

    /// A name that no parameter has.
    private var item: String {
        var name = "item"
        while parameters.contains(where: { $0.name == name }) { name += "_" }
        return name
    }

    /// The method that callers see, without its body.
    private var signature: String {
        let declared = parameters.enumerated().map { index, parameter in
            index == position ? "_ \(item): \(element.trimmedDescription)" : parameter.declaration()
        }
        let lines = syntax.documentation + syntax.attributes.availability
        return """
            \(lines.map { "\($0)\n" }.joined())\(prefix)distributed func \(name)\
            (\(declared.joined(separator: ", "))) async throws -> \(result.trimmedDescription)
            """
    }

    /// The method that callers see, as a declaration without a body.
    var declaration: FunctionDeclSyntax? { DeclSyntax(stringLiteral: signature).as(FunctionDeclSyntax.self) }

    /// The source text of the generated members.
    var members: [String] {
        let arguments = parameters.enumerated().map { index, parameter in
            parameter.argument(index == position ? "items" : parameter.identifier)
        }
        let key = shared.map(\.identifier).joined(separator: ", ")
        let effects = syntax.signature.effectSpecifiers
        let calls =
            (effects?.throwsClause == nil ? "" : "try ") + (effects?.asyncSpecifier == nil ? "" : "await ")
        return [
            """
            \(signature) {
                try await SwerveActors.BatchedCall._run(
                    "\(fullName)", on: self, \(options), \(item),
                    key: SwerveActors.BatchKey(\(key))\(size.map { ", size: \($0)" } ?? "")
                ) { actor, items in
                    \(calls)actor.\(name)(\(arguments.joined(separator: ", ")))
                }
            }
            """,
            """
            /// How the calls of `\(fullName)` are collected in this replica.
            \(prefix)var \(syntax.name.bareText)Batching: SwerveActors.BatchControl {
                SwerveActors.BatchControl("\(fullName)", of: self.id, \(options))
            }
            """,
        ]
    }
}

extension AttributeListSyntax {
    /// The `@Batched` attribute.
    var batched: AttributeSyntax? {
        lazy.compactMap { $0.as(AttributeSyntax.self) }.first {
            ["Batched", "SwerveMacros.Batched", "Swerve.Batched"].contains($0.attributeName.trimmedDescription)
        }
    }
}

extension TypeSyntax {
    /// `Element` of `[Element]` and `Array<Element>`.
    var elementOfArray: TypeSyntax? {
        if let array = self.as(ArrayTypeSyntax.self) { return array.element }
        if let attributed = self.as(AttributedTypeSyntax.self), Obstacle(self) != .byReference {
            return attributed.baseType.elementOfArray
        }
        return arguments(of: "Array", count: 1)?.first
    }

    /// `Success` of `Result<Success, any Error>`.
    fileprivate var success: TypeSyntax? { arguments(of: "Result", count: 2)?.first }

    private func arguments(of name: String, count: Int) -> [TypeSyntax]? {
        let clause: GenericArgumentClauseSyntax?
        if let named = self.as(IdentifierTypeSyntax.self), named.name.text == name {
            clause = named.genericArgumentClause
        } else if let member = self.as(MemberTypeSyntax.self), member.name.text == name,
            member.baseType.trimmedDescription == "Swift"
        {
            clause = member.genericArgumentClause
        } else {
            return nil
        }
        let types = clause?.arguments.compactMap { TypeSyntax("\($0.argument.trimmed)") } ?? []
        return types.count == count ? types : nil
    }
}
