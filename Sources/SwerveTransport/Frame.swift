package import NIOCore

/// The unit of a connection between two processes: `[length: UInt32][kind: UInt8][stream: UInt64][body]`, integers
/// little-endian; the length counts what follows it.
///
/// A *stream* is one request and its answer. The caller numbers it; `request…` kinds travel from the caller to the
/// replica, `response…` kinds the other way, so both ends of a connection may call.
package enum FrameKind: UInt8, Sendable {
    /// Who is there, first on every connection; stream 0.
    case hello = 1
    /// A ``ControlMessage``; stream 0.
    case control
    /// Gives a number (in place of the stream) to a replica and a method of it.
    case define
    /// A call by handle.
    case requestCall
    /// An HTTP request, with its body or the beginning of it.
    case requestHTTP
    case requestData
    case requestEnd
    case requestCancel
    /// The replica took so many bytes of the request's body.
    case requestCredit
    /// The result of a call.
    case responseValue
    /// The call threw.
    case responseFailure
    /// The request was not started.
    case responseRefused
    /// An HTTP response, with its body or before it.
    case responseHTTP
    case responseData
    case responseEnd
    /// The body of a response broke off.
    case responseAbort
    /// The caller took so many bytes of the response's body.
    case responseCredit
    /// The result of a call, a large one, stays with the replica: its number and where it can be fetched.
    case responseKept
    /// Fetches a result that is kept.
    case requestKept
    /// A result that is kept is not needed any more; stream 0.
    case requestRelease

    /// Whether a stream is over with this frame, as seen by the caller. An HTTP response says so in its flags.
    var endsStream: Bool {
        switch self {
        case .responseValue, .responseFailure, .responseRefused, .responseEnd, .responseAbort, .responseKept: true
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
        let length = UInt32(truncatingIfNeeded: buffer.readableBytes - lengthBytes + trailing)
        buffer.setInteger(length, at: buffer.readerIndex, endianness: .little)
        buffer.setInteger(kind.rawValue, at: buffer.readerIndex + 4)
        buffer.setInteger(stream, at: buffer.readerIndex + 5, endianness: .little)
    }
}

/// Limits of one connection between processes.
package enum ConnectionLimits {
    /// The largest frame that is sent or taken: 1 GiB. A larger call fails with code `tooLarge`; a peer that sends one is
    /// cut off.
    package static let maximumFrameBytes = 1 << 30
    /// How many streams one connection carries at a time: 2^20. More fail with code `queueFull`.
    package static let maximumStreams = 1 << 20
    /// How many bytes of a body may be on the way before the reader has taken some: 1 MiB in each direction.
    package static let bodyWindow = 1 << 20
    /// So many frames leave together at most when they are sent in one tick: the other process works on the first ones
    /// while this one makes the next.
    static let framesPerWrite = 8
    /// A frame's part of at least so many bytes is sent from where it lies instead of being copied together.
    static let copyLimit = 16 << 10
}
