/// A JSON value, such as what `args` and `user_config` of a configuration file hold, whose types only the program knows.
public indirect enum JSONValue: Hashable, Sendable {
    case null
    case bool(Bool)
    case integer(Int)
    /// A finite number that is written with a fraction or an exponent, or is too large for an `Int`.
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])

    /// The member of an object; `nil` if there is none, or if it is no object.
    public subscript(_ name: String) -> JSONValue? {
        if case .object(let members) = self { members[name] } else { nil }
    }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
    ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral, ExpressibleByNilLiteral
{
    public init(stringLiteral value: String) { self = .string(value) }
    public init(integerLiteral value: Int) { self = .integer(value) }
    public init(floatLiteral value: Double) { self = .number(value) }
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    public init(dictionaryLiteral elements: (String, JSONValue)...) {
        self = .object(Dictionary(elements) { $1 })
    }
    public init(nilLiteral: ()) { self = .null }
}

extension JSONValue {
    /// The value as JSON text on one line. Members are sorted by name, so that equal values have equal texts.
    public var json: String { text(indentation: nil) }

    /// The value as JSON text on several lines, with sorted members.
    public var prettyJSON: String { text(indentation: "") + "\n" }

    private func text(indentation: String?) -> String {
        let inner = indentation.map { $0 + "  " }
        func list(_ open: String, _ close: String, _ items: [String]) -> String {
            guard let indentation, let inner, !items.isEmpty else {
                return open + items.joined(separator: ",") + close
            }
            return "\(open)\n\(inner)" + items.joined(separator: ",\n\(inner)") + "\n\(indentation)\(close)"
        }
        switch self {
        case .null: return "null"
        case .bool(let value): return value ? "true" : "false"
        case .integer(let value): return "\(value)"
        case .number(let value): return "\(value)"
        case .string(let value): return JSONText.quoted(value)
        case .array(let elements): return list("[", "]", elements.map { $0.text(indentation: inner) })
        case .object(let members):
            let colon = indentation == nil ? ":" : ": "
            let items = members.sorted { $0.key < $1.key }.map { name, value in
                JSONText.quoted(name) + colon + value.text(indentation: inner)
            }
            return list("{", "}", items)
        }
    }
}

package enum JSONText {
    /// A text as a JSON string, which is also a double-quoted YAML scalar.
    package static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\n": quoted += "\\n"
            case "\t": quoted += "\\t"
            // What YAML does not count as printable is escaped as well.
            case "\u{0}"..<"\u{20}", "\u{7F}"..<"\u{A0}", "\u{2028}"..."\u{2029}", "\u{FEFF}", "\u{FFFE}"..."\u{FFFF}":
                let digits = String(scalar.value, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}
