package import NIOCore
package import SwerveActors
package import SwerveHTTPTypes

/// The bodies of the frames that carry HTTP messages.
package enum HTTPFrames {
    private static let bodyFollowsFlag: UInt8 = 1

    /// A request: method number, flags, the time that remains, head, and the content unless it follows in frames of its own.
    package static func request(
        _ head: HTTPRequestHead,
        method: UInt32,
        body: ByteBuffer?,
        deadline: NIODeadline? = nil
    ) -> (frame: ByteBuffer, trailing: ByteBuffer?) {
        let size = body?.readableBytes ?? 0
        let isCopied = size < ConnectionLimits.copyLimit
        var frame = Frame.open(capacity: 64 + head.bytes.readableBytes + (isCopied ? size : 0))
        frame.writeInteger(method, endianness: .little)
        frame.writeInteger(body == nil ? bodyFollowsFlag : 0)
        frame.writeRemainingTime(deadline.map { $0 - .now() })
        head.encode(into: &frame)
        guard let body, size > 0 else { return (frame, nil) }
        if !isCopied { return (frame, body) }
        frame.writeImmutableBuffer(body)
        return (frame, nil)
    }

    /// What a replica reads of a request's frame, behind the method number: the content is `nil` when it follows.
    package static func readRequest(
        _ frame: inout ByteBuffer
    ) throws -> (HTTPRequestHead, deadline: RequestDeadline?, ByteBuffer?) {
        let flags = frame.readInteger(as: UInt8.self) ?? 0
        let remaining = frame.readInteger(endianness: .little, as: Int64.self) ?? .max
        let head = try HTTPRequestHead.decode(from: &frame)
        return (head, RequestDeadline(remaining: remaining), flags & bodyFollowsFlag == 0 ? frame : nil)
    }

    /// The beginning of a response's frame; the caller appends the content when it does not follow.
    package static func response(
        _ response: HTTPResponse,
        bodyFollows: Bool,
        contentLength: Int?
    ) throws(HTTPHeaderError) -> ByteBuffer {
        var frame = Frame.open(capacity: 256)
        frame.writeInteger(bodyFollows ? bodyFollowsFlag : 0)
        frame.writeInteger(Int64(contentLength ?? -1), endianness: .little)
        try response.encodeHead(into: &frame)
        return frame
    }

    /// What a caller reads of a response's frame.
    package struct Response {
        package let status: UInt16
        package let headerBlock: ByteBuffer
        package let contentLength: Int?
        /// `nil` when it follows in frames of its own.
        package let body: ByteBuffer?
    }

    package static func readResponse(_ frame: ByteBuffer) throws -> Response {
        var frame = frame
        let flags = frame.readInteger(as: UInt8.self) ?? 0
        let length = frame.readInteger(endianness: .little, as: Int64.self) ?? -1
        let (status, block) = try HTTPResponse.decodeHead(from: &frame)
        return Response(
            status: status,
            headerBlock: block,
            contentLength: length < 0 ? nil : Int(length),
            body: flags & bodyFollowsFlag == 0 ? frame : nil
        )
    }

    static func bodyFollows(_ frame: ByteBuffer) -> Bool {
        (frame.getInteger(at: frame.readerIndex, as: UInt8.self) ?? 0) & bodyFollowsFlag != 0
    }
}
