package import NIOCore
package import SwerveHTTPTypes

/// Answers the requests that arrive on a server's connections.
///
/// A service and its exchanges call each other only on the connection's event loop.
package protocol HTTPService: AnyObject, Sendable {
    /// Begins an exchange. The service may answer before this returns, or later from the same event loop.
    ///
    /// - Parameters:
    ///   - head: shares the memory of the connection's read buffer; compact it before keeping it for long.
    ///   - body: the whole content (empty if there is none), or `nil` if it will go to the exchange's delegate, which
    ///     must be set before this returns.
    func begin(_ head: HTTPRequestHead, body: ByteBuffer?, exchange: HTTPExchange)
}

/// Receives the events of an exchange.
package protocol HTTPExchangeDelegate: AnyObject {
    /// The next bytes of a streamed request; return them with ``HTTPExchange/consumedRequestBody(_:)``.
    func requestBody(_ bytes: ByteBuffer)
    func requestBodyEnd()
    /// The response is no longer wanted, and calls to the exchange have no effect from here on. Called at most once.
    func cancelled(_ reason: HTTPCancellation)
    /// The client has taken enough of the response for ``HTTPExchange/respondBody(_:)`` to be called again.
    func responseWritable()
}

/// Why a response is no longer wanted.
package enum HTTPCancellation: Hashable, Sendable {
    /// The client closed the connection.
    case clientGone
    /// The client or the service took too long.
    case timedOut
    /// The rest of the request turned out to be malformed or too large.
    case invalidRequest
    /// The server closed the connection when its time to drain was over.
    case shutDown
}

/// Learns how an exchange goes, whoever answers it.
package protocol HTTPExchangeObserver: AnyObject {
    /// A response begins.
    func answered(status: UInt16)
    /// The exchange is over; nothing follows.
    func over(_ end: HTTPExchangeEnd)
}

/// How an exchange ended.
package enum HTTPExchangeEnd: Hashable, Sendable {
    /// The whole response is written.
    case answered
    /// The connection is cut before the response was whole.
    case brokenOff
    case cancelled(HTTPCancellation)
}

/// One request and its response, as the service sees it. Confined to the connection's event loop.
///
/// Respond once: with ``respond(status:headerBlock:body:)``, with ``fail(status:message:retryAfter:)``, or with
/// ``respondHead(status:headerBlock:contentLength:)``, bodies and ``respondEnd()``. A header block holds the lines that
/// `HTTPHeaders.encodeBlock(into:)` wrote. After the end or a cancellation every call is ignored.
package final class HTTPExchange {
    // Exclusive access is not checked at run time: only the event loop's thread uses the exchange, and no access lasts
    // longer than reading or setting a property.
    /// Held until the exchange is over.
    @exclusivity(unchecked) package var delegate: (any HTTPExchangeDelegate)?
    @exclusivity(unchecked) package var observer: (any HTTPExchangeObserver)?
    /// The client's `x-request-id`, or one made by the server.
    @exclusivity(unchecked) package private(set) var requestID: String
    /// When the server gives up on the request; `nil` without a request timeout.
    @exclusivity(unchecked) package private(set) var deadline: NIODeadline?
    /// Header lines to add to the answer, whoever gives it.
    @exclusivity(unchecked) package var addedHeaders: ByteBuffer?
    @exclusivity(unchecked) private var connection: HTTPConnectionHandler?

    /// The connection's event loop. Every call to and from the exchange is made on it.
    package let eventLoop: any EventLoop

    init(requestID: String, deadline: NIODeadline?, connection: HTTPConnectionHandler) {
        self.eventLoop = connection.loop.eventLoop
        self.requestID = requestID
        self.deadline = deadline
        self.connection = connection
    }

    /// Whether a response is still wanted.
    package var isOpen: Bool { connection != nil }

    /// The request must be over by then, if it need not be earlier.
    package func limit(to time: NIODeadline) {
        guard time < deadline ?? .distantFuture else { return }
        deadline = time
        connection?.limit(to: time)
    }

    /// Sends a whole response.
    package func respond(status: UInt16, headerBlock: ByteBuffer, body: ByteBuffer) {
        observer?.answered(status: status)
        connection?.respond(status: status, headerBlock: headerBlock, body: body)
    }

    /// Begins a response whose content follows.
    ///
    /// - Parameter contentLength: the exact length of the content; `nil` sends it in chunks.
    package func respondHead(status: UInt16, headerBlock: ByteBuffer, contentLength: Int?) {
        observer?.answered(status: status)
        connection?.respondHead(status: status, headerBlock: headerBlock, contentLength: contentLength)
    }

    /// Sends the next bytes of the content.
    ///
    /// - Returns: `false` if the client is behind: wait for ``HTTPExchangeDelegate/responseWritable()``. The bytes are
    ///   accepted anyway.
    @discardableResult
    package func respondBody(_ bytes: ByteBuffer) -> Bool {
        connection?.respondBody(bytes) ?? true
    }

    /// Ends the content. Cuts the connection if there was less content than announced.
    package func respondEnd() {
        connection?.respondEnd()
    }

    /// Cuts the connection, so that the client does not mistake a partial response for a whole one.
    package func abort() {
        connection?.abort()
    }

    /// Answers with an error in JSON. Cuts the connection if a response has already begun.
    ///
    /// - Parameter retryAfter: after how many seconds the client may try again.
    package func fail(status: UInt16, message: String, retryAfter: Int? = nil) {
        observer?.answered(status: status)
        connection?.fail(status: status, message: message, retryAfter: retryAfter)
    }

    /// The service is done with `bytes` bytes of a streamed request, and accepts that many more.
    package func consumedRequestBody(_ bytes: Int) {
        connection?.consumedRequestBody(bytes)
    }

    // MARK: - For the connection

    func reopen(requestID: String, deadline: NIODeadline?, connection: HTTPConnectionHandler) {
        self.requestID = requestID
        self.deadline = deadline
        self.connection = connection
    }

    /// Lets go of the connection, so that a late call cannot reach the next exchange.
    func detach(_ end: HTTPExchangeEnd) {
        observer.take()?.over(end)
        connection = nil
        delegate = nil
        addedHeaders = nil
    }
}
