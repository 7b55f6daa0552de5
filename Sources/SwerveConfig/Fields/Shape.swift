/// What the value of a field may be: for error messages, the JSON schema and the documentation.
indirect enum Shape: Sendable {
    case any
    case boolean
    case integer(ClosedRange<Int>)
    /// A number, from a bound or above it, to another.
    case number(from: Double, isIncluded: Bool = true, to: Double)
    case text
    /// A text of a certain form, with an example.
    case form(String, example: String)
    case choice([String])
    case list(Shape)
    case map(Shape)
    case object([FieldDescription])
    case either([Shape])
    case null

    /// What is accepted, as in "it must be ...".
    var expectation: String {
        switch self {
        case .any: "any value"
        case .boolean: "true or false"
        case .integer(let range) where range.upperBound == .max: "a whole number, at least \(range.lowerBound)"
        case .integer(let range): "a whole number from \(range.lowerBound) to \(range.upperBound)"
        case .number(let from, let isIncluded, let to):
            isIncluded
                ? "a number from \(from.short) to \(to.short)"
                : "a number of more than \(from.short), up to \(to.short)"
        case .text: "a text"
        case .form(let description, let example): "\(description), such as \(example)"
        case .choice(let names): names.map { "'\($0)'" }.joined(separator: names.count == 2 ? " or " : ", ")
        case .list(let element): "a list" + (element.isAny ? "" : " of which each element is \(element.expectation)")
        case .map(let value):
            "a mapping" + (value.isAny ? "" : " of names to values, each of them \(value.expectation)")
        case .object: "a mapping"
        case .either(let shapes): shapes.map(\.expectation).joined(separator: " or ")
        case .null: "null"
        }
    }

    /// The type in one or two words, for the table of fields.
    var label: String {
        switch self {
        case .any: "any"
        case .boolean: "boolean"
        case .integer(let range) where range.upperBound == .max: "integer, at least \(range.lowerBound)"
        case .integer(let range): "integer, \(range.lowerBound) to \(range.upperBound)"
        case .number(let from, let isIncluded, let to):
            "number, \(isIncluded ? "" : "above ")\(from.short) to \(to.short)"
        case .text: "text"
        case .form(let description, _): description.replacingPrefix("a ", with: "")
        case .choice(let names): names.map { "`\($0)`" }.joined(separator: ", ")
        case .list(let element): element.isAny ? "list" : "list of \(element.label)"
        case .map(let value): value.isAny ? "mapping" : "mapping to \(value.label)"
        case .object: "mapping"
        case .either(let shapes): shapes.map(\.label).joined(separator: ", or ")
        case .null: "null"
        }
    }

    private var isAny: Bool {
        switch self {
        case .any, .object: true
        default: false
        }
    }

    /// The fields of an object, or of the objects of a list.
    var fields: [FieldDescription]? {
        switch self {
        case .object(let fields): fields
        case .list(let element), .map(let element): element.fields
        case .either(let shapes): shapes.lazy.compactMap(\.fields).first
        default: nil
        }
    }
}

extension Double {
    /// Without a fraction where there is none.
    var short: String { Int(exactly: self).map { "\($0)" } ?? "\(self)" }
}

extension String {
    func replacingPrefix(_ prefix: String, with replacement: String) -> String {
        hasPrefix(prefix) ? replacement + dropFirst(prefix.count) : self
    }
}

/// What there is to say about a field, whatever its type.
struct FieldDescription: Sendable {
    var name: String
    /// Names that other versions of Ray Serve have for it. They work, with a warning.
    var oldNames: [String]
    var shape: Shape
    var isRequired: Bool
    /// What holds when the field is left out; empty where that needs no words.
    var absence: String
    /// A sentence or two, in Markdown.
    var documentation: String
    var effect: Effect

    enum Effect: Sendable {
        case used
        /// Ray Serve's, and accepted with a warning that gives this reason.
        case none(String)
        /// Ray Serve's, and refused for this reason.
        case refused(String)
    }
}
