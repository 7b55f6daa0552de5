internal import SwiftDiagnostics
internal import SwiftSyntax
internal import SwiftSyntaxMacros

/// The text of a diagnostic or a fix-it. It tells the user what to write instead.
struct Message: DiagnosticMessage, FixItMessage {
    let message: String
    let severity: DiagnosticSeverity
    let diagnosticID = MessageID(domain: "Swerve", id: "deployment")
    var fixItID: MessageID { diagnosticID }

    static func error(_ text: String) -> Message { Message(message: text, severity: .error) }
    static func warning(_ text: String) -> Message { Message(message: text, severity: .warning) }
    /// A fix-it has no severity of its own, so this one is arbitrary.
    static func fix(_ text: String) -> Message { Message(message: text, severity: .note) }
}

extension MacroExpansionContext {
    func error(_ text: String, at node: some SyntaxProtocol, fixIts: [FixIt] = []) {
        diagnose(Diagnostic(node: node, message: Message.error(text), fixIts: fixIts))
    }

    func warning(_ text: String, at node: some SyntaxProtocol, fixIts: [FixIt] = []) {
        diagnose(Diagnostic(node: node, message: Message.warning(text), fixIts: fixIts))
    }
}

extension FixIt {
    /// Replaces `old` with `new` and keeps the surrounding whitespace.
    static func replacing(_ old: some SyntaxProtocol, with new: some SyntaxProtocol, _ text: String) -> FixIt {
        let replacement = Syntax(new)
            .with(\.leadingTrivia, old.leadingTrivia)
            .with(\.trailingTrivia, old.trailingTrivia)
        return FixIt(message: Message.fix(text), changes: [.replace(oldNode: Syntax(old), newNode: replacement)])
    }
}
