internal import SwerveCore

/// What is written to a file: values in the order of the table of fields, with comments.
indirect enum ConfigTree: Sendable {
    case value(JSONValue)
    case list([ConfigTree])
    case fields([Entry], comments: [String] = [])

    struct Entry: Sendable {
        var name: String
        var tree: ConfigTree
    }

    /// Without order and comments.
    var value: JSONValue {
        switch self {
        case .value(let value): value
        case .list(let trees): .array(trees.map(\.value))
        case .fields(let entries, _): .object(Dictionary(entries.map { ($0.name, $0.tree.value) }) { $1 })
        }
    }
}

/// Writes YAML that this library and those for YAML 1.1 read alike.
struct YAMLWriter {
    private(set) var text = ""

    static func text(_ tree: ConfigTree) -> String {
        var writer = YAMLWriter()
        writer.write(tree, indentation: 0, behind: "")
        return writer.text
    }

    /// - Parameter start: what the first line begins with, such as `name:` or `-`; the text ends with a newline.
    private mutating func write(_ tree: ConfigTree, indentation: Int, behind start: String) {
        switch tree {
        case .value(.object(let members)) where !members.isEmpty:
            let entries = members.sorted { $0.key < $1.key }.map {
                ConfigTree.Entry(name: $0.key, tree: .value($0.value))
            }
            write(.fields(entries), indentation: indentation, behind: start)
        case .value(.array(let elements)) where !elements.isEmpty:
            write(.list(elements.map { .value($0) }), indentation: indentation, behind: start)
        case .value(let value): line(start, Self.scalar(value))
        case .list(let trees) where trees.isEmpty: line(start, "[]")
        case .list(let trees):
            if !start.isEmpty { line(start, "") }
            for tree in trees { write(tree, indentation: indentation + 2, behind: spaces(indentation) + "-") }
        case .fields(let entries, let comments) where entries.isEmpty && comments.isEmpty: line(start, "{}")
        case .fields(let entries, let comments):
            write(entries, comments, indentation: indentation, behind: start)
        }
    }

    private mutating func write(
        _ entries: [ConfigTree.Entry],
        _ comments: [String],
        indentation: Int,
        behind start: String
    ) {
        // The first field stands in the line of a list's dash, the others below it.
        let isItem = start.hasSuffix("-")
        if !isItem, !start.isEmpty { line(start, entries.isEmpty ? "{}" : "") }
        let notes = comments.map { "\(spaces(indentation))# \($0)\n" }.joined()
        if !isItem { text += notes }
        for (index, entry) in entries.enumerated() {
            if indentation == 0, index > 0, entry.tree.isNested { text += "\n" }
            let isFirstOfItem = isItem && index == 0
            let before = isFirstOfItem ? start + " " : spaces(indentation)
            write(
                entry.tree,
                indentation: indentation + 2 - (entry.tree.isList ? 2 : 0),
                behind: "\(before)\(Self.key(entry.name)):"
            )
            if isFirstOfItem { text += notes }
        }
    }

    private mutating func line(_ start: String, _ rest: String) {
        text += start + (start.isEmpty || rest.isEmpty ? "" : " ") + rest + "\n"
    }

    private func spaces(_ count: Int) -> String { String(repeating: " ", count: count) }

    // MARK: Scalars

    static func scalar(_ value: JSONValue) -> String {
        if case .string(let text) = value { return isPlain(text) ? text : quoted(text) }
        return value.json
    }

    private static func key(_ name: String) -> String { isPlain(name) ? name : quoted(name) }

    /// A text in quotes, with escapes for the `*` and `?` that ``YAMLKeyScan`` could take for the beginning of a key.
    private static func quoted(_ text: String) -> String {
        var quoted = ""
        var previous: Unicode.Scalar?
        for scalar in JSONText.quoted(text).unicodeScalars {
            let isFree = previous.map {
                $0.isASCII && (isWord(UInt8(ascii: $0)) || "/.*\"".unicodeScalars.contains($0))
            }
            if scalar == "*" || scalar == "?", isFree == false {
                quoted += scalar == "*" ? "\\u002a" : "\\u003f"
            } else {
                quoted.unicodeScalars.append(scalar)
            }
            previous = scalar
        }
        return quoted
    }

    /// Whether a text can stand without quotes: it is made of harmless characters and reads as a text.
    private static func isPlain(_ text: String) -> Bool {
        guard let first = text.utf8.first, text.utf8.last != UInt8(ascii: ":") else { return false }
        let isHarmless = text.utf8.allSatisfy { isWord($0) || "./:+%-@".utf8.contains($0) }
        guard isHarmless, isWord(first) || "./".utf8.contains(first), !YAMLScalar.isOldBoolean(text) else {
            return false
        }
        // A digit first could be a number, a time or a date in one version of YAML or the other.
        if (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first) { return text.utf8.last == UInt8(ascii: "%") }
        if case .text = YAMLScalar.content(of: text) { return true }
        return false
    }

    private static func isWord(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
            true
        default: false
        }
    }
}

extension ConfigTree {
    fileprivate var isList: Bool {
        switch self {
        case .list(let trees): !trees.isEmpty
        case .value(.array(let elements)): !elements.isEmpty
        default: false
        }
    }

    fileprivate var isNested: Bool {
        switch self {
        case .value(.object(let members)): !members.isEmpty
        case .value(.array), .list: isList
        case .value: false
        case .fields(let entries, _): !entries.isEmpty
        }
    }
}
