package import SwerveCore
package import Tracing

/// A span that is over, ready for export.
package struct SpanRecord: Sendable {
    package struct Attribute: Hashable, Sendable {
        package var name: String
        package var value: Value

        package init(_ name: String, _ value: Value) {
            self.name = name
            self.value = value
        }
    }

    package indirect enum Value: Hashable, Sendable {
        case text(String)
        case integer(Int64)
        case number(Double)
        case flag(Bool)
        case list([Value])
    }

    package struct Event: Hashable, Sendable {
        package var name: String
        /// In nanoseconds since 1970.
        package var time: UInt64
        package var attributes: [Attribute]
        package var droppedAttributes: Int

        package init(name: String, time: UInt64, attributes: [Attribute], droppedAttributes: Int = 0) {
            self.name = name
            self.time = time
            self.attributes = attributes
            self.droppedAttributes = droppedAttributes
        }
    }

    /// A span that this one has to do with, besides its parent.
    package struct Link: Hashable, Sendable {
        package var trace: TraceContext
        package var attributes: [Attribute]

        package init(_ trace: TraceContext, attributes: [Attribute] = []) {
            self.trace = trace
            self.attributes = attributes
        }
    }

    package enum Status: Hashable, Sendable {
        case unset
        case ok
        case error(String)
    }

    /// The trace and the span itself.
    package var trace: TraceContext
    /// `nil` for the root of a trace.
    package var parent: SpanID?
    /// Whether the parent is in another process.
    package var hasRemoteParent: Bool
    package var name: String
    package var kind: SpanKind
    /// In nanoseconds since 1970.
    package var start: UInt64
    package var end: UInt64
    package var attributes: [Attribute] = []
    package var events: [Event] = []
    package var links: [Link] = []
    package var status = Status.unset
    package var droppedAttributes = 0
    package var droppedEvents = 0
    package var droppedLinks = 0

    /// A root that ends when it begins.
    package init(_ trace: TraceContext, name: String, kind: SpanKind, start: UInt64) {
        self.trace = trace
        self.hasRemoteParent = false
        self.name = name
        self.kind = kind
        self.start = start
        self.end = start
    }
}

extension SpanRecord.Value {
    /// - Parameter longest: the longest text in bytes.
    init?(_ value: SpanAttribute, longest: Int) {
        switch value {
        case .int32(let value): self = .integer(Int64(value))
        case .int64(let value): self = .integer(value)
        case .double(let value): self = .number(value)
        case .bool(let value): self = .flag(value)
        case .string(let value): self = .text(value.cut(to: longest))
        case .stringConvertible(let value): self = .text("\(value)".cut(to: longest))
        case .int32Array(let values): self = .list(values.map { .integer(Int64($0)) })
        case .int64Array(let values): self = .list(values.map { .integer($0) })
        case .doubleArray(let values): self = .list(values.map { .number($0) })
        case .boolArray(let values): self = .list(values.map { .flag($0) })
        case .stringArray(let values): self = .list(values.map { .text($0.cut(to: longest)) })
        case .stringConvertibleArray(let values):
            // A list of Int comes like this.
            self = .list(
                values.map { value in
                    if let number = value as? Int { return .integer(Int64(number)) }
                    return .text("\(value)".cut(to: longest))
                }
            )
        default: return nil
        }
    }
}

extension String {
    /// The text, or as many of its whole characters as fit.
    func cut(to bytes: Int) -> String {
        guard utf8.count > bytes else { return self }
        var end = utf8.index(startIndex, offsetBy: bytes)
        // Back to where a scalar begins.
        while utf8[end] & 0xC0 == 0x80 { end = utf8.index(before: end) }
        return String(self[..<end])
    }
}
