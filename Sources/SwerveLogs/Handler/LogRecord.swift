internal import Logging
internal import SwerveCore

/// A message of a logger, to be written as one line: what is in it cannot begin another line.
struct LogRecord: Sendable {
    var time: Int64
    var level: String
    var label: String
    var message: String
    var metadata: Logger.Metadata

    /// - Parameter handler: the logger's, which has metadata of its own. What the message has wins over that of the request,
    ///   and that over the handler's.
    init(_ event: LogEvent, of handler: some LogHandler, label: String, time: Int64) {
        self.time = time
        self.level = event.level.rawValue
        self.label = label
        self.message = event.message.description
        metadata = handler.metadata
        if let provided = handler.metadataProvider?.get() { metadata.merge(provided) { $1 } }
        if let explicit = event.metadata { metadata.merge(explicit) { $1 } }
        if let error = event.error { metadata["error"] = "\(error)" }
    }

    /// What a JSON line has beside its message; the other metadata is in `metadata`.
    private static let common: Set = ["request_id", "application", "deployment", "replica"]

    /// With its end.
    func line(_ format: LogOptions.Format) -> String { (format == .json ? json : text) + "\n" }

    private var text: String {
        var line = "\(ISOTime.text(nanoseconds: time)) \(level) \(label): \(Self.escaped(message))"
        for (name, value) in metadata.sorted(by: { $0.key < $1.key }) {
            line += " \(Self.escaped(name))=\(Self.word(value.description))"
        }
        return line
    }

    private var json: String {
        // In this order, so that people find what they look for.
        var members = [
            ("time", ISOTime.text(nanoseconds: time)), ("level", level), ("logger", label), ("message", message),
        ]
        var others: [String: JSONValue] = [:]
        for (name, value) in metadata.sorted(by: { $0.key < $1.key }) {
            if Self.common.contains(name) {
                members.append((name, value.description))
            } else {
                others[name] = value.json
            }
        }
        var fields = members.map { "\(JSONText.quoted($0.0)):\(JSONText.quoted($0.1))" }
        if !others.isEmpty { fields.append("\"metadata\":\(JSONValue.object(others).json)") }
        return "{" + fields.joined(separator: ",") + "}"
    }

    /// Without characters that end a line or change a terminal.
    private static func escaped(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: isControl) else { return text }
        return text.unicodeScalars.map { isControl($0) ? $0.escaped(asASCII: true) : String($0) }.joined()
    }

    /// In quotes if it would not be read as one word.
    private static func word(_ text: String) -> String {
        let isWord =
            !text.isEmpty && !text.unicodeScalars.contains { $0 == " " || $0 == "\"" || $0 == "=" || isControl($0) }
        return isWord ? text : JSONText.quoted(text)
    }

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<0x20, 0x7F..<0xA0, 0x2028...0x2029: true
        default: false
        }
    }
}

extension Logger.MetadataValue {
    fileprivate var json: JSONValue {
        switch self {
        case .string(let text): .string(text)
        case .stringConvertible(let value): .string(value.description)
        case .array(let values): .array(values.map(\.json))
        case .dictionary(let values): .object(values.mapValues(\.json))
        }
    }
}
