internal import SwiftIfConfig
internal import SwiftSyntax
internal import SwiftSyntaxMacros

/// What the macro reads from the actor that carries `@Deployment`.
struct DeploymentActor {
    let syntax: ActorDeclSyntax
    let name: String
    let access: Access
    /// The members that are compiled, including those inside `#if`.
    let members: [DeclSyntax]
    /// The stored properties that the generated initialiser takes; `nil` when the actor has an initialiser or needs
    /// none.
    let memberwise: [Parameter]?
    /// The initialisers that get a `bind`, one for each signature.
    let initializers: [Initializer]
    /// The distributed methods, with those that `@Batched` generates.
    let distributedMethods: [FunctionDeclSyntax]
    let batchedMethods: [BatchedFunction]
    /// The loader with `@Multiplexed`.
    let loader: MultiplexedFunction?

    init(_ syntax: ActorDeclSyntax, in context: some MacroExpansionContext) {
        self.syntax = syntax
        self.name = syntax.name.text
        let access = Access(syntax.modifiers, in: context.lexicalContext)
        self.access = access
        let members = syntax.memberBlock.members.active(in: context.conditions)
        self.members = members
        let written = members.compactMap { $0.as(InitializerDeclSyntax.self) }
        if written.isEmpty {
            let properties = members.compactMap { $0.as(VariableDeclSyntax.self) }.flatMap(\.uninitialized)
            self.memberwise = properties.isEmpty ? nil : properties
            self.initializers = [Initializer(memberwise: properties)]
        } else {
            self.memberwise = nil
            self.initializers = Self.distinct(written.filter(\.isBindable).map { Initializer($0, actor: access) })
        }
        let functions = members.compactMap { $0.as(FunctionDeclSyntax.self) }
        let batchedMethods = functions.compactMap(BatchedFunction.init)
        self.batchedMethods = batchedMethods
        self.loader = functions.lazy.compactMap(MultiplexedFunction.init).first
        self.distributedMethods =
            functions.filter { $0.modifiers.contains(.distributed) } + batchedMethods.compactMap(\.declaration)
    }

    /// Keeps one of two initialisers that differ only in the actor system: the one that takes it.
    private static func distinct(_ initializers: [Initializer]) -> [Initializer] {
        var kept: [Initializer] = []
        for initializer in initializers {
            guard let index = kept.firstIndex(where: { $0.signature == initializer.signature }) else {
                kept.append(initializer)
                continue
            }
            if initializer.takesSystem { kept[index] = initializer }
        }
        return kept
    }
}

extension InitializerDeclSyntax {
    /// Whether a replica can call it. The checks report the reason if not.
    var isBindable: Bool {
        let access = Access(modifiers) ?? .internal
        return access >= .internal && optionalMark == nil && genericParameterClause == nil && !attributes.isUnavailable
    }
}

extension VariableDeclSyntax {
    /// The stored properties that an initialiser must set.
    fileprivate var uninitialized: [Parameter] {
        let skipped: [Keyword] = [.static, .class, .distributed, .lazy]
        if hasWrapper || skipped.contains(where: modifiers.contains) { return [] }
        var found: [Parameter] = []
        // In `let a, b: Int` the type also applies to the names before it.
        var type: TypeSyntax?
        for binding in bindings.reversed() {
            type = binding.typeAnnotation?.type ?? type
            guard let type, let name = binding.pattern.as(IdentifierPatternSyntax.self)?.identifier,
                binding.initializer == nil, binding.isStored, !hasDefault(type)
            else { continue }
            found.append(Parameter(property: name, type: type))
        }
        return found.reversed()
    }

    /// Whether it has an attribute that may be a property wrapper, which a generated initialiser cannot set.
    var hasWrapper: Bool {
        attributes.contains { $0.as(AttributeSyntax.self)?.attributeName.trimmedDescription != "available" }
    }

    /// An optional `var` starts as `nil`.
    func hasDefault(_ type: TypeSyntax?) -> Bool {
        guard bindingSpecifier.tokenKind == .keyword(.var), let type else { return false }
        return type.is(OptionalTypeSyntax.self) || type.is(ImplicitlyUnwrappedOptionalTypeSyntax.self)
    }
}

extension PatternBindingSyntax {
    /// Whether it has storage: no accessors, or only `willSet` and `didSet`.
    fileprivate var isStored: Bool {
        guard let accessorBlock else { return true }
        guard case .accessors(let accessors) = accessorBlock.accessors else { return false }
        return accessors.allSatisfy { ["willSet", "didSet"].contains($0.accessorSpecifier.text) }
    }
}

extension DeclModifierListSyntax {
    func contains(_ keyword: Keyword) -> Bool {
        contains { $0.name.tokenKind == .keyword(keyword) }
    }
}

extension MacroExpansionContext {
    /// Which `#if` conditions hold; `nil` when the compiler does not say, or swift-syntax is older than 603, which a
    /// package with other macros may ask for.
    var conditions: (any BuildConfiguration)? {
        #if canImport(SwiftSyntax603)
            buildConfiguration
        #else
            nil
        #endif
    }
}

extension MemberBlockItemListSyntax {
    /// The members that are compiled: those in active `#if` clauses and those outside of `#if`.
    fileprivate func active(in configuration: (any BuildConfiguration)?) -> [DeclSyntax] {
        flatMap { item -> [DeclSyntax] in
            guard let conditional = item.decl.as(IfConfigDeclSyntax.self) else { return [item.decl] }
            guard let configuration,
                case .decls(let members) = conditional.activeClause(in: configuration).clause?.elements
            else { return [] }
            return members.active(in: configuration)
        }
    }
}
