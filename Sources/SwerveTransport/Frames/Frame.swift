package import NIOCore
internal import SwerveActors

/// The unit of a connection between two processes: `[length: UInt32][kind: UInt8][stream: UInt64][body]`, integers
/// little-endian; the length counts what follows it. The kind's highest bit says that the frame's bytes lie in shared
/// memory.
///
/// A *stream* is one request and its answer. The caller numbers it. `request…` kinds concern the request, `response…`
/// kinds the answer, so both ends of a connection may call.
package enum FrameKind: UInt8, CaseIterable, Sendable {
    /// The sender introduces itself; first on every connection; stream 0.
    case hello = 1
    /// A ``ControlMessage``; stream 0.
    case control
    /// Gives a number (in place of the stream) to a method of a replica.
    case define

    // Caller to replica.

    /// A call by handle.
    case requestCall
    /// The beginning of a call with long arguments: the total length and the first part. The rest follows as the body
    /// of the request.
    case requestLongCall
    /// An HTTP request, with its body or followed by it.
    case requestHTTP
    /// Asks for a kept result.
    case requestFetch
    /// Asks for the elements of a stream that is an argument of a call: the call's number and the position.
    case requestItems
    case requestData
    /// The last part of a request's body.
    case requestEnd
    case requestCancel
    /// The caller took this many bytes of the answer's body.
    case responseCredit
    /// A kept result is no longer needed; stream 0.
    case requestRelease

    // Replica to caller.

    /// The replica accepts the request's body.
    case requestAccepted
    /// The replica took this many bytes of the request's body.
    case requestCredit
    /// The request was not started. Ends the stream.
    case responseRefused
    /// The result of a call. Ends the stream.
    case responseValue
    /// The length of a long result and its first part; the rest follows as the body of the answer.
    case responseLongValue
    /// The large result of a call stays with the replica: its number and where to fetch it. Ends the stream.
    case responseKept
    /// The result of a call is a stream, whose elements follow as the body of the answer: how many may wait.
    case responseItems
    /// The call threw, or the body of an answer broke off. Ends the stream.
    case responseFailure
    /// A whole HTTP answer. Ends the stream.
    case responseHTTP
    /// The head of an HTTP answer; its body follows.
    case responseHead
    case responseData
    /// The last part of an answer's body. Ends the stream.
    case responseEnd

    // Both, about shared memory; stream 0.

    /// The sender's process and a first loan: the receiver tries whether it can read that.
    case memoryOffer
    /// Whether it can.
    case memoryAnswer
    /// Loans that are given back.
    case memoryRelease
    /// Segments that are over.
    case memoryForget

    /// Whether the bytes that the frame carries may lie in shared memory. The body then begins with a
    /// ``SharedReference`` to them.
    var mayBeShared: Bool {
        switch self {
        case .requestCall, .requestHTTP, .requestData, .requestEnd, .responseValue, .responseHTTP, .responseData,
            .responseEnd:
            true
        default: false
        }
    }

    /// Whether this frame ends its stream, as the caller sees it.
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
    /// The bit of the kind that says that the bytes lie in shared memory.
    static let sharedFlag: UInt8 = 0x80

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
        isShared: Bool = false,
        to buffer: inout ByteBuffer,
        _ body: (inout ByteBuffer) -> Void
    ) {
        let start = buffer.writerIndex
        buffer.writeRepeatingByte(0, count: headerBytes)
        body(&buffer)
        setHeader(&buffer, at: start, kind: kind, stream: stream, isShared: isShared)
    }

    private static func setHeader(
        _ buffer: inout ByteBuffer,
        at start: Int,
        kind: FrameKind,
        stream: UInt64,
        trailing: Int = 0,
        isShared: Bool = false
    ) {
        let length = UInt32(truncatingIfNeeded: buffer.writerIndex - start - lengthBytes + trailing)
        buffer.setInteger(length, at: start, endianness: .little)
        buffer.setInteger(isShared ? kind.rawValue | sharedFlag : kind.rawValue, at: start + 4)
        buffer.setInteger(stream, at: start + 5, endianness: .little)
    }
}

/// Limits of one connection between processes.
package enum ConnectionLimits {
    /// The largest frame that carries a request or an answer, or a part of one: 4 MiB, more than a window of content
    /// with its head. A peer that sends a larger frame is disconnected.
    package static let maximumFrameBytes = 4 << 20
    /// The largest control message: 1 GiB, because it may contain a deployment's arguments.
    package static let maximumControlBytes = 1 << 30
    /// How many streams one connection carries at a time: 2^20. Further ones fail with code `queueFull`.
    package static let maximumStreams = 1 << 20
    /// How many bytes of long calls one process assembles at a time: 2 GiB. A call that does not fit is refused and
    /// tried again.
    package static let maximumAssembledBytes = 2 << 30
    /// How many methods a peer may number: 65 536. A peer that defines more is disconnected.
    static let maximumMethods = 1 << 16
    /// How many frames sent in one tick leave together at most: the other process works on the first ones while this
    /// one makes the next.
    static let framesPerWrite = 16
    /// A part of a frame with at least this many bytes is sent from where it lies instead of being copied.
    static let copyLimit = 16 << 10
    /// How long a connection that cannot be written to is still read: 1 s. Usually its end comes at once.
    static let lastWords = TimeAmount.seconds(1)
    /// How much memory a connection keeps at most for its next write.
    static let spareBytes = 256 << 10
}
