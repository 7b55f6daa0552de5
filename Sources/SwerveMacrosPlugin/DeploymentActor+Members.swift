internal import SwiftParser
internal import SwiftSyntax
internal import SwiftSyntaxBuilder

/// The source text of the members that `@Deployment` adds to an actor.
extension DeploymentActor {
    private var prefix: String { access.prefix }
    private var usable: [Initializer] { initializers.filter(\.isSendable) }
    /// A public enum cannot carry the types of an internal initialiser, so a struct hides the enum.
    private var hidesArguments: Bool { usable.contains { $0.access < access } }

    func generatedMembers(options attribute: AttributeSyntax) -> [DeclSyntax] {
        var members: [String] = []
        if !declares("ActorSystem") { members.append("\(prefix)typealias ActorSystem = SwerveActors.ServeSystem") }
        if let memberwise { members.append(memberwiseInitializer(memberwise)) }
        members += usable.indices.map { bind($0, prefix: "static ", overrides: "") }
        members.append(configured)
        members.append(initArguments)
        members.append(make)
        members.append(
            """
            \(prefix)static var _deploymentOptions: SwerveCore.DeploymentOptions {
                SwerveCore.DeploymentOptions(\(attribute.arguments?.trimmedDescription ?? ""))\(roomForBatches(attribute))
            }
            """
        )
        if !batchedMethods.isEmpty { members.append(batchedTable) }
        if let loader {
            members.append(
                """
                \(prefix)static var _multiplexing: SwerveCore.MultiplexOptions? {
                \(loader.options)
                }
                """
            )
        }
        members.append(methodTable)
        members += graphMembers
        return members.map { DeclSyntax(stringLiteral: $0) }
    }

    private func memberwiseInitializer(_ properties: [Parameter]) -> String {
        if usable.isEmpty {
            // The checks have reported the mistake; this keeps the compiler from reporting more.
            return "init(actorSystem: SwerveActors.ServeSystem) {\nfatalError()\n}"
        }
        let parameters = properties.map { $0.declaration() } + ["actorSystem: SwerveActors.ServeSystem"]
        let assignments = properties.map { "    self.\($0.identifier) = \($0.identifier)\n" }.joined()
        return """
            init(\(parameters.joined(separator: ", "))) {
                self.actorSystem = actorSystem
            \(assignments)}
            """
    }

    /// - Parameter overrides: text that is passed on after the arguments.
    private func bind(_ index: Int, prefix: String, overrides: String) -> String {
        let initializer = usable[index]
        let summary = "/// A reference to a deployment of `\(name)` that is not running yet; `Serve.run` starts it."
        let documentation = initializer.documentation.isEmpty ? [] : ["///"] + initializer.documentation
        let parameters = initializer.parameters.map { $0.declaration() }.joined(separator: ", ")
        let names = initializer.parameters.map { "\($0.payloadLabel): \($0.identifier)" }.joined(separator: ", ")
        let call = ".init\(index)" + (names.isEmpty ? "" : "(\(names))")
        let arguments = hidesArguments ? "InitArguments(call: \(call))" : call
        return """
            \(([summary] + documentation + initializer.attributes).joined(separator: "\n"))
            \(initializer.access.prefix)\(prefix)func bind(\(parameters)) -> \(name) {
                SwerveActors.ServeSystem._bound(\(name).self, \(arguments)\(overrides))
            }
            """
    }

    /// The type that `options(...)` returns, with a `bind` for each `bind` of the actor.
    private var configured: String {
        let binds = usable.indices.map { index in
            // Inside the struct `Self` would mean the struct.
            bind(index, prefix: "", overrides: ", self.overrides").replacingSelf(with: name)
        }
        return """
            /// `\(name)` with options that differ from its own; `options(...)` returns it.
            \(prefix)struct Configured: SwerveActors.ConfiguredDeployment {
            private let overrides: SwerveCore.DeploymentOverrides
            \(prefix)init(_ overrides: SwerveCore.DeploymentOverrides) {
                self.overrides = overrides
            }
            \(binds.joined(separator: "\n"))
            }
            """
    }

    /// A type that holds the arguments of an initialiser, so that a replica can decode them.
    private var initArguments: String {
        // The compiler shows this comment when it reports which type cannot be encoded.
        let comment = "// These are sent to the replicas: the type of each parameter must be Codable & Sendable."
        let cases = usable.enumerated().map { index, initializer in
            let values = initializer.parameters.map { "\($0.payloadLabel): \($0.type.trimmedDescription)" }
            return "    case init\(index)" + (values.isEmpty ? "" : "(\(values.joined(separator: ", ")))") + "\n"
        }.joined()
        let conformances = "Swift.Codable, Swift.Sendable"
        if cases.isEmpty { return "\(prefix)struct InitArguments: \(conformances) {\n}" }
        if hidesArguments {
            return """
                \(prefix)struct InitArguments: \(conformances) {
                let call: Call
                \(comment)
                enum Call: \(conformances) {
                \(cases)}
                }
                """
        }
        return """
            \(comment)
            \(prefix)enum InitArguments: \(conformances) {
            \(cases)}
            """
    }

    private var make: String {
        let cases = usable.enumerated().map { index, initializer in
            let names = initializer.parameters.map { "let \($0.identifier)" }.joined(separator: ", ")
            let call = "\(initializer.effects)\(name)(\(initializer.arguments.joined(separator: ", ")))"
            return "case .init\(index)\(names.isEmpty ? "" : "(\(names))"): return \(call)\n"
        }.joined()
        let body =
            cases.isEmpty
            ? "fatalError(\"no initialiser\")\n" : "switch arguments\(hidesArguments ? ".call" : "") {\n\(cases)}\n"
        // `_make` may call deprecated initialisers; the warning belongs at `bind`.
        let isDeprecated = usable.contains { $0.attributes.contains { $0.contains("deprecated") } }
        return """
            \(isDeprecated ? "@available(*, deprecated)\n" : "")\(prefix)static func _make(
                _ arguments: InitArguments, actorSystem: SwerveActors.ServeSystem
            ) async throws -> \(name) {
            \(body)}
            """
    }

    /// The dispatch table of the methods with unique full names. The actor system finds the others at run time.
    private var methodTable: String {
        let callable = distributedMethods.filter(\.isListed).map(Method.init)
        let counts = Dictionary(distributedMethods.map { (Method($0).fullName, 1) }, uniquingKeysWith: +)
        let entries = callable.filter { counts[$0.fullName] == 1 }.map { $0.tableEntry(of: name) }
        let value = entries.isEmpty ? "[]" : "[\n\(entries.joined(separator: "\n"))\n]"
        return """
            \(prefix)static var _deploymentMethods: [SwerveActors.DeploymentMethod<\(name)>] {
            \(value)
            }
            """
    }

    private var batchedTable: String {
        let entries = batchedMethods.map { "SwerveCore.BatchedMethod(\"\($0.fullName)\", \($0.options)),\n" }
        return """
            \(prefix)static var _batchedMethods: [SwerveCore.BatchedMethod] {
            [
            \(entries.joined())]
            }
            """
    }

    /// Unless the attribute says how many requests a replica takes, it takes enough to fill its batches.
    private func roomForBatches(_ attribute: AttributeSyntax) -> String {
        guard !batchedMethods.isEmpty else { return "" }
        guard case .argumentList(let arguments)? = attribute.arguments,
            arguments.contains(where: { $0.label?.text == "maxOngoingRequests" })
        else { return "._withRoom(for: _batchedMethods)" }
        return ""
    }

    /// Whether the actor itself declares a member type or a static member of that name.
    func declares(_ name: String) -> Bool { declaration(of: name) != nil }

    func declaration(of name: String) -> DeclSyntax? {
        members.first { member in
            if let named = member.asProtocol((any NamedDeclSyntax).self), !member.is(FunctionDeclSyntax.self) {
                return named.name.bareText == name
            }
            if let function = member.as(FunctionDeclSyntax.self) {
                return function.name.bareText == name && function.modifiers.contains(.static)
            }
            if let variable = member.as(VariableDeclSyntax.self), variable.modifiers.contains(.static) {
                return variable.bindings.contains { $0.pattern.trimmedDescription == name }
            }
            return false
        }
    }
}

extension String {
    /// The source with `Self` replaced by a type's name. The texts of string literals stay as they are.
    fileprivate func replacingSelf(with name: String) -> String {
        Parser.parse(source: self).tokens(viewMode: .sourceAccurate).map { token in
            token.tokenKind == .keyword(.Self)
                ? token.with(\.tokenKind, .identifier(name)).description : token.description
        }.joined()
    }
}
