package import NIOCore
package import SwerveCore
package import SwerveHTTPTypes

/// A replica that can be asked, wherever it runs: the seam between callers and replicas.
///
/// There are two implementations: ``HostedReplica`` in this process, where values are passed as they are, and the framed
/// connection to another process. A caller opens a request and gets a stream of events; it need not know which of the two
/// answers.
package protocol ReplicaConnection: AnyObject, Sendable {
    var id: ReplicaID { get }

    /// Opens a request.
    ///
    /// Nothing is called back before this returns: the caller has recorded the stream when the first event comes. Events
    /// come on the loop's thread, in order, and exactly one of them ends the stream, whatever happens.
    ///
    /// - Parameters:
    ///   - receiver: held until the stream has ended.
    ///   - loop: the caller's event loop, on which this is called.
    func open(_ request: ReplicaRequest, for receiver: any ReplicaStreamReceiver, on loop: RequestLoop)
        -> any ReplicaStream

    /// Makes one attempt at a call by handle, for a task that waits for the answer. Cancelling the task cancels the call.
    func call(_ call: OutgoingCall) async -> CallOutcome
}

/// What a replica is asked for.
package struct ReplicaRequest: Sendable {
    package let head: HTTPRequestHead
    /// The whole content, or `nil` when it is sent on the stream.
    package let body: ByteBuffer?
    package let deadline: NIODeadline?

    package init(head: HTTPRequestHead, body: ByteBuffer?, deadline: NIODeadline?) {
        self.head = head
        self.body = body
        self.deadline = deadline
    }
}

/// The caller's end of a request that is open. Every method may be called after the stream has ended, without effect.
package protocol ReplicaStream: AnyObject, Sendable {
    /// Sends a part of the request's body. Only after ``StreamEvent/accepted``, and never more than
    /// ``StreamLimits/window`` bytes ahead of what ``StreamEvent/consumed(_:)`` reported.
    func send(_ bytes: ByteBuffer)
    /// Ends the request's body.
    func end()
    /// The caller is done with so many bytes of the answer's body and takes as many more.
    func consumed(_ bytes: Int)
    /// The answer is not wanted any more. The stream ends all the same, with an event.
    func cancel()
}

/// Hears what becomes of a request.
package protocol ReplicaStreamReceiver: AnyObject, Sendable {
    func received(_ event: StreamEvent)
}

/// What a replica, or the way to it, says of one request.
package enum StreamEvent: Sendable {
    /// The replica takes the request's body. Once at most, and only when the body is sent on the stream.
    case accepted
    /// The replica took so many bytes of the request's body.
    case consumed(Int)
    /// The beginning of an answer whose content follows.
    case head(ResponseHead, contentLength: Int?)
    case bytes(ByteBuffer)

    // Each of these ends the stream.

    /// A whole answer.
    case response(ResponseHead, body: ByteBuffer)
    /// The content of an answer is complete.
    case end
    /// The result of a call.
    case value(CallResult)
    /// The call threw, or the content of an answer broke off.
    case failure(any Error)
    /// The replica did not begin and will not: it is full or shutting down.
    case refused
    /// The way to the replica broke. `started` is false only when the replica certainly had not begun.
    case lost(started: Bool, reason: String)

    package var endsStream: Bool {
        switch self {
        case .accepted, .consumed, .head, .bytes: false
        case .response, .end, .value, .failure, .refused, .lost: true
        }
    }
}

/// Status and headers of an HTTP answer.
package struct ResponseHead: Sendable {
    package let status: UInt16
    /// Header lines as they go on the wire.
    package let headerBlock: ByteBuffer

    package init(status: UInt16, headerBlock: ByteBuffer) {
        self.status = status
        self.headerBlock = headerBlock
    }

    /// The head of what a replica answered; a status that is none becomes 500.
    ///
    /// - Throws: ``HTTPHeaderError`` for a header that must not go on the wire, and for too many bytes of them.
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

/// Limits of one request's streams, the same in both directions and for both placements.
package enum StreamLimits {
    /// The header lines of an answer: 256 KiB. More are an error of the replica, which the client sees as 500.
    package static let maximumHeaderBytes = 256 << 10
    /// How many bytes of a body may be on the way before the reader has taken some: 1 MiB. Answers and values up to this
    /// size travel whole.
    package static let window = 1 << 20
    /// How large the parts of a body are at most: 256 KiB.
    package static let part = 256 << 10
    /// While the reader has not taken what it has, smaller parts wait to be sent together: 16 KiB. So a window never holds
    /// more than a few dozen buffers.
    package static let smallPart = 16 << 10
    /// The largest value or argument list of a call: 1 GiB. A larger one fails with code `tooLarge`.
    package static let maximumValueBytes = 1 << 30
}
