extension ServeConfig {
    /// The tables of docs/CONFIG.md: every field, as Markdown.
    package static var reference: String {
        var sections: [String] = []
        var seen: Set<String> = []
        append(title: "the file", shape.fields ?? [], to: &sections, &seen)
        return sections.joined(separator: "\n\n") + "\n"
    }

    private static func append(
        title: String,
        _ fields: [FieldDescription],
        to sections: inout [String],
        _ seen: inout Set<String>
    ) {
        sections.append("### Fields of \(title)\n\n" + table(fields))
        for field in fields {
            guard case .used = field.effect, let inner = field.shape.fields else { continue }
            // The same mapping may occur in several places.
            guard seen.insert(field.name).inserted else { continue }
            let brackets = if case .list = field.shape { "[]" } else { "" }
            append(title: "`\(field.name)\(brackets)`", inner, to: &sections, &seen)
        }
    }

    private static func table(_ fields: [FieldDescription]) -> String {
        var lines = ["| field | value | if left out | meaning |", "|---|---|---|---|"]
        var unused: [(reason: String, names: [String])] = []
        for field in fields {
            switch field.effect {
            case .used: lines.append(row(field))
            case .none(let reason), .refused(let reason):
                let isRefused = if case .refused = field.effect { true } else { false }
                let text = (isRefused ? "**refused**: " : "no effect: ") + reason
                if let index = unused.firstIndex(where: { $0.reason == text }) {
                    unused[index].names.append(field.name)
                } else {
                    unused.append((text, [field.name]))
                }
            }
        }
        let others = unused.map { "* \($0.names.map { "`\($0)`" }.joined(separator: ", ")): \($0.reason)." }
        return (lines + (others.isEmpty ? [] : ["", "Other fields of Ray Serve:", ""]) + others).joined(separator: "\n")
    }

    private static func row(_ field: FieldDescription) -> String {
        let old = field.oldNames.map { " (old name: `\($0)`)" }.joined()
        let absence = field.isRequired ? "**required**" : field.absence.isEmpty ? "the program's" : field.absence
        return "| `\(field.name)`\(old) | \(field.shape.label) | \(absence) | \(field.documentation) |"
    }
}
