import SwerveMacrosPlugin
import SwiftDiagnostics
import SwiftParser
import SwiftSyntax
import SwiftSyntaxBuilder
import SwiftSyntaxMacroExpansion
import SwiftSyntaxMacros
import SwiftSyntaxMacrosGenericTestSupport
import Testing

private let macros: [String: MacroSpec] = [
    "Deployment": MacroSpec(type: DeploymentMacro.self, conformances: [TypeSyntax("Deployment")]),
    "FunctionDeployment": MacroSpec(type: FunctionDeploymentMacro.self),
    "Batched": MacroSpec(type: BatchedMacro.self),
    "Multiplexed": MacroSpec(type: MultiplexedMacro.self),
    "_DeploymentInit": MacroSpec(type: DeploymentInitMacro.self),
]

/// Records an issue unless the macros expand `source` to `expected` without a diagnostic.
func expectExpansion(
    of source: String,
    _ expected: String,
    fileID: StaticString = #fileID,
    filePath: StaticString = #filePath,
    line: UInt = #line,
    column: UInt = #column
) {
    assertMacroExpansion(
        source,
        expandedSource: expected,
        macroSpecs: macros,
        failureHandler: { failure in
            let location = Testing.SourceLocation(
                fileID: "\(failure.location.fileID)",
                filePath: "\(failure.location.filePath)",
                line: Int(failure.location.line),
                column: Int(failure.location.column)
            )
            Issue.record(Comment(rawValue: failure.message), sourceLocation: location)
        },
        fileID: fileID,
        filePath: filePath,
        line: line,
        column: column
    )
}

/// The macros' diagnostics for a source.
struct Diagnosed {
    /// One line for each diagnostic, such as `error: …`.
    let messages: [String]
    /// The source text that each diagnostic points to.
    let places: [String]
    /// The titles of the fix-its.
    let fixes: [String]
    /// The source with all fix-its applied.
    let fixed: String

    init(_ source: String) {
        let tree = Parser.parse(source: source)
        let context = BasicMacroExpansionContext(
            sourceFiles: [tree: .init(moduleName: "Test", fullFilePath: "Test.swift")])
        _ = tree.expand(macroSpecs: macros) { node in
            BasicMacroExpansionContext(sharingWith: context, lexicalContext: node.allMacroLexicalContexts())
        }
        let diagnostics = context.diagnostics
        self.messages = diagnostics.map { "\($0.diagMessage.severity): \($0.message)" }
        self.places = diagnostics.map { $0.node.trimmedDescription }
        self.fixes = diagnostics.flatMap(\.fixIts).map(\.message.message)
        var text = Array(source.utf8)
        // From the end, so that earlier offsets stay valid.
        for edit in diagnostics.flatMap(\.fixIts).flatMap(\.changes).compactMap(\.replacement).reversed() {
            let start = context.location(for: edit.old.position, anchoredAt: edit.old, fileName: "").offset
            text.replaceSubrange(start..<start + edit.old.totalLength.utf8Length, with: edit.new.description.utf8)
        }
        self.fixed = String(decoding: text, as: UTF8.self)
    }
}

extension FixIt.Change {
    fileprivate var replacement: (old: Syntax, new: Syntax)? {
        guard case .replace(let old, let new) = self else { return nil }
        return (old, new)
    }
}

/// The source with its macros expanded.
func expanded(_ source: String) -> String {
    let tree = Parser.parse(source: source)
    let context = BasicMacroExpansionContext(
        sourceFiles: [tree: .init(moduleName: "Test", fullFilePath: "Test.swift")]
    )
    return tree.expand(macroSpecs: macros) { node in
        BasicMacroExpansionContext(sharingWith: context, lexicalContext: node.allMacroLexicalContexts())
    }.description
}
