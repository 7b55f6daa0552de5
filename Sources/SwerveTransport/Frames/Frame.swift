package import NIOCore
internal import SwerveActors

/// The unit of a connection between two processes: `[length: UInt32][kind: UInt8][stream: UInt64][body]`, integers
/// little-endian; the length counts what follows it.
///
/// A *stream* is one request and its answer. The caller numbers it; `request…` kinds concern the request, `response…` kinds
/// the answer, so both ends of a connection may call.
package enum FrameKind: UInt8, Sendable {
    /// Who is there, first on every connection; stream 0.
    case hello = 1
    /// A ``ControlMessage``; stream 0.
    case control
    /// Gives a number (in place of the stream) to a replica and a method of it.
    case define

    // Caller to replica.

    /// A call by handle.
    case requestCall
    /// The beginning of a call whose arguments are long: the length of the whole, and the first part of it. The rest
    /// follows as the body of the request.
    case requestLongCall
    /// An HTTP request, with its body or before it.
    case requestHTTP
    /// Asks for a result that is kept.
    case requestFetch
    case requestData
    /// The last part of a request's body.
    case requestEnd
    case requestCancel
    /// The caller took so many bytes of the answer's body.
    case responseCredit
    /// A result that is kept is not needed any more; stream 0.
    case requestRelease

    // Replica to caller.

    /// The replica takes the request's body.
    case requestAccepted
    /// The replica took so many bytes of the request's body.
    case requestCredit
    /// The request was not started. Ends the stream.
    case responseRefused
    /// The result of a call. Ends the stream.
    case responseValue
    /// The length of a long result, and the first part of it; the rest follows as the body of the answer.
    case responseLongValue
    /// The result of a call, a large one, stays with the replica: its number and where it can be fetched. Ends the stream.
    case responseKept
    /// The call threw, or the body of an answer broke off. Ends the stream.
    case responseFailure
    /// A whole HTTP answer. Ends the stream.
    case responseHTTP
    /// The head of an HTTP answer; its body follows.
    case responseHead
    case responseData
    /// The last part of an answer's body. Ends the stream.
    case responseEnd

    /// Whether a stream is over with this frame, as seen by the caller.
    var endsStream: Bool {
        switch self {
        case .responseRefused, .responseValue, .responseKept, .responseFailure, .responseHTTP, .responseEnd: true
        default: false
        }
    }
}

package enum Frame {
    package static let lengthBytes = 4
    package static let headerBytes = 4 + 1 + 8

    /// A buffer that begins with room for the header; ``close(_:kind:stream:trailing:)`` fills it in.
    package static func open(capacity: Int = 128) -> ByteBuffer {
        var buffer = ByteBufferAllocator().buffer(capacity: headerBytes + capacity)
        buffer.writeRepeatingByte(0, count: headerBytes)
        return buffer
    }

    package static func close(_ buffer: inout ByteBuffer, kind: FrameKind, stream: UInt64, trailing: Int = 0) {
        setHeader(&buffer, at: buffer.readerIndex, kind: kind, stream: stream, trailing: trailing)
    }

    /// Appends a whole frame to what `buffer` holds.
    @inline(__always)
    static func append(
        _ kind: FrameKind,
        stream: UInt64,
        trailing: Int = 0,
        to buffer: inout ByteBuffer,
        _ body: (inout ByteBuffer) -> Void
    ) {
        let start = buffer.writerIndex
        buffer.writeRepeatingByte(0, count: headerBytes)
        body(&buffer)
        setHeader(&buffer, at: start, kind: kind, stream: stream, trailing: trailing)
    }

    private static func setHeader(
        _ buffer: inout ByteBuffer,
        at start: Int,
        kind: FrameKind,
        stream: UInt64,
        trailing: Int
    ) {
        let length = UInt32(truncatingIfNeeded: buffer.writerIndex - start - lengthBytes + trailing)
        buffer.setInteger(length, at: start, endianness: .little)
        buffer.setInteger(kind.rawValue, at: start + 4)
        buffer.setInteger(stream, at: start + 5, endianness: .little)
    }
}

/// Limits of one connection between processes.
package enum ConnectionLimits {
    /// The largest frame that carries a request or an answer, or a part of one: 4 MiB, above a window of content with its
    /// head. A peer that sends a larger one is cut off.
    package static let maximumFrameBytes = 4 << 20
    /// The largest control message: 1 GiB, for a deployment's arguments are part of one.
    package static let maximumControlBytes = 1 << 30
    /// How many streams one connection carries at a time: 2^20. More fail with code `queueFull`.
    package static let maximumStreams = 1 << 20
    /// How many bytes of long calls one process puts together at a time: 2 GiB. A call that does not fit is refused, and
    /// tried again.
    package static let maximumAssembledBytes = 2 << 30
    /// How many methods a peer may give numbers to: 65 536. A peer that defines more is cut off.
    static let maximumMethods = 1 << 16
    /// So many frames leave together at most when they are sent in one tick: the other process works on the first ones
    /// while this one makes the next.
    static let framesPerWrite = 16
    /// A frame's part of at least so many bytes is sent from where it lies instead of being copied together.
    static let copyLimit = 16 << 10
    /// How long a connection that cannot be written to is still read: 1 s. Mostly its end comes at once.
    static let lastWords = TimeAmount.seconds(1)
    /// A connection keeps so much memory at most for its next write.
    static let spareBytes = 256 << 10
}
