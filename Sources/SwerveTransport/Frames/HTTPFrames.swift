internal import NIOCore
internal import SwerveActors
internal import SwerveCore
internal import SwerveHTTPTypes

/// The bodies of the frames that carry HTTP messages.
enum HTTPFrames {
    private static let bodyFollowsFlag: UInt8 = 1
    private static let traceFlag: UInt8 = 2

    /// A request: method number, flags, remaining time, the place in a trace if it has one, head, and then the content unless it follows in frames of its
    /// own or lies in shared memory.
    static func write(_ request: ReplicaRequest, method: UInt32, now: NIODeadline, to frame: inout ByteBuffer) {
        frame.writeInteger(method, endianness: .little)
        frame.writeInteger((request.body == nil ? bodyFollowsFlag : 0) | (request.trace == nil ? 0 : traceFlag))
        frame.writeRemainingTime(request.deadline.map { $0 - now })
        if let trace = request.trace { frame.writeTrace(trace) }
        request.head.encode(into: &frame)
    }

    /// Reads a request's frame behind the method number.
    ///
    /// - Parameter shared: the content if it lies in shared memory.
    static func readRequest(_ frame: inout ByteBuffer, shared: ByteBuffer?, now: NIODeadline) throws -> ReplicaRequest {
        let flags = frame.readInteger(as: UInt8.self) ?? 0
        let remaining = frame.readInteger(endianness: .little, as: Int64.self) ?? .max
        var trace: TraceContext?
        if flags & traceFlag != 0 {
            trace = frame.readTrace()
            guard trace != nil else { throw ServeError(.protocolViolation, "an HTTP request's trace is cut short") }
        }
        let head = try HTTPRequestHead.decode(from: &frame)
        return ReplicaRequest(
            head: head,
            body: flags & bodyFollowsFlag == 0 ? shared ?? frame : nil,
            deadline: remaining == .max ? nil : now + .nanoseconds(remaining),
            trace: trace
        )
    }

    /// The head of an answer: content length (-1 when unknown), status, length of the header lines, header lines.
    static func write(_ head: ResponseHead, contentLength: Int?, to frame: inout ByteBuffer) {
        frame.writeMultipleIntegers(
            Int64(contentLength ?? -1),
            head.status,
            UInt32(head.headerBlock.readableBytes),
            endianness: .little
        )
        frame.writeImmutableBuffer(head.headerBlock)
    }

    /// Reads what ``write(_:contentLength:to:)`` wrote and leaves the content, if any, in `frame`.
    static func readResponse(
        _ frame: inout ByteBuffer
    ) throws(ServeError) -> (head: ResponseHead, contentLength: Int?) {
        guard
            let (length, status, size) = frame.readMultipleIntegers(
                endianness: .little,
                as: (Int64, UInt16, UInt32).self
            ), (200...599).contains(status), let block = frame.readSlice(length: Int(size))
        else { throw ServeError(.protocolViolation, "the head of an HTTP answer is truncated") }
        return (ResponseHead(status: status, headerBlock: block), length < 0 ? nil : Int(length))
    }
}
