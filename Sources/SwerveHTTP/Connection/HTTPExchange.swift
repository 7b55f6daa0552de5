package import NIOCore
package import SwerveHTTPTypes

/// What answers the requests that come in on a server's connections.
///
/// Everything between a service and its exchanges happens on the connection's event loop.
package protocol HTTPService: AnyObject, Sendable {
    /// Starts one exchange. It may be answered before this returns, or later from the same event loop.
    ///
    /// - Parameters:
    ///   - head: shares the memory of the connection's read buffer; make it compact before keeping it for long.
    ///   - body: the whole content (empty when there is none), or `nil` when it will come to the exchange's delegate,
    ///     which must be set before this returns.
    func begin(_ head: HTTPRequestHead, body: ByteBuffer?, exchange: HTTPExchange)
}

/// What a service is told while an exchange goes on.
package protocol HTTPExchangeDelegate: AnyObject {
    /// The next bytes of a streamed request; return them with ``HTTPExchange/consumedRequestBody(_:)``.
    func requestBody(_ bytes: ByteBuffer)
    func requestBodyEnd()
    /// The response is not wanted any more; what is done to the exchange from here on has no effect. Called at most
    /// once.
    func cancelled(_ reason: HTTPCancellation)
    /// The client took enough of the response for ``HTTPExchange/respondBody(_:)`` to be called again.
    func responseWritable()
}

/// Why a response is not wanted any more.
package enum HTTPCancellation: Hashable, Sendable {
    /// The client closed the connection.
    case clientGone
    /// The client or the service took too long.
    case timedOut
    /// The rest of the request turned out to be malformed or too large.
    case invalidRequest
    /// The server closed the connection at the end of its draining.
    case shutDown
}

/// One request and its response, as the service sees it. Confined to the connection's event loop.
///
/// Respond once: with ``respond(status:headerBlock:body:)``, with ``fail(status:message:retryAfter:)``, or with
/// ``respondHead(status:headerBlock:contentLength:)``, bodies and ``respondEnd()``. Header blocks are lines that
/// `HTTPHeaders.encodeBlock(into:)` wrote. After the end or a cancellation every call is ignored.
package final class HTTPExchange {
    // The exclusivity of accesses is not checked at run time: the event loop's thread alone has the exchange, and none of
    // them lasts longer than reading or setting a property.
    /// Held until the exchange is over.
    @exclusivity(unchecked) package var delegate: (any HTTPExchangeDelegate)?
    /// The client's `x-request-id`, or one made by the server.
    @exclusivity(unchecked) package private(set) var requestID: String
    /// When the server gives the request up; `nil` without a request timeout.
    @exclusivity(unchecked) package private(set) var deadline: NIODeadline?
    @exclusivity(unchecked) private var connection: HTTPConnectionHandler?

    /// The connection's: every call to and from the exchange is made on it.
    package let eventLoop: any EventLoop

    init(requestID: String, deadline: NIODeadline?, connection: HTTPConnectionHandler) {
        self.eventLoop = connection.loop.eventLoop
        self.requestID = requestID
        self.deadline = deadline
        self.connection = connection
    }

    /// Whether a response is still wanted.
    package var isOpen: Bool { connection != nil }

    /// Sends a whole response.
    package func respond(status: UInt16, headerBlock: ByteBuffer, body: ByteBuffer) {
        connection?.respond(status: status, headerBlock: headerBlock, body: body)
    }

    /// Begins a response whose content follows.
    ///
    /// - Parameter contentLength: the exact length of the content; `nil` sends it in chunks.
    package func respondHead(status: UInt16, headerBlock: ByteBuffer, contentLength: Int?) {
        connection?.respondHead(status: status, headerBlock: headerBlock, contentLength: contentLength)
    }

    /// Sends the next bytes of the content.
    ///
    /// - Returns: `false` when the client is behind: wait for ``HTTPExchangeDelegate/responseWritable()``. The bytes
    ///   are accepted all the same.
    @discardableResult
    package func respondBody(_ bytes: ByteBuffer) -> Bool {
        connection?.respondBody(bytes) ?? true
    }

    /// Ends the content. With a content length and less content than that, the connection is cut.
    package func respondEnd() {
        connection?.respondEnd()
    }

    /// Cuts the connection, so that the client does not take the part of the response that it has for the whole.
    package func abort() {
        connection?.abort()
    }

    /// Answers with an error in JSON; cuts the connection when a response has begun already.
    ///
    /// - Parameter retryAfter: after how many seconds the client may try again.
    package func fail(status: UInt16, message: String, retryAfter: Int? = nil) {
        connection?.fail(status: status, message: message, retryAfter: retryAfter)
    }

    /// The service is done with that many bytes of a streamed request, and takes as many more.
    package func consumedRequestBody(_ bytes: Int) {
        connection?.consumedRequestBody(bytes)
    }

    // MARK: - For the connection

    func reopen(requestID: String, deadline: NIODeadline?, connection: HTTPConnectionHandler) {
        self.requestID = requestID
        self.deadline = deadline
        self.connection = connection
    }

    /// Lets go of the connection: a late call cannot reach the next exchange.
    func detach() {
        connection = nil
        delegate = nil
    }
}
