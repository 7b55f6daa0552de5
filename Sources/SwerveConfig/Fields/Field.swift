internal import SwerveCore

/// A field of a configuration: how it is called, read, written and described.
///
/// The tables of fields are the only place that knows them. The reader, its errors, ``ServeConfig/jsonSchema`` and the
/// tables in docs/CONFIG.md follow from them.
struct Field<Owner: ConfigObject>: Sendable {
    let description: FieldDescription
    let read: @Sendable (ConfigNode, inout Owner, inout Reading) -> Void
    /// `nil` if the field is not set, or if its value can only be written in the program.
    let write: @Sendable (Owner) -> ConfigTree?

    init(
        description: FieldDescription,
        read: @escaping @Sendable (ConfigNode, inout Owner, inout Reading) -> Void,
        write: @escaping @Sendable (Owner) -> ConfigTree?
    ) {
        self.description = description
        self.read = read
        self.write = write
    }

    /// A field that may be left out. `null` is the same as leaving it out.
    init<Value>(
        _ name: String,
        _ path: any WritableKeyPath<Owner, Value?> & Sendable,
        _ format: Format<Value>,
        absence: String = "",
        oldNames: [String] = [],
        _ documentation: String
    ) {
        self.init(
            description: FieldDescription(
                name: name,
                oldNames: oldNames,
                shape: format.shape,
                isRequired: false,
                absence: absence,
                documentation: documentation,
                effect: .used
            ),
            read: { node, owner, reading in
                guard !node.isNull else { return }
                if let value = format.read(node, &reading) { owner[keyPath: path] = value }
            },
            write: { owner in owner[keyPath: path].flatMap(format.write) }
        )
    }

    /// A field that has a value in any case, the one of `Owner()` if it is left out and not required.
    init<Value>(
        _ name: String,
        always path: any WritableKeyPath<Owner, Value> & Sendable,
        _ format: Format<Value>,
        isRequired: Bool = false,
        absence: String = "",
        _ documentation: String
    ) {
        self.init(
            description: FieldDescription(
                name: name,
                oldNames: [],
                shape: format.shape,
                isRequired: isRequired,
                absence: absence,
                documentation: documentation,
                effect: .used
            ),
            read: { node, owner, reading in
                if let value = format.read(node, &reading) { owner[keyPath: path] = value }
            },
            write: { owner in format.write(owner[keyPath: path]) }
        )
    }

    /// The same field, but written only by owners that `condition` holds for.
    func written(if condition: @escaping @Sendable (Owner) -> Bool) -> Field {
        let write = write
        return Field(description: description, read: read) { condition($0) ? write($0) : nil }
    }

    /// A field of Ray Serve that means nothing here. Its value is kept, so that it can be written again.
    static func unused(_ name: String, _ reason: String) -> Field { unused(name, .any, reason) }

    static func unused(_ name: String, _ shape: Shape, _ reason: String) -> Field {
        Field(
            description: FieldDescription(
                name: name,
                oldNames: [],
                shape: shape,
                isRequired: false,
                absence: "",
                documentation: "",
                effect: .none(reason)
            ),
            read: { node, owner, reading in
                guard !node.isNull else { return }
                owner.unused[name] = reading.json(node)
                reading.warn(node, "'\(name)' has no effect: \(reason)")
            },
            write: { owner in owner.unused[name].map { .value($0) } }
        )
    }

    /// A field of Ray Serve that cannot be left out without harm.
    static func refused(_ name: String, _ reason: String) -> Field {
        Field(
            description: FieldDescription(
                name: name,
                oldNames: [],
                shape: .null,
                isRequired: false,
                absence: "",
                documentation: "",
                effect: .refused(reason)
            ),
            read: { node, _, reading in
                if !node.isNull { reading.report(.unsupported, node, "'\(name)' is not supported: \(reason)") }
            },
            write: { _ in nil }
        )
    }
}

/// A mapping of a configuration file, as a value with a table of its fields.
protocol ConfigObject: Hashable, Sendable {
    /// What a mapping without fields means.
    init()
    static var fields: [Field<Self>] { get }
    /// The fields that have no effect, by name.
    var unused: [String: JSONValue] { get set }
    /// Looks at the fields together, once all are read, and notes the place.
    mutating func finish(_ node: ConfigNode, _ reading: inout Reading)
    /// What the written form says in comments.
    var comments: [String] { get }
}

extension ConfigObject {
    mutating func finish(_ node: ConfigNode, _ reading: inout Reading) {}
    var comments: [String] { [] }

    static var shape: Shape { .object(fields.map(\.description)) }

    var tree: ConfigTree {
        let entries = Self.fields.compactMap { field in
            field.write(self).map { ConfigTree.Entry(name: field.description.name, tree: $0) }
        }
        return .fields(entries, comments: comments)
    }

    /// Reads a mapping, reporting whatever is wrong in it; `nil` if it is no mapping.
    static func read(_ node: ConfigNode, _ reading: inout Reading) -> Self? {
        guard case .fields(let entries) = node.content else {
            // 'http_options:' with nothing behind it is a mapping without fields.
            if node.isNull {
                return read(ConfigNode(content: .fields([]), line: node.line, column: node.column), &reading)
            }
            reading.reportType(node, shape)
            return nil
        }
        var object = Self()
        var seen: [String: String] = [:]
        for (key, value) in entries {
            reading.within(key.name) { reading in
                let name = key.name
                let field = fields.first { $0.description.name == name || $0.description.oldNames.contains(name) }
                guard let field else { return reading.reportUnknown(key, of: shape) }
                let current = field.description.name
                if let other = seen.updateValue(name, forKey: current) {
                    return reading.report(.conflict, key, "'\(name)' and '\(other)' are the same; keep one")
                }
                if name != current { reading.warn(key, "'\(name)' is an old name; write '\(current)'") }
                reading.note(value)
                field.read(value, &object, &reading)
            }
        }
        for field in fields where field.description.isRequired && seen[field.description.name] == nil {
            let name = field.description.name
            reading.report(
                .missingField,
                node,
                "'\(name)' is missing; it must be \(field.description.shape.expectation)"
            )
        }
        object.finish(node, &reading)
        return object
    }
}
