internal import SwiftDiagnostics
internal import SwiftSyntax
internal import SwiftSyntaxBuilder
internal import SwiftSyntaxMacros

/// Reports mistakes that the compiler would report late, obscurely or not at all.
extension DeploymentActor {
    func check(in context: some MacroExpansionContext) {
        if let hidden = Hidden(syntax.modifiers, in: context.lexicalContext) {
            hidden.diagnose(name, at: syntax.name, in: context)
        }
        let names = [
            "Configured", "InitArguments", "_make", "_deploymentOptions", "_deploymentMethods", "_batchedMethods",
            "_multiplexing",
        ]
        for reserved in names {
            guard let taken = declaration(of: reserved) else { continue }
            context.error("@Deployment generates a member '\(reserved)': rename this one", at: taken)
        }
        checkInitializers(in: context)
        checkHooks(in: context)
        for method in members.compactMap({ $0.as(FunctionDeclSyntax.self) })
        where method.modifiers.contains(.distributed) {
            checkSignature(of: method, in: context)
        }
        checkBatched(in: context)
        checkMultiplexed(in: context)
        warnWithoutMethods(in: context)
        warnAboutConditions(in: context)
    }

    /// A `checkHealth` that does not match the requirement compiles, and nothing ever calls it.
    private func checkHooks(in context: some MacroExpansionContext) {
        for function in members.compactMap({ $0.as(FunctionDeclSyntax.self) })
        where function.name.text == "checkHealth" && !function.modifiers.contains(.static) {
            let isHidden = (Access(function.modifiers) ?? .internal) < access
            let matches =
                function.signature.parameterClause.parameters.isEmpty
                && function.signature.returnClause.map { $0.type.isVoid } ?? true
            guard isHidden || !matches else { continue }
            context.warning(
                "this 'checkHealth' is no health check, because it is hidden or has another signature: write "
                    + "'func checkHealth() async throws'",
                at: function.name
            )
        }
    }

    private func checkBatched(in context: some MacroExpansionContext) {
        var names: Set<String> = []
        for function in members.compactMap({ $0.as(FunctionDeclSyntax.self) }) where function.attributes.batched != nil
        {
            let name = function.name.bareText
            guard !names.insert(name).inserted else { continue }
            context.error(
                "two batched methods are named '\(name)', and each gets '\(name)Batching': rename one",
                at: function.name
            )
        }
    }

    private func checkMultiplexed(in context: some MacroExpansionContext) {
        let loaders = members.compactMap { $0.as(FunctionDeclSyntax.self) }.filter { $0.attributes.multiplexed != nil }
        for loader in loaders.dropFirst() {
            context.error(
                "a request names one model, so an actor has one loader: have '\(loaders[0].name.text)' load all that "
                    + "belongs to an ID",
                at: loader.name
            )
        }
    }

    private func warnAboutConditions(in context: some MacroExpansionContext) {
        guard context.conditions == nil else { return }
        for item in syntax.memberBlock.members {
            guard let conditional = item.decl.as(IfConfigDeclSyntax.self) else { continue }
            context.warning(
                "@Deployment cannot tell whether these members are compiled and leaves them out: write them without "
                    + "'#if', or build with Swift 6.3 and swift-syntax 603 or later",
                at: conditional
            )
        }
    }

    private func checkInitializers(in context: some MacroExpansionContext) {
        let written = members.compactMap { $0.as(InitializerDeclSyntax.self) }
        let visible = written.filter {
            (Access($0.modifiers) ?? .internal) >= .internal && !$0.attributes.isUnavailable
        }
        if !written.isEmpty, visible.isEmpty {
            context.error(
                "'\(name)' has no initialiser that a replica can call: make one internal or public",
                at: written[0].initKeyword
            )
        }
        for initializer in visible {
            if let mark = initializer.optionalMark {
                context.error("a replica cannot start from 'nil': write 'init' and throw an error instead", at: mark)
            }
            if let generics = initializer.genericParameterClause {
                context.error(
                    "a replica decodes the arguments by their types, so this initialiser cannot be generic: "
                        + "move the type parameters to the actor",
                    at: generics
                )
            }
        }
        for initializer in initializers {
            for parameter in initializer.parameters {
                checkArgument(parameter, in: context)
            }
        }
        guard written.isEmpty else { return }
        for property in members.compactMap({ $0.as(VariableDeclSyntax.self) }) {
            checkMemberwise(property, in: context)
        }
    }

    private func checkMemberwise(_ property: VariableDeclSyntax, in context: some MacroExpansionContext) {
        for binding in property.bindings where binding.initializer == nil && binding.accessorBlock == nil {
            if binding.pattern.is(TuplePatternSyntax.self) {
                context.error(
                    "@Deployment cannot generate an initialiser for this pattern: declare each property separately",
                    at: binding.pattern
                )
            } else if property.hasWrapper, !property.hasDefault(binding.typeAnnotation?.type) {
                context.error(
                    "@Deployment cannot generate an initialiser for a property with an attribute: write 'init', or "
                        + "give it an initial value",
                    at: binding.pattern
                )
            }
        }
    }

    private func checkArgument(_ parameter: Parameter, in context: some MacroExpansionContext) {
        guard let obstacle = parameter.obstacle else { return }
        let name = parameter.name
        let rule = "the arguments of an initialiser are sent to the replicas, so they must be Codable & Sendable"
        switch obstacle {
        case .closure:
            context.error("'\(name)' is a closure; \(rule): select the behaviour with an enum", at: parameter.syntax)
        case .tuple:
            context.error("'\(name)' is a tuple; \(rule): use a struct or separate parameters", at: parameter.syntax)
        case .existential(let constraint):
            context.error(
                "'\(name)' is 'any \(constraint)'; \(rule): write "
                    + "'distributed actor \(self.name)<Value: \(constraint)>' and take a 'Value'",
                at: parameter.syntax
            )
        case .opaque, .pack:
            context.error(
                "'\(name)' is generic; a replica decodes the arguments by their types: move the type parameter to the "
                    + "actor",
                at: parameter.syntax
            )
        case .byReference:
            context.error("'\(name)' is 'inout', but arguments are copied: remove 'inout'", at: parameter.syntax)
        case .variadic:
            let array = "[\(parameter.type.trimmedDescription)]"
            var fixIts: [FixIt] = []
            if let old = parameter.syntax.as(FunctionParameterSyntax.self) {
                let new = old.with(\.type, TypeSyntax(stringLiteral: array)).with(\.ellipsis, nil)
                fixIts = [.replacing(old, with: new, "write '\(array)'")]
            }
            context.error(
                "'\(name)' is variadic; \(rule): take an array, '\(array)'",
                at: parameter.syntax,
                fixIts: fixIts
            )
        }
    }

    private func warnWithoutMethods(in context: some MacroExpansionContext) {
        let hasDistributed = members.contains { member in
            let modifiers = member.asProtocol((any WithModifiersSyntax).self)?.modifiers
            let isBatched = member.as(FunctionDeclSyntax.self)?.attributes.batched != nil
            return isBatched || modifiers?.contains(.distributed) ?? false
        }
        // An extension of another protocol may provide the methods.
        guard !hasDistributed, syntax.inheritanceClause == nil else { return }
        let callable = members.lazy.compactMap { $0.as(FunctionDeclSyntax.self) }.first { function in
            let excluded: [Keyword] = [.private, .fileprivate, .static, .nonisolated]
            // What Swerve calls itself needs no 'distributed'.
            let isHook = ["checkHealth", "reconfigure"].contains(function.name.text)
            return !isHook && !excluded.contains(where: function.modifiers.contains)
        }
        guard let callable else {
            context.warning(
                "'\(name)' has no distributed method, so nothing can call it: write 'distributed func'",
                at: syntax.name
            )
            return
        }
        let distributed = TokenSyntax.keyword(.distributed, trailingTrivia: .space)
        let keyword = callable.funcKeyword
        let replacement =
            callable
            .with(\.modifiers, callable.modifiers + [DeclModifierSyntax(name: distributed)])
            .with(\.funcKeyword, keyword.with(\.leadingTrivia, []))
        let fixIt = FixIt.replacing(callable, with: replacement, "write 'distributed func'")
        context.warning(
            "'\(name)' has no distributed method, so nothing can call it: write "
                + "'distributed func \(callable.name.text)'",
            at: callable.name,
            fixIts: [fixIt]
        )
    }
}

/// Suggests replacements for types that the compiler would only call not serialisable.
func checkSignature(of method: FunctionDeclSyntax, in context: some MacroExpansionContext) {
    for (position, element) in method.signature.parameterClause.parameters.enumerated() {
        let parameter = Parameter(element, position: position)
        switch parameter.obstacle {
        case .closure:
            context.error(
                "'\(parameter.name)' is a closure, which cannot be sent: select the behaviour with an enum",
                at: element
            )
        case .tuple:
            context.error(
                "'\(parameter.name)' is a tuple, which cannot be sent: use a struct or separate parameters",
                at: element
            )
        case .existential(let constraint):
            context.error(
                "'any \(constraint)' cannot be decoded: take a 'some \(constraint) & Codable & Sendable' or an enum",
                at: element
            )
        case .opaque, .pack, .byReference, .variadic, nil: continue
        }
    }
    guard let result = method.signature.returnClause?.type, !result.isVoid else { return }
    switch Obstacle(result) {
    case .closure: context.error("a closure cannot be sent back: return a value that is Codable & Sendable", at: result)
    case .tuple: context.error("a tuple cannot be sent back: return a struct that is Codable & Sendable", at: result)
    case .opaque, .existential, .pack, .byReference, .variadic, nil: checkStream(result, in: context)
    }
}

private func checkStream(_ type: TypeSyntax, in context: some MacroExpansionContext) {
    let isStream =
        if let named = type.as(IdentifierTypeSyntax.self) {
            ["AsyncStream", "AsyncThrowingStream"].contains(named.name.text)
        } else if let opaque = type.as(SomeOrAnyTypeSyntax.self) {
            opaque.constraint.as(IdentifierTypeSyntax.self)?.name.text == "AsyncSequence"
        } else {
            false
        }
    guard isStream else { return }
    context.error(
        "'\(type.trimmedDescription)' cannot be sent back: return the elements as an array, or stream the body of an "
            + "HTTP response",
        at: type
    )
}
