internal import SwiftParser
internal import SwiftSyntax

/// A parameter of an initialiser or a function, or a stored property that becomes one.
struct Parameter {
    /// The argument label; `nil` if there is none.
    let label: String?
    /// The internal name of the parameter, without backticks.
    let name: String
    /// The type of the value, without specifiers and attributes such as `consuming` or `@escaping`.
    let type: TypeSyntax
    let defaultValue: String?
    /// Why the value cannot be sent to another process, as far as the syntax tells.
    let obstacle: Obstacle?
    /// The node that diagnostics point to.
    let syntax: Syntax

    /// - Parameter position: its position, which names a parameter that is called `_`.
    init(_ parameter: FunctionParameterSyntax, position: Int) {
        let inner = parameter.secondName ?? parameter.firstName
        self.label = parameter.firstName.tokenKind == .wildcard ? nil : parameter.firstName.bareText.asLabel
        self.name = inner.tokenKind == .wildcard ? "argument\(position)" : inner.bareText
        self.type = parameter.type.valueType
        self.defaultValue = parameter.defaultValue?.value.trimmedDescription
        self.obstacle = parameter.ellipsis == nil ? Obstacle(parameter.type) : .variadic
        self.syntax = Syntax(parameter)
    }

    /// The parameter of a memberwise initialiser for a stored property.
    init(property name: TokenSyntax, type: TypeSyntax) {
        self.label = name.bareText.asLabel
        self.name = name.bareText
        self.type = type.valueType
        self.defaultValue = nil
        self.obstacle = Obstacle(type)
        self.syntax = Syntax(name)
    }

    /// The name in source code: in backticks where the language needs them.
    var identifier: String { name.asIdentifier }
    var payloadLabel: String { name.asLabel }

    /// The text for a parameter list, with `inner` as the internal name.
    func declaration(inner: String? = nil) -> String {
        let inner = inner ?? identifier
        let names = label.map { $0 == inner || inner == "`\($0)`" ? $0 : "\($0) \(inner)" } ?? "_ \(inner)"
        return "\(names): \(type.trimmedDescription)" + (defaultValue.map { " = \($0)" } ?? "")
    }

    /// The text for a call that passes `value`.
    func argument(_ value: String) -> String {
        label.map { "\($0): \(value)" } ?? value
    }
}

/// A part of a type that makes its values impossible to send.
enum Obstacle: Equatable {
    case closure
    case tuple
    case existential(of: String)
    case opaque
    case byReference
    case variadic
    case pack

    init?(_ type: TypeSyntax) {
        switch type.as(TypeSyntaxEnum.self) {
        case .attributedType(let type):
            let isInout = type.specifiers.contains {
                $0.as(SimpleTypeSpecifierSyntax.self)?.specifier.tokenKind == .keyword(.inout)
            }
            if isInout {
                self = .byReference
            } else if let inner = Obstacle(type.baseType) {
                self = inner
            } else {
                return nil
            }
        case .functionType: self = .closure
        case .tupleType(let type):
            guard type.elements.count == 1, let only = type.elements.first else {
                self = .tuple
                return
            }
            guard let inner = Obstacle(only.type) else { return nil }
            self = inner
        case .optionalType(let type): self.init(wrapping: type.wrappedType)
        case .implicitlyUnwrappedOptionalType(let type): self.init(wrapping: type.wrappedType)
        case .arrayType(let type): self.init(wrapping: type.element)
        case .dictionaryType(let type): self.init(wrapping: type.value)
        case .someOrAnyType(let type):
            let isExistential = type.someOrAnySpecifier.tokenKind == .keyword(.any)
            self = isExistential ? .existential(of: type.constraint.trimmedDescription) : .opaque
        case .packExpansionType: self = .pack
        default: return nil
        }
    }

    private init?(wrapping type: TypeSyntax) {
        guard let inner = Obstacle(type) else { return nil }
        self = inner
    }
}

extension TypeSyntax {
    /// The type of a stored copy of a parameter.
    fileprivate var valueType: TypeSyntax {
        if let attributed = self.as(AttributedTypeSyntax.self) { return attributed.baseType.valueType }
        if let unwrapped = self.as(ImplicitlyUnwrappedOptionalTypeSyntax.self) {
            return TypeSyntax(OptionalTypeSyntax(wrappedType: unwrapped.wrappedType.trimmed))
        }
        return trimmed
    }

    var isVoid: Bool { ["Void", "Swift.Void", "()"].contains(trimmedDescription) }
}

extension TokenSyntax {
    /// The text without backticks.
    var bareText: String { identifier?.name ?? text }
}

extension String {
    /// The name of a variable: in backticks where the language needs them.
    var asIdentifier: String { isValidSwiftIdentifier(for: .variableName) ? self : "`\(self)`" }

    /// An argument label. Most keywords need no backticks here, and the compiler warns about them.
    var asLabel: String {
        let isWord = allSatisfy { $0 == "_" || $0.isLetter || $0.isNumber }
        return isWord && !["inout", "let", "var"].contains(self) ? self : asIdentifier
    }
}
