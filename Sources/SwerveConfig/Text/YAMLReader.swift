private import Yams

/// Reads YAML with the core schema of version 1.2, and notes where each value stands.
///
/// Anchors, aliases and merge keys (`<<`) work. What they expand to counts against ``ConfigLimits/maxValues``, so a few
/// lines cannot stand for billions of values.
struct YAMLReader {
    private let limits: ConfigLimits
    private var values = 0

    static func read(_ text: String, _ limits: ConfigLimits) throws(TextProblem) -> ConfigNode {
        try YAMLKeyScan.check(text)
        let root: Node?
        do {
            // Without rules the library resolves nothing: this file says what a scalar means.
            root = try Parser(yaml: text, resolver: .basic, encoding: .utf8).singleRoot()
        } catch {
            throw problem(error)
        }
        guard let root else { throw TextProblem(.syntax, 1, 1, "the text is empty") }
        var reader = YAMLReader(limits: limits)
        return try reader.node(root, depth: 0)
    }

    private init(limits: ConfigLimits) {
        self.limits = limits
    }

    private mutating func node(_ node: Node, depth: Int) throws(TextProblem) -> ConfigNode {
        let (line, column) = (node.mark?.line ?? 1, node.mark?.column ?? 1)
        values += 1
        if values > limits.maxValues {
            throw TextProblem(
                .limit,
                line,
                column,
                "the text has more than \(limits.maxValues) values, those that aliases stand for included"
            )
        }
        if depth > limits.maxDepth {
            throw TextProblem(.limit, line, column, "the text is nested more than \(limits.maxDepth) deep")
        }
        let content: ConfigNode.Content
        switch node {
        case .scalar(let scalar): content = try self.content(scalar, line, column)
        case .sequence(let sequence):
            var elements: [ConfigNode] = []
            for element in sequence { elements.append(try self.node(element, depth: depth + 1)) }
            content = .list(elements)
        case .mapping(let mapping): content = .fields(try fields(mapping, depth: depth))
        case .alias: throw TextProblem(.syntax, line, column, "this alias stands for nothing")
        }
        return ConfigNode(content: content, line: line, column: column)
    }

    private mutating func fields(
        _ mapping: Node.Mapping,
        depth: Int
    ) throws(TextProblem) -> [(key: ConfigNode.Key, value: ConfigNode)] {
        var own: [(key: ConfigNode.Key, value: ConfigNode)] = []
        var merged: [(key: ConfigNode.Key, value: ConfigNode)] = []
        for (key, value) in mapping {
            let (line, column) = (key.mark?.line ?? 1, key.mark?.column ?? 1)
            guard case .scalar(let name) = key else {
                throw TextProblem(.syntax, line, column, "a key must be a text")
            }
            let node = try self.node(value, depth: depth + 1)
            if name.string == "<<", name.style == .plain {
                merged += try Self.merged(node)
            } else {
                own.append((ConfigNode.Key(name: name.string, line: line, column: column), node))
            }
        }
        var names = Set(own.map(\.key.name))
        return own + merged.filter { names.insert($0.key.name).inserted }
    }

    /// The fields that a merge key adds: those of a mapping, or of a list of them, of which the first counts.
    private static func merged(_ node: ConfigNode) throws(TextProblem) -> [(key: ConfigNode.Key, value: ConfigNode)] {
        switch node.content {
        case .fields(let fields): return fields
        case .list(let nodes):
            var fields: [(key: ConfigNode.Key, value: ConfigNode)] = []
            for node in nodes { fields += try merged(node) }
            return fields
        default: throw TextProblem(.syntax, node.line, node.column, "'<<' needs a mapping, or a list of them")
        }
    }

    private func content(_ scalar: Node.Scalar, _ line: Int, _ column: Int) throws(TextProblem) -> ConfigNode.Content {
        switch scalar.tag.rawValue {
        case "" where scalar.style == .plain: return YAMLScalar.content(of: scalar.string)
        case "", "!", "tag:yaml.org,2002:str": return .text(scalar.string)
        default:
            throw TextProblem(.syntax, line, column, "the tag '\(scalar.tag.rawValue)' is not known; leave it out")
        }
    }

    private static func problem(_ error: any Error) -> TextProblem {
        guard let error = error as? YamlError else { return TextProblem(.syntax, 1, 1, "not YAML: \(error)") }
        switch error {
        case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
            .composer(let context, let problem, let mark, _):
            let around = context.map { "\($0.text) from line \($0.mark.line): " } ?? ""
            let kind: ConfigProblem.Kind = problem.contains("nesting level") ? .limit : .syntax
            return TextProblem(kind, mark.line, mark.column, "not YAML: \(around)\(problem)")
        case .duplicatedKeysInMapping(let names, let context):
            let list = names.map { "'\($0)'" }.joined(separator: " and ")
            return TextProblem(
                .syntax,
                context.mark.line,
                context.mark.column,
                "\(list) \(names.count == 1 ? "is" : "are") given twice"
            )
        case .reader(let problem, _, _, _): return TextProblem(.syntax, 1, 1, "not YAML: \(problem)")
        default: return TextProblem(.syntax, 1, 1, "not YAML: \(error)")
        }
    }
}

/// What a plain scalar means in YAML 1.2's core schema.
enum YAMLScalar {
    static func content(of text: String) -> ConfigNode.Content {
        switch text {
        case "", "~", "null", "Null", "NULL": return .null
        case "true", "True", "TRUE": return .bool(true)
        case "false", "False", "FALSE": return .bool(false)
        case ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF": return .number(.infinity)
        case "-.inf", "-.Inf", "-.INF": return .number(-.infinity)
        case ".nan", ".NaN", ".NAN": return .number(.nan)
        default: return number(text) ?? .text(text)
        }
    }

    /// Whether YAML 1.1 reads a word as something else than a text, which 1.2 does not: `yes`, `off`.
    static func isOldBoolean(_ text: String) -> Bool {
        ["y", "n", "yes", "no", "on", "off"].contains(text.lowercased())
    }

    private static func number(_ text: String) -> ConfigNode.Content? {
        for (prefix, radix) in [("0x", 16), ("0o", 8)] where text.hasPrefix(prefix) {
            let digits = text.dropFirst(2)
            // `Int` would take a sign here.
            guard digits.first?.isHexDigit == true else { return nil }
            return Int(digits, radix: radix).map { .integer($0) }
        }
        var rest = Substring(text)
        if let sign = rest.first, sign == "+" || sign == "-" { rest.removeFirst() }
        let whole = digits(&rest)
        if rest.isEmpty, whole > 0 {
            if let value = Int(text) { return .integer(value) }
            return Double(text).map { .number($0) }
        }
        var fraction = 0
        if rest.first == "." {
            rest.removeFirst()
            fraction = digits(&rest)
        }
        guard whole + fraction > 0 else { return nil }
        if let exponent = rest.first, exponent == "e" || exponent == "E" {
            rest.removeFirst()
            if let sign = rest.first, sign == "+" || sign == "-" { rest.removeFirst() }
            guard digits(&rest) > 0 else { return nil }
        }
        guard rest.isEmpty else { return nil }
        // Swift wants a digit on both sides of the point.
        let padded = text.replacingPoint(hasWhole: whole > 0, hasFraction: fraction > 0)
        return Double(padded).map { .number($0) }
    }

    private static func digits(_ rest: inout Substring) -> Int {
        let count = rest.utf8.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }.count
        rest.removeFirst(count)
        return count
    }
}

extension String {
    fileprivate func replacingPoint(hasWhole: Bool, hasFraction: Bool) -> String {
        guard let point = firstIndex(of: ".") else { return self }
        return self[..<point] + (hasWhole ? "" : "0") + "." + (hasFraction ? "" : "0") + self[index(after: point)...]
    }
}
