internal import SwerveCore

extension ServeConfig {
    /// The JSON schema (draft 7) of a configuration file, for editors: completion, documentation and errors.
    ///
    /// A YAML file names its schema in a first line such as `# yaml-language-server: $schema=serve-config.schema.json`.
    public static var jsonSchema: String {
        var schema = ServeConfig.shape.schema
        schema["$schema"] = "http://json-schema.org/draft-07/schema#"
        schema["title"] = "Swerve configuration"
        return JSONValue.object(schema).prettyJSON
    }
}

extension Shape {
    fileprivate var schema: [String: JSONValue] {
        switch self {
        case .any: [:]
        case .boolean: ["type": "boolean"]
        case .integer(let range):
            // An editor would show the largest integer as a limit, which it is not.
            range.upperBound == .max
                ? ["type": "integer", "minimum": .integer(range.lowerBound)]
                : ["type": "integer", "minimum": .integer(range.lowerBound), "maximum": .integer(range.upperBound)]
        case .number(let from, let isIncluded, let to):
            ["type": "number", isIncluded ? "minimum" : "exclusiveMinimum": from.schema, "maximum": to.schema]
        case .text: ["type": "string"]
        case .form(let description, let example):
            ["type": "string", "description": .string(description), "examples": [.string(example)]]
        case .choice(let names): ["type": "string", "enum": .array(names.map { .string($0) })]
        case .list(let element): ["type": "array", "items": .object(element.schema)]
        case .map(let value): ["type": "object", "additionalProperties": .object(value.schema)]
        case .object(let fields): Self.schema(fields)
        case .either(let shapes): ["anyOf": .array(shapes.map { .object($0.schema) })]
        case .null: ["type": "null"]
        }
    }

    private static func schema(_ fields: [FieldDescription]) -> [String: JSONValue] {
        var properties: [String: JSONValue] = [:]
        for field in fields {
            var schema = field.schema
            properties[field.name] = .object(schema)
            for old in field.oldNames {
                schema["deprecationMessage"] = .string("an old name of \(field.name)")
                properties[old] = .object(schema)
            }
        }
        var schema: [String: JSONValue] = [
            "type": "object", "properties": .object(properties), "additionalProperties": false,
        ]
        let required = fields.filter(\.isRequired).map(\.name)
        if !required.isEmpty { schema["required"] = .array(required.map { .string($0) }) }
        return schema
    }
}

extension FieldDescription {
    fileprivate var schema: [String: JSONValue] {
        var schema = shape.schema
        switch effect {
        case .used:
            let absent = absence.isEmpty ? "" : " If left out: \(absence)."
            schema["description"] = .string((documentation + absent).filter { $0 != "`" })
            // As everywhere in the file, nothing is the same as leaving the field out.
            if !isRequired { return Self.orNull(schema) }
        case .none(let reason):
            schema["description"] = .string("No effect: \(reason).")
            schema["deprecationMessage"] = .string("no effect: \(reason)")
            return Self.orNull(schema)
        case .refused(let reason): schema["description"] = .string("Not supported: \(reason).")
        }
        return schema
    }

    private static func orNull(_ schema: [String: JSONValue]) -> [String: JSONValue] {
        var schema = schema
        if case .string(let type)? = schema["type"] {
            schema["type"] = [.string(type), "null"]
            if case .array(let names)? = schema["enum"] { schema["enum"] = .array(names + [.null]) }
        } else if case .array(let shapes)? = schema["anyOf"], !shapes.contains(["type": "null"]) {
            schema["anyOf"] = .array(shapes + [["type": "null"]])
        }
        return schema
    }
}

extension Double {
    fileprivate var schema: JSONValue { Int(exactly: self).map { .integer($0) } ?? .number(self) }
}
