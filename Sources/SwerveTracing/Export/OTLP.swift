internal import SwerveCore
internal import Tracing

/// Spans as OTLP: the messages of opentelemetry-proto, `collector/trace/v1` and what they contain, version 1.
package enum OTLP {
    /// An `ExportTraceServiceRequest`.
    ///
    /// - Parameter resource: what the spans of this process have in common.
    package static func request(_ spans: [SpanRecord], of resource: [SpanRecord.Attribute]) -> [UInt8] {
        var request = ProtobufWriter()
        request.message(1) { resourceSpans in
            resourceSpans.message(1) { write(resource, as: 1, to: &$0) }
            resourceSpans.message(2) { scopeSpans in
                scopeSpans.message(1) { $0.text(1, "swerve") }
                for span in spans { scopeSpans.message(2) { write(span, to: &$0) } }
            }
        }
        return request.bytes
    }

    /// What an `ExportTraceServiceResponse` says of spans that were not taken.
    package static func rejected(in response: [UInt8]) -> (count: Int, reason: String) {
        var reader = ProtobufReader(response[...])
        var found = (count: 0, reason: "")
        while let (field, value) = reader.next() {
            guard field == 1, case .bytes(let partial) = value else { continue }
            var inner = ProtobufReader(partial)
            while let (field, value) = inner.next() {
                switch (field, value) {
                case (1, .number(let count)): found.count = max(0, Int(Int64(bitPattern: count)))
                case (2, .bytes(let text)): found.reason = String(decoding: text, as: UTF8.self).cut(to: 1024)
                default: break
                }
            }
        }
        return found
    }

    private static func write(_ span: SpanRecord, to writer: inout ProtobufWriter) {
        writer.bigEndian(1, span.trace.traceID.high, span.trace.traceID.low)
        writer.bigEndian(2, span.trace.spanID.value)
        writer.text(3, span.trace.state ?? "")
        if let parent = span.parent { writer.bigEndian(4, parent.value) }
        writer.text(5, span.name)
        writer.varint(6, number(of: span.kind))
        writer.fixed64(7, span.start)
        writer.fixed64(8, span.end)
        write(span.attributes, as: 9, to: &writer)
        writer.varint(10, UInt64(span.droppedAttributes))
        for event in span.events {
            writer.message(11) {
                $0.fixed64(1, event.time)
                $0.text(2, event.name)
                write(event.attributes, as: 3, to: &$0)
                $0.varint(4, UInt64(event.droppedAttributes))
            }
        }
        writer.varint(12, UInt64(span.droppedEvents))
        for link in span.links {
            writer.message(13) {
                $0.bigEndian(1, link.trace.traceID.high, link.trace.traceID.low)
                $0.bigEndian(2, link.trace.spanID.value)
                $0.text(3, link.trace.state ?? "")
                write(link.attributes, as: 4, to: &$0)
                $0.fixed32(6, UInt32(link.trace.flags))
            }
        }
        writer.varint(14, UInt64(span.droppedLinks))
        switch span.status {
        case .unset: break
        case .ok: writer.message(15) { $0.varint(3, 1) }
        case .error(let message):
            writer.message(15) {
                $0.text(2, message)
                $0.varint(3, 2)
            }
        }
        writer.fixed32(16, flags(of: span))
    }

    /// The flags of the trace, that it is known where the parent is, and whether that is in another process.
    private static func flags(of span: SpanRecord) -> UInt32 {
        UInt32(span.trace.flags) | 0x100 | (span.hasRemoteParent ? 0x200 : 0)
    }

    private static func number(of kind: SpanKind) -> UInt64 {
        switch kind {
        case .internal: 1
        case .server: 2
        case .client: 3
        case .producer: 4
        case .consumer: 5
        }
    }

    private static func write(
        _ attributes: [SpanRecord.Attribute],
        as field: Int,
        to writer: inout ProtobufWriter
    ) {
        for attribute in attributes {
            writer.message(field) {
                $0.text(1, attribute.name)
                $0.message(2) { write(attribute.value, to: &$0) }
            }
        }
    }

    private static func write(_ value: SpanRecord.Value, to writer: inout ProtobufWriter) {
        switch value {
        case .text(let text): writer.always(text: 1, text)
        case .flag(let flag): writer.always(varint: 2, flag ? 1 : 0)
        case .integer(let number): writer.always(varint: 3, UInt64(bitPattern: number))
        case .number(let number): writer.always(fixed64: 4, number.bitPattern)
        case .list(let values):
            writer.message(5) { list in
                for value in values { list.message(1) { write(value, to: &$0) } }
            }
        }
    }
}
