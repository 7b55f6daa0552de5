package import NIOCore

/// One event of a `text/event-stream` (WHATWG HTML, section 9.2).
public struct ServerSentEvent: Hashable, Codable, Sendable {
    /// The content. Each of its lines becomes a `data` line.
    public var data: String
    /// The type of the event; `message` for the receiver if it is `nil`. Line breaks are left out.
    public var event: String?
    /// What the receiver sends as `last-event-id` when it connects again. Line breaks are left out.
    public var id: String?
    /// How long the receiver waits before it connects again.
    public var retry: Duration?

    public init(data: String, event: String? = nil, id: String? = nil, retry: Duration? = nil) {
        self.data = data
        self.event = event
        self.id = id
        self.retry = retry
    }

    /// A comment without text, which receivers ignore.
    package static let emptyComment = ByteBuffer(string: ":\n\n")

    package func write(to buffer: inout ByteBuffer) {
        if let event { Self.writeField("event: ", event, to: &buffer) }
        if let id { Self.writeField("id: ", id, to: &buffer) }
        if let retry {
            let milliseconds = retry.components.seconds * 1000 + retry.components.attoseconds / 1_000_000_000_000_000
            buffer.writeString("retry: \(max(0, milliseconds))\n")
        }
        Self.write(data: data.utf8, to: &buffer)
    }

    private static func writeField(_ name: StaticString, _ value: String, to buffer: inout ByteBuffer) {
        buffer.writeStaticString(name)
        buffer.writeBytes(value.utf8.lazy.filter { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") && $0 != 0 })
        buffer.writeInteger(UInt8(ascii: "\n"))
    }

    /// Writes an event that has only content: a line for each of its lines, which end with LF, CR or CRLF.
    package static func write(data: some Collection<UInt8>, to buffer: inout ByteBuffer) {
        var rest = data[...]
        while let end = rest.firstIndex(where: { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }) {
            writeLine(rest[..<end], to: &buffer)
            var next = rest.index(after: end)
            if rest[end] == UInt8(ascii: "\r"), next < rest.endIndex, rest[next] == UInt8(ascii: "\n") {
                next = rest.index(after: next)
            }
            rest = rest[next...]
        }
        writeLine(rest, to: &buffer)
        buffer.writeInteger(UInt8(ascii: "\n"))
    }

    private static func writeLine(_ line: some Collection<UInt8>, to buffer: inout ByteBuffer) {
        buffer.writeStaticString("data: ")
        buffer.writeBytes(line)
        buffer.writeInteger(UInt8(ascii: "\n"))
    }
}
