package import NIOCore
package import SwerveCore
package import SwerveHTTPTypes

/// The seam between callers and replicas: a replica that takes requests, wherever it runs.
///
/// There are two implementations: ``HostedReplica`` in this process, where values are passed without encoding, and the
/// framed connection to another process. A caller opens a request and gets a stream of events; it need not know which
/// of the two answers.
package protocol ReplicaConnection: AnyObject, Sendable {
    var id: ReplicaID { get }

    /// Opens a request.
    ///
    /// The receiver is called only after this returns, so the caller has stored the stream by the first event. Events
    /// come on the loop's thread, in order. Exactly one of them ends the stream, whatever happens.
    ///
    /// - Parameters:
    ///   - receiver: retained until the stream has ended.
    ///   - loop: the caller's event loop; this is called on it.
    func open(_ request: ReplicaRequest, for receiver: any ReplicaStreamReceiver, on loop: RequestLoop)
        -> any ReplicaStream

    /// Makes one attempt at a call through a handle and waits for the answer. Cancelling the task cancels the call.
    func call(_ call: OutgoingCall) async -> CallOutcome
}

/// An HTTP request to a replica.
package struct ReplicaRequest: Sendable {
    package let head: HTTPRequestHead
    /// The whole content, or `nil` if it is sent on the stream.
    package let body: ByteBuffer?
    package let deadline: NIODeadline?
    /// What the replica's spans belong below; `nil` for what the head says.
    package let trace: TraceContext?

    package init(head: HTTPRequestHead, body: ByteBuffer?, deadline: NIODeadline?, trace: TraceContext? = nil) {
        self.head = head
        self.body = body
        self.deadline = deadline
        self.trace = trace
    }
}

/// The caller's end of an open request. After the stream has ended, its methods have no effect.
package protocol ReplicaStream: AnyObject, Sendable {
    /// Sends part of the request's body. Call it only after ``StreamEvent/accepted``, and stay at most
    /// ``StreamLimits/window`` bytes ahead of what ``StreamEvent/consumed(_:)`` reported.
    func send(_ bytes: ByteBuffer)
    /// Ends the request's body.
    func end()
    /// The caller has consumed this many bytes of the response's body and can take as many more.
    func consumed(_ bytes: Int)
    /// The answer is no longer wanted. The stream still ends with an event.
    func cancel()
}

/// Receives the events of a request.
package protocol ReplicaStreamReceiver: AnyObject, Sendable {
    func received(_ event: StreamEvent)
}

/// What a replica, or the connection to it, reports about one request.
package enum StreamEvent: Sendable {
    /// The replica takes the request's body. Comes at most once, and only if the body is sent on the stream.
    case accepted
    /// The replica consumed this many bytes of the request's body.
    case consumed(Int)
    /// The head of a response whose content follows.
    case head(ResponseHead, contentLength: Int?)
    case bytes(ByteBuffer)
    /// The elements of a stream follow as bytes: the result of a call.
    case items(maxAhead: Int)

    // Each of these ends the stream.

    /// A whole response.
    case response(ResponseHead, body: ByteBuffer)
    /// The content of a response is complete.
    case end
    /// The result of a call.
    case value(CallResult)
    /// The call threw, or the content of a response broke off.
    case failure(any Error)
    /// The replica refused the request without starting it: it is full or shutting down.
    case refused
    /// The connection to the replica broke. `started` is false only if the replica certainly had not begun.
    case lost(started: Bool, reason: String)

    package var endsStream: Bool {
        switch self {
        case .accepted, .consumed, .head, .bytes, .items: false
        case .response, .end, .value, .failure, .refused, .lost: true
        }
    }
}

/// The status and headers of an HTTP response.
package struct ResponseHead: Sendable {
    package let status: UInt16
    /// The header lines in wire format.
    package let headerBlock: ByteBuffer

    package init(status: UInt16, headerBlock: ByteBuffer) {
        self.status = status
        self.headerBlock = headerBlock
    }

    /// The head of a replica's response. A status outside 200 to 599 becomes 500.
    ///
    /// - Throws: ``HTTPHeaderError`` for a header that must not go on the wire, and for headers longer than
    ///   ``StreamLimits/maximumHeaderBytes``.
    package init(_ response: ServeResponse) throws(HTTPHeaderError) {
        var block = ByteBuffer()
        try response.headers.encodeBlock(into: &block)
        if block.readableBytes > StreamLimits.maximumHeaderBytes, let last = response.headers.fields.last {
            let reason = "makes the headers longer than \(StreamLimits.maximumHeaderBytes) bytes"
            throw HTTPHeaderError(name: last.name, reason: reason)
        }
        let code = response.status.code
        self.init(status: (200...599).contains(code) ? code : 500, headerBlock: block)
    }
}

/// The limits of one request's streams, the same in both directions and for both placements.
package enum StreamLimits {
    /// The largest size of a response's header lines: 256 KiB. Longer ones are an error of the replica, which the
    /// client sees as 500.
    package static let maximumHeaderBytes = 256 << 10
    /// How many bytes of a body may be in flight before the reader has consumed some: 1 MiB. Responses and values up to
    /// this size are sent whole.
    package static let window = 1 << 20
    /// The largest part of a body: 256 KiB.
    package static let part = 256 << 10
    /// While the reader still has bytes to consume, parts smaller than this wait to be sent together: 16 KiB. So a
    /// window never holds more than a few dozen buffers.
    package static let smallPart = 16 << 10
    /// The largest value or argument list of a call: 1 GiB. A larger one fails with code `tooLarge`.
    package static let maximumValueBytes = 1 << 30
}
