/// The shape of a JSON value, in the words of JSON Schema: what an input must look like.
public indirect enum JSONSchema: Hashable, Codable, Sendable {
    case any
    case boolean
    case integer
    case number
    case string
    /// A string that is one of these.
    case choice([String])
    case array(JSONSchema)
    /// Properties by name; `required` lists those that must be present.
    case object([String: JSONSchema], required: [String])
    /// An object with arbitrary keys.
    case map(JSONSchema)
    /// Content that is not JSON, but of one of these media types.
    case media([String])

    /// The schema as JSON, with sorted keys.
    public var json: String {
        switch self {
        case .any: "{}"
        case .boolean: #"{"type":"boolean"}"#
        case .integer: #"{"type":"integer"}"#
        case .number: #"{"type":"number"}"#
        case .string: #"{"type":"string"}"#
        case .choice(let cases): #"{"enum":[\#(cases.map(Self.quoted).joined(separator: ","))],"type":"string"}"#
        case .array(let element): #"{"items":\#(element.json),"type":"array"}"#
        case .map(let value): #"{"additionalProperties":\#(value.json),"type":"object"}"#
        case .object(let properties, let required):
            #"{"properties":{\#(properties.sorted { $0.key < $1.key }.map { "\(Self.quoted($0.key)):\($0.value.json)" }.joined(separator: ","))},"#
                + #""required":[\#(required.sorted().map(Self.quoted).joined(separator: ","))],"type":"object"}"#
        case .media(let types): #"{"contentMediaType":[\#(types.map(Self.quoted).joined(separator: ","))]}"#
        }
    }

    /// A text as a JSON string.
    package static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\u{0}"..<"\u{20}":
                let digits = String(scalar.value, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}

/// A type that provides its own schema, because it is not read or written as the JSON of its `Codable` conformance.
public protocol JSONSchemaProviding {
    static var jsonSchema: JSONSchema { get }
}

extension String: JSONSchemaProviding {
    public static var jsonSchema: JSONSchema { .string }
}
extension RawRequest: JSONSchemaProviding {
    public static var jsonSchema: JSONSchema { .media(["*/*"]) }
}
extension RawResponse: JSONSchemaProviding {
    public static var jsonSchema: JSONSchema { .media(["*/*"]) }
}
extension UploadedFile: JSONSchemaProviding {
    public static var jsonSchema: JSONSchema { .media(["multipart/form-data", "application/octet-stream"]) }
}
