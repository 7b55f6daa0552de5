internal import NIOCore
internal import SwerveCore

// How a request's attributes travel: the priority with four flags, then the texts, each behind its length, and the place in
// a trace.

private let sessionFlag: UInt8 = 0x10
private let modelFlag: UInt8 = 0x20
private let traceFlag: UInt8 = 0x40
private let traceStateFlag: UInt8 = 0x80

extension ByteBuffer {
    mutating func writeAttributes(_ attributes: RequestAttributes) {
        let trace = attributes.trace
        let flags =
            (attributes.sessionKey == nil ? 0 : sessionFlag) | (attributes.modelID == nil ? 0 : modelFlag)
            | (trace == nil ? 0 : traceFlag) | (trace?.state == nil ? 0 : traceStateFlag)
        writeInteger(attributes.priority.level | flags)
        if let key = attributes.sessionKey { writeShort(key) }
        if let id = attributes.modelID { writeShort(id) }
        guard let trace else { return }
        writeIDs(of: trace)
        if let state = trace.state { writeShort(state) }
    }

    /// - Parameter isPresent: whether the frame has attributes.
    /// - Returns: `nil` if the bytes do not suffice, `.some(nil)` if there are no attributes.
    mutating func readAttributes(ifPresent isPresent: Bool) -> RequestAttributes?? {
        guard isPresent else { return .some(nil) }
        guard let flags = readInteger(as: UInt8.self) else { return nil }
        var attributes = RequestAttributes(priority: RequestPriority(level: flags & 0x0F))
        if flags & sessionFlag != 0 {
            guard let key = readShort() else { return nil }
            attributes.sessionKey = key
        }
        if flags & modelFlag != 0 {
            guard let id = readShort() else { return nil }
            attributes.modelID = id
        }
        if flags & traceFlag != 0 {
            guard let trace = readTrace(hasState: flags & traceStateFlag != 0) else { return nil }
            attributes.trace = trace
        }
        return attributes
    }

    /// Writes a place in a trace on its own.
    mutating func writeTrace(_ trace: TraceContext) {
        writeInteger(trace.state == nil ? 0 : traceStateFlag)
        writeIDs(of: trace)
        if let state = trace.state { writeShort(state) }
    }

    /// Reads what ``writeTrace(_:)`` wrote.
    mutating func readTrace() -> TraceContext? {
        guard let flags = readInteger(as: UInt8.self) else { return nil }
        return readTrace(hasState: flags & traceStateFlag != 0)
    }

    /// 25 bytes.
    private mutating func writeIDs(of trace: TraceContext) {
        writeMultipleIntegers(trace.traceID.high, trace.traceID.low, trace.spanID.value, trace.flags)
    }

    private mutating func readTrace(hasState: Bool) -> TraceContext? {
        guard let (high, low, span, flags) = readMultipleIntegers(as: (UInt64, UInt64, UInt64, UInt8).self),
            let traceID = TraceID(high: high, low: low), let spanID = SpanID(span)
        else { return nil }
        guard hasState else { return TraceContext(traceID, spanID, flags: flags) }
        guard let text = readShort(), let state = TraceState.normalized([text]) else { return nil }
        return TraceContext(traceID, spanID, flags: flags, state: state)
    }

    private mutating func writeShort(_ text: String) {
        let bytes = text.utf8.prefix(Int(UInt16.max))
        writeInteger(UInt16(bytes.count), endianness: .little)
        writeBytes(bytes)
    }

    private mutating func readShort() -> String? {
        readInteger(endianness: .little, as: UInt16.self).flatMap { readString(length: Int($0)) }
    }
}
