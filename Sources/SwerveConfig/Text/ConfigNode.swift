internal import SwerveCore

/// A value of a configuration file and where it stands.
struct ConfigNode: Sendable {
    struct Key: Sendable {
        var name: String
        var line: Int
        var column: Int
    }

    indirect enum Content: Sendable {
        case null
        case bool(Bool)
        case integer(Int)
        case number(Double)
        case text(String)
        case list([ConfigNode])
        case fields([(key: Key, value: ConfigNode)])
    }

    var content: Content
    var line: Int
    var column: Int

    var isNull: Bool { if case .null = content { true } else { false } }

    /// The value without its places. Numbers that JSON cannot write become `null`; ``Reading/json(_:)`` reports them.
    var value: JSONValue {
        switch content {
        case .null: .null
        case .bool(let value): .bool(value)
        case .integer(let value): .integer(value)
        case .number(let value): value.isFinite ? .number(value) : .null
        case .text(let value): .string(value)
        case .list(let elements): .array(elements.map(\.value))
        case .fields(let fields): .object(Dictionary(fields.map { ($0.key.name, $0.value.value) }) { $1 })
        }
    }

    /// What it is, for an error message: "the text 'two'".
    var said: String {
        switch content {
        case .null: "empty"
        case .bool(let value): "\(value)"
        case .integer(let value): "\(value)"
        case .number(let value): "\(value)"
        case .text(let value): "the text '\(value.count > 60 ? value.prefix(57) + "..." : value)'"
        case .list: "a list"
        case .fields: "a mapping"
        }
    }

    /// - Throws: ``ConfigError`` with one problem, of kind `syntax` or `limit`.
    static func parse(
        _ text: String,
        file: String,
        format: ConfigFormat,
        limits: ConfigLimits
    ) throws(ConfigError) -> ConfigNode {
        do throws(TextProblem) {
            guard text.utf8.count <= limits.maxBytes else {
                throw TextProblem(.limit, 1, 1, "the text has more than \(limits.maxBytes) bytes")
            }
            if format == .json {
                var reader = JSONReader(text, limits)
                return try reader.document()
            }
            return try YAMLReader.read(text, limits)
        } catch {
            let place = ConfigPlace(file: file, line: error.line, column: error.column)
            throw ConfigError([ConfigProblem(error.kind, at: place, error.message)])
        }
    }
}

/// Why a text cannot be read at all.
struct TextProblem: Error {
    var kind: ConfigProblem.Kind
    var line: Int
    var column: Int
    var message: String

    init(_ kind: ConfigProblem.Kind, _ line: Int, _ column: Int, _ message: String) {
        self.kind = kind
        self.line = line
        self.column = column
        self.message = message
    }
}
