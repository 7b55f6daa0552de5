/// Where a request is in a distributed trace: the trace, the span that a callee's spans belong below, and whether the
/// trace is recorded.
///
/// It travels in the headers `traceparent` and `tracestate` of W3C Trace Context. The value is one pointer, because few
/// requests have one.
package struct TraceContext: Hashable, Sendable, CustomStringConvertible {
    private final class Storage: Sendable {
        let traceID: TraceID
        let spanID: SpanID
        let flags: UInt8
        let state: String?

        init(_ traceID: TraceID, _ spanID: SpanID, _ flags: UInt8, _ state: String?) {
            self.traceID = traceID
            self.spanID = spanID
            self.flags = flags
            self.state = state
        }
    }
    private let storage: Storage

    /// The trace is recorded.
    package static let sampledFlag: UInt8 = 1
    /// The trace's ID is random, as the second version of the standard says it.
    package static let randomFlag: UInt8 = 2

    /// - Parameter state: must be normal, as ``TraceState`` makes it.
    package init(_ traceID: TraceID, _ spanID: SpanID, flags: UInt8, state: String? = nil) {
        storage = Storage(traceID, spanID, flags & (Self.sampledFlag | Self.randomFlag), state)
    }

    package var traceID: TraceID { storage.traceID }
    package var spanID: SpanID { storage.spanID }
    package var flags: UInt8 { storage.flags }
    /// What the tracing systems on the way noted, in the form of the header `tracestate`.
    package var state: String? { storage.state }
    package var isSampled: Bool { flags & Self.sampledFlag != 0 }

    /// The same trace below another span.
    package func below(_ span: SpanID) -> TraceContext { TraceContext(traceID, span, flags: flags, state: state) }

    package static func == (left: TraceContext, right: TraceContext) -> Bool {
        left.storage === right.storage
            || (left.traceID == right.traceID && left.spanID == right.spanID && left.flags == right.flags
                && left.state == right.state)
    }
    package func hash(into hasher: inout Hasher) {
        hasher.combine(traceID)
        hasher.combine(spanID)
    }
    package var description: String { traceparent }
}

/// The ID of a trace: 16 bytes that are not all zero.
package struct TraceID: Hashable, Sendable, CustomStringConvertible {
    package let high: UInt64
    package let low: UInt64

    package init?(high: UInt64, low: UInt64) {
        if high == 0, low == 0 { return nil }
        (self.high, self.low) = (high, low)
    }

    package var description: String { Hexadecimal.text(of: high) + Hexadecimal.text(of: low) }
}

/// The ID of a span: 8 bytes that are not all zero.
package struct SpanID: Hashable, Sendable, CustomStringConvertible {
    package let value: UInt64

    package init?(_ value: UInt64) {
        if value == 0 { return nil }
        self.value = value
    }

    package var description: String { Hexadecimal.text(of: value) }
}

// The headers.
extension TraceContext {
    package static let parentHeader = "traceparent"
    package static let stateHeader = "tracestate"

    /// The value of the header `traceparent`, of version 00.
    package var traceparent: String {
        "00-\(traceID)-\(spanID)-0\(Hexadecimal.digits[Int(flags)])"
    }

    /// Reads the headers of a request.
    ///
    /// - Parameters:
    ///   - parents: the values of all lines with the header `traceparent`; several, or one that is malformed, count as
    ///     none. A version that is not known yet is read as far as version 00 goes.
    ///   - states: the values of all lines with the header `tracestate`, in order; without effect if malformed.
    package init?(parents: [String], states: [String]) {
        guard parents.count == 1, let (traceID, spanID, flags) = Self.parse(parents[0]) else { return nil }
        self.init(traceID, spanID, flags: flags, state: TraceState.normalized(states))
    }

    private static let length = 55

    private static func parse(_ text: String) -> (TraceID, SpanID, UInt8)? {
        let bytes = Array(text.utf8)
        guard bytes.count >= length else { return nil }
        let dash = UInt8(ascii: "-")
        guard bytes[2] == dash, bytes[35] == dash, bytes[52] == dash,
            let version = Hexadecimal.value(bytes[0..<2]), version != 0xFF,
            // Later versions may append more, behind another dash.
            bytes.count == length || (version != 0 && bytes[length] == dash),
            let high = Hexadecimal.value(bytes[3..<19]), let low = Hexadecimal.value(bytes[19..<35]),
            let span = Hexadecimal.value(bytes[36..<52]), let flags = Hexadecimal.value(bytes[53..<55]),
            let traceID = TraceID(high: high, low: low), let spanID = SpanID(span)
        else { return nil }
        return (traceID, spanID, UInt8(flags))
    }
}

/// Hexadecimal numbers in lower case, the only ones that the standard allows.
enum Hexadecimal {
    static let digits = Array("0123456789abcdef")

    static func text(of value: UInt64) -> String {
        String(unsafeUninitializedCapacity: 16) { buffer in
            for index in 0..<16 {
                let digit = UInt8(truncatingIfNeeded: value >> UInt64(60 - 4 * index)) & 0xF
                buffer[index] = digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
            }
            return 16
        }
    }

    /// - Returns: `nil` for any other character.
    static func value(_ bytes: ArraySlice<UInt8>) -> UInt64? {
        var value: UInt64 = 0
        for byte in bytes {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value << 4 | UInt64(byte - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"): value = value << 4 | UInt64(byte - UInt8(ascii: "a") + 10)
            default: return nil
            }
        }
        return value
    }
}
