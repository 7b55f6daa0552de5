/// Why a request is refused before it reaches an application: a status and a message for the client. The connection
/// cannot be used afterwards, because nobody knows where the next request begins.
package struct HTTPParseError: Error, Hashable, Sendable, CustomStringConvertible {
    package let status: UInt16
    private let text: StaticString

    private init(_ status: UInt16, _ text: StaticString) {
        self.status = status
        self.text = text
    }

    package var message: String { "\(text)" }
    package var description: String { "\(status): \(text)" }

    package static func == (left: HTTPParseError, right: HTTPParseError) -> Bool {
        left.status == right.status && left.message == right.message
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(status)
        hasher.combine(message)
    }

    package static let bareLineFeed = HTTPParseError(400, "a line ends without a carriage return")
    package static let bareCarriageReturn = HTTPParseError(400, "a carriage return is not followed by a line feed")
    package static let controlCharacter = HTTPParseError(400, "the head contains a control character")
    package static let badRequestLine = HTTPParseError(400, "the request line is malformed")
    package static let badMethod = HTTPParseError(400, "the method is not a token")
    package static let badTarget = HTTPParseError(400, "the request target is malformed")
    package static let badHeaderName = HTTPParseError(400, "a header name is not a token followed by a colon")
    package static let foldedHeader = HTTPParseError(400, "a header line begins with white space")
    package static let missingHost = HTTPParseError(400, "the host header is missing")
    package static let repeatedTimeout = HTTPParseError(400, "there is more than one x-request-timeout-seconds header")
    package static let badTimeout = HTTPParseError(
        400,
        "the x-request-timeout-seconds header is not a number of seconds above 0, such as 2.5"
    )
    package static let badPriority = HTTPParseError(
        400,
        "the x-request-priority header is not 'low', 'normal' or 'high'"
    )
    package static let badAttribute = HTTPParseError(
        400,
        "a session or model ID in a header is not 1 to 256 visible ASCII characters"
    )
    package static let repeatedAttribute = HTTPParseError(
        400,
        "there is more than one x-request-priority, x-session-id or serve-multiplexed-model-id header"
    )
    package static let repeatedHost = HTTPParseError(400, "there is more than one host header")
    package static let badHost = HTTPParseError(400, "the host header is malformed")
    package static let badContentLength = HTTPParseError(400, "the content-length is not a number")
    package static let repeatedContentLength = HTTPParseError(400, "there is more than one content-length")
    package static let lengthAndEncoding = HTTPParseError(400, "both content-length and transfer-encoding are set")
    package static let repeatedEncoding = HTTPParseError(400, "there is more than one transfer-encoding")
    package static let encodingInHTTP10 = HTTPParseError(400, "an HTTP/1.0 request has a transfer-encoding")
    package static let badChunkLine = HTTPParseError(400, "the line before a chunk is malformed")
    package static let chunkLineTooLong = HTTPParseError(400, "the line before a chunk is too long")
    package static let badChunkEnd = HTTPParseError(400, "a chunk is not followed by a line end")
    package static let badTrailer = HTTPParseError(400, "the trailer contains a header that is not allowed there")
    package static let chunkOverhead = HTTPParseError(400, "the chunks are much larger than their content")
    package static let bodyTooLarge = HTTPParseError(413, "the content is larger than the server accepts")
    package static let targetTooLong = HTTPParseError(414, "the request target is too long")
    package static let unknownExpectation = HTTPParseError(417, "the expectation is not 100-continue")
    package static let headTooLarge = HTTPParseError(431, "the request's headers are too large")
    package static let tooManyHeaders = HTTPParseError(431, "the request has too many headers")
    package static let unknownEncoding = HTTPParseError(501, "the transfer-encoding is not 'chunked'")
    package static let connectMethod = HTTPParseError(501, "this server does not support CONNECT")
    package static let methodTooLong = HTTPParseError(501, "the method is too long")
    package static let unknownVersion = HTTPParseError(505, "the version is not HTTP/1.0 or HTTP/1.1")
}
