internal import SwerveCore

/// The state of reading a configuration: where it is, and what was found wrong.
struct Reading {
    let file: String
    private let maxProblems: Int
    private var path: [String] = []
    private(set) var problems: [ConfigProblem] = []
    private(set) var omitted = 0
    private(set) var warnings: [ConfigWarning] = []
    /// Where the value of each field is, by the field's path.
    private(set) var places: [String: ConfigPlace] = [:]

    init(file: String, limits: ConfigLimits) {
        self.file = file
        self.maxProblems = limits.maxProblems
    }

    /// - Throws: what was reported, in the order of the file.
    func finish() throws(ConfigError) {
        guard !problems.isEmpty else { return }
        let sorted = problems.enumerated().sorted { left, right in
            (left.element.place.line, left.element.place.column, left.offset)
                < (right.element.place.line, right.element.place.column, right.offset)
        }
        throw ConfigError(sorted.map(\.element), omitted: omitted)
    }

    // MARK: Places

    mutating func within(_ name: String, _ read: (inout Reading) -> Void) {
        let shown = name.utf8.count > 100 ? name.prefix(100) + "..." : name
        path.append((path.isEmpty ? shown : ".\(shown)").onOneLine)
        read(&self)
        path.removeLast()
    }

    mutating func within(_ index: Int, _ read: (inout Reading) -> Void) {
        path.append("[\(index)]")
        read(&self)
        path.removeLast()
    }

    func place(_ node: ConfigNode) -> ConfigPlace { place(node.line, node.column) }

    private func place(_ line: Int, _ column: Int) -> ConfigPlace {
        ConfigPlace(file: file, line: line, column: column, path: path.joined())
    }

    /// Notes where the field that is being read has its value.
    mutating func note(_ node: ConfigNode) {
        let place = place(node)
        places[place.path] = place
    }

    /// The name of the field that is being read.
    private var fieldName: String {
        guard let last = path.last else { return "the configuration" }
        let inner = path.last { !$0.hasPrefix("[") } ?? last
        let name = inner.replacingPrefix(".", with: "")
        return last.hasPrefix("[") ? "'\(name)\(last)'" : "'\(name)'"
    }

    // MARK: Reports

    mutating func report(_ kind: ConfigProblem.Kind, _ node: ConfigNode, _ message: String, suggestion: String? = nil) {
        report(ConfigProblem(kind, at: place(node), message, suggestion: suggestion))
    }

    mutating func report(_ kind: ConfigProblem.Kind, _ key: ConfigNode.Key, _ message: String) {
        report(ConfigProblem(kind, at: place(key.line, key.column), message))
    }

    mutating func report(_ kind: ConfigProblem.Kind, at place: ConfigPlace, _ message: String) {
        report(ConfigProblem(kind, at: place, message))
    }

    private mutating func report(_ problem: ConfigProblem) {
        if problems.count < maxProblems { problems.append(problem) } else { omitted += 1 }
    }

    mutating func warn(_ node: ConfigNode, _ message: String) {
        warn(ConfigWarning(at: place(node), message))
    }

    mutating func warn(_ key: ConfigNode.Key, _ message: String) {
        warn(ConfigWarning(at: place(key.line, key.column), message))
    }

    private mutating func warn(_ warning: ConfigWarning) { warnings.append(warning) }

    /// Reports a value of another type than the field's, or beyond its range.
    mutating func reportType(_ node: ConfigNode, _ shape: Shape, _ kind: ConfigProblem.Kind = .wrongType) {
        var message = "\(fieldName) is \(node.said); it must be \(shape.expectation)"
        if case .text(let text) = node.content {
            switch (shape, YAMLScalar.content(of: text)) {
            case (.integer, .integer), (.number, .integer), (.number, .number), (.boolean, .bool):
                message += "; leave out the quotes"
            case (.boolean, _) where YAMLScalar.isOldBoolean(text):
                message += "; '\(text)' is a text in YAML 1.2"
            default: break
            }
        }
        report(kind, node, message)
    }

    mutating func reportText(_ node: ConfigNode) {
        // What an environment variable or a header is may be secret, and errors get into logs.
        if let owner = path.dropLast().last, [".env_vars", ".headers"].contains(owner) {
            return report(.wrongType, node, "\(fieldName) is no text; it must be one, so put it in quotes")
        }
        report(
            .wrongType,
            node,
            "\(fieldName) is \(node.said); it must be a text, so put it in quotes: \"\(node.said)\""
        )
    }

    /// Reports a text that is none of a field's choices.
    mutating func reportChoice(_ node: ConfigNode, _ text: String, _ shape: Shape, _ names: [String]) {
        guard problems.count < maxProblems else { return omitted += 1 }
        let message = "\(fieldName) is '\(text)'; it must be \(shape.expectation)"
        report(.outOfRange, node, message, suggestion: NearestName.of(text, among: names))
    }

    mutating func reportUnknown(_ key: ConfigNode.Key, of shape: Shape) {
        // The search for a name is not free, and a file may have very many wrong ones.
        guard problems.count < maxProblems else { return omitted += 1 }
        let names = (shape.fields ?? []).filter { if case .refused = $0.effect { false } else { true } }.map(\.name)
        let suggestion = NearestName.of(key.name, among: names)
        var message = "there is no field '\(key.name)'"
        if suggestion == nil {
            message += FieldIndex.hint(for: key.name) ?? "; there are \(names.joined(separator: ", "))"
        }
        report(ConfigProblem(.unknownField, at: place(key.line, key.column), message, suggestion: suggestion))
    }

    /// A value without a type of its own. Numbers that JSON does not have are reported.
    mutating func json(_ node: ConfigNode) -> JSONValue {
        reportNumbers(node)
        return node.value
    }

    private mutating func reportNumbers(_ node: ConfigNode) {
        switch node.content {
        case .number(let number) where !number.isFinite:
            report(.outOfRange, node, "\(fieldName) contains \(number), which JSON does not have")
        case .list(let elements): for element in elements { reportNumbers(element) }
        case .fields(let fields): for field in fields { reportNumbers(field.value) }
        default: break
        }
    }
}

/// Where a field belongs that was given somewhere else.
enum FieldIndex {
    static func hint(for name: String) -> String? {
        if ["apiVersion", "kind", "metadata", "spec"].contains(name) {
            return "; this looks like a Kubernetes manifest, whose configuration is the text below spec.serveConfigV2"
        }
        let homes = places(of: name, in: ServeConfig.shape, path: "").prefix(2)
        guard !homes.isEmpty else { return nil }
        return "; it belongs in \(homes.joined(separator: " or "))"
    }

    private static func places(of name: String, in shape: Shape, path: String) -> [String] {
        guard let fields = shape.fields else { return [] }
        var found: [String] = []
        if fields.contains(where: { $0.name == name || $0.oldNames.contains(name) }) {
            found.append(path.isEmpty ? "the top of the file" : path)
        }
        for field in fields {
            let brackets = if case .list = field.shape { "[]" } else { "" }
            found += places(of: name, in: field.shape, path: (path.isEmpty ? "" : path + ".") + field.name + brackets)
        }
        return found
    }
}
