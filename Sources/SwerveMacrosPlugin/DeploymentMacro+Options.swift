internal import SwiftDiagnostics
internal import SwiftParser
internal import SwiftSyntax
internal import SwiftSyntaxMacros

/// Checks options that are literals, so that a mistake shows up in the source and not when the program runs.
///
/// The ranges are those of `DeploymentOptions`, `BatchOptions` and `MultiplexOptions`, which check computed values.
func checkOptions(of attribute: AttributeSyntax, in context: some MacroExpansionContext) {
    guard case .argumentList(let arguments)? = attribute.arguments else { return }
    let ranges = [
        "numReplicas": 0...10_000,
        "maxOngoingRequests": 1...10_000_000,
        "maxQueuedRequests": 0...10_000_000,
        "maxBatchSize": 1...100_000,
        "maxConcurrentBatches": 1...1_000,
        "maxModelsPerReplica": 1...1_000,
    ]
    for argument in arguments {
        guard let label = argument.label?.text else {
            checkName(argument.expression, in: context)
            continue
        }
        guard let range = ranges[label], let value = argument.expression.integer, !range.contains(value) else {
            continue
        }
        context.error(
            "\(label) is \(value); it must be from \(range.lowerBound) to \(range.upperBound)",
            at: argument.expression
        )
    }
}

private func checkName(_ expression: ExprSyntax, in context: some MacroExpansionContext) {
    guard let name = expression.as(StringLiteralExprSyntax.self)?.representedLiteralValue else { return }
    let isGood = name.unicodeScalars.allSatisfy { scalar in
        switch scalar {
        case "a"..."z", "A"..."Z", "0"..."9", "_", "-", ".": true
        default: scalar.value >= 0x80
        }
    }
    if name.isEmpty || name.utf8.count > 200 {
        context.error("the name of a deployment must have 1 to 200 bytes", at: expression)
    } else if !isGood {
        context.error("the name '\(name)' may contain only letters, digits, '_', '-' and '.'", at: expression)
    }
}

extension ExprSyntax {
    /// The value of an integer literal, with or without a minus; `nil` for everything else.
    fileprivate var integer: Int? {
        if let negation = self.as(PrefixOperatorExprSyntax.self), negation.operator.text == "-" {
            return negation.expression.integer.map { -$0 }
        }
        return self.as(IntegerLiteralExprSyntax.self)?.representedLiteralValue
    }
}
