internal import SwiftDiagnostics
internal import SwiftSyntax
internal import SwiftSyntaxMacros

/// An access level, ordered from the narrowest to the widest.
enum Access: Int, Comparable {
    case `private`
    case `fileprivate`
    case `internal`
    case package
    case `public`

    /// The level that `modifiers` state, or `nil`.
    init?(_ modifiers: DeclModifierListSyntax) {
        for modifier in modifiers where modifier.detail == nil {
            switch modifier.name.tokenKind {
            case .keyword(.private): self = .private
            case .keyword(.fileprivate): self = .fileprivate
            case .keyword(.internal): self = .internal
            case .keyword(.package): self = .package
            case .keyword(.public), .keyword(.open): self = .public
            default: continue
            }
            return
        }
        return nil
    }

    /// The level of a declaration: its own modifier, or else that of the enclosing extension.
    init(_ modifiers: DeclModifierListSyntax, in lexicalContext: [Syntax]) {
        let enclosing = lexicalContext.first?.as(ExtensionDeclSyntax.self).flatMap { Access($0.modifiers) }
        self = Access(modifiers) ?? enclosing ?? .internal
    }

    /// The text that generated declarations of this level start with.
    var prefix: String { self == .internal ? "" : "\(self) " }

    static func < (left: Access, right: Access) -> Bool { left.rawValue < right.rawValue }
}

/// Why a worker process cannot find a declaration by its name.
enum Hidden {
    /// The declaration itself carries this modifier.
    case modifier(DeclModifierSyntax)
    /// It is inside a declaration with this modifier.
    case enclosed(String)
    case local

    init?(_ modifiers: DeclModifierListSyntax, in lexicalContext: [Syntax]) {
        if let modifier = Self.hiding(modifiers) {
            self = .modifier(modifier)
            return
        }
        for scope in lexicalContext {
            if let group = scope.asProtocol((any DeclGroupSyntax).self) {
                guard let modifier = Self.hiding(group.modifiers) else { continue }
                self = .enclosed("\(modifier.name.text) \(group.introducer.text)")
                return
            }
            if scope.is(FunctionDeclSyntax.self) || scope.is(InitializerDeclSyntax.self)
                || scope.is(AccessorDeclSyntax.self) || scope.is(ClosureExprSyntax.self)
            {
                self = .local
                return
            }
        }
        return nil
    }

    private static func hiding(_ modifiers: DeclModifierListSyntax) -> DeclModifierSyntax? {
        modifiers.first {
            $0.detail == nil
                && ($0.name.tokenKind == .keyword(.private) || $0.name.tokenKind == .keyword(.fileprivate))
        }
    }

    func diagnose(_ name: String, at node: some SyntaxProtocol, in context: some MacroExpansionContext) {
        let why = "a worker process looks '\(name)' up by name and cannot find"
        switch self {
        case .modifier(let modifier):
            let keyword = modifier.name.text
            let fix = FixIt.replacing(modifier.name, with: TokenSyntax.keyword(.internal), "write 'internal'")
            context.error(
                "\(why) a \(keyword) declaration: remove '\(keyword)'",
                at: modifier,
                fixIts: [fix]
            )
        case .enclosed(let scope):
            context.error("\(why) it in a \(scope): move it out, or make the \(scope) internal", at: node)
        case .local:
            context.error("\(why) a local declaration: move it out of the function", at: node)
        }
    }
}
