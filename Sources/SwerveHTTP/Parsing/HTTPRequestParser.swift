package import NIOCore
package import SwerveHTTPTypes

/// How the end of a request's content is found.
package enum HTTPBodyFraming: Hashable, Sendable {
    case none
    case length(Int)
    case chunked
}

/// A request head and what the connection needs to know about it.
package struct HTTPParsedHead: Sendable {
    package var head: HTTPRequestHead
    package var framing: HTTPBodyFraming
    package var isKeepAlive: Bool
    package var expectsContinue: Bool
    /// Whether the method is `HEAD`, so that the response has no content.
    package var isHead: Bool
    /// Where the client's request id is in the head's bytes, if it sent a usable one (visible ASCII, 1 to 128 bytes).
    package var requestID: Range<Int>?
    /// How long the client allows for the request, from its header `x-request-timeout-seconds`.
    package var timeout: Duration?
}

/// A strict, incremental parser for the heads of HTTP/1.x requests (RFC 9112).
///
/// Each time more bytes have arrived, give it the bytes from the beginning of the head again; it continues where it
/// stopped. Where the standard lets a server choose between repairing and refusing a request, it refuses: a front
/// server that repairs differently would let a client smuggle a request past it. A refusal is final.
package struct HTTPRequestParser: Sendable {
    private var draft = HTTPHeadDraft()
    private let limits: HTTPLimits

    package init(limits: HTTPLimits = HTTPLimits()) {
        self.limits = limits
    }

    /// Whether part of a head, but not all of it, has arrived.
    package var hasPartialHead: Bool { draft.scanned > 0 }

    /// Takes the next head off the front of `buffer`.
    ///
    /// - Returns: `nil` if the head is incomplete; its bytes stay in `buffer`.
    package mutating func parseHead(_ buffer: inout ByteBuffer) throws(HTTPParseError) -> HTTPParsedHead? {
        if draft.scanned == 0 { try skipEmptyLines(&buffer) }
        let limits = limits
        switch buffer.withUnsafeReadableBytes({ draft.advance($0, limits: limits) }) {
        case .incomplete:
            return nil
        case .failed(let error):
            throw error
        case .complete(let length):
            defer { draft = HTTPHeadDraft() }
            return try finish(length: length, buffer: &buffer)
        }
    }

    /// Some clients send an empty line after a request with content; RFC 9112 section 2.2 says to skip it.
    private mutating func skipEmptyLines(_ buffer: inout ByteBuffer) throws(HTTPParseError) {
        while let first = buffer.getInteger(at: buffer.readerIndex, as: UInt8.self), first == 0x0D {
            guard let second = buffer.getInteger(at: buffer.readerIndex + 1, as: UInt8.self) else { return }
            guard second == 0x0A else { throw .bareCarriageReturn }
            draft.emptyLines += 1
            guard draft.emptyLines <= HTTPHeadDraft.maximumEmptyLines else { throw .badRequestLine }
            buffer.moveReaderIndex(forwardBy: 2)
        }
    }

    private func finish(length: Int, buffer: inout ByteBuffer) throws(HTTPParseError) -> HTTPParsedHead {
        let framing = try draft.framing(limits: limits)
        // The empty line is left out: readers of the head expect only header lines.
        guard let bytes = buffer.readSlice(length: length) else { throw .badRequestLine }
        buffer.moveReaderIndex(forwardBy: 2)
        let requestID = draft.requestIDStart == 0 ? nil : draft.requestIDStart..<draft.requestIDEnd
        return HTTPParsedHead(
            head: HTTPRequestHead(bytes: bytes, layout: draft.layout, flags: draft.flags),
            framing: framing,
            isKeepAlive: draft.isKeepAlive,
            expectsContinue: draft.expectsContinue && !draft.isHTTP10,
            isHead: draft.isHead,
            requestID: requestID,
            timeout: draft.timeout > 0 ? .nanoseconds(draft.timeout) : nil
        )
    }
}
