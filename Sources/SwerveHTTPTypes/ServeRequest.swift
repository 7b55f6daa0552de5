internal import NIOCore
internal import SwerveCore

/// One HTTP request, as an application's ingress receives it.
///
/// The properties that describe the head make new strings on each access; keep what you need more than once.
public struct ServeRequest: Sendable, CustomStringConvertible {
    package var head: HTTPRequestHead
    /// The request's content. It can be read once, see ``HTTPBody``.
    public let body: HTTPBody
    /// What the path has in the place of the segments in braces of the route's path, decoded: empty unless a route with
    /// such segments answers.
    public package(set) var parameters: [String: String] = [:]

    package init(head: HTTPRequestHead, body: HTTPBody) {
        self.head = head
        self.body = body
    }

    /// Builds a request, for tests and for calling an ingress from code.
    ///
    /// - Parameters:
    ///   - path: the path as on the wire: percent-encoded, with the query if there is one.
    ///   - rootPath: the route prefix that `path` begins with; empty by default. A slash at its end means nothing.
    /// - Throws: ``HTTPHeaderError`` for an invalid header, ``ServeHTTPError`` with status 400 for an invalid method or
    ///   path.
    public init(
        method: HTTPMethod = .get,
        path: String = "/",
        headers: HTTPHeaders = [:],
        body: HTTPBody = .empty,
        rootPath: String = "",
        requestID: String = ""
    ) throws {
        self.head = try HTTPRequestHead(
            method: method,
            target: path,
            headers: headers,
            prefix: rootPath,
            requestID: requestID
        )
        self.body = body
    }

    public var method: HTTPMethod { head.method }
    /// The request's target as it was sent.
    public var target: String { head.target }
    /// The path below the application's route prefix, percent-encoded in its normal form: an escape of a letter, a
    /// digit or one of `-._~` is decoded, and `%2F` stays an escape. It begins with `/`, unless it is `*`.
    public var path: String { NormalPath.normalized(rawPath) }
    /// ``path`` as it was sent.
    public var rawPath: String {
        let path = head.string(head.layout.pathStart + UInt32(head.prefixLength), head.layout.pathEnd)
        return path.utf8.first == UInt8(ascii: "/") || path == "*" ? path : "/" + path
    }
    /// ``path`` with all escapes decoded. If an escaped slash must not act as a separator, split ``path`` first.
    public var decodedPath: String { PercentEncoding.decode(rawPath, plusIsSpace: false) }
    /// The application's route prefix as it was sent; empty when the application answers at `/`.
    public var rootPath: String {
        head.string(head.layout.pathStart, head.layout.pathStart + UInt32(head.prefixLength))
    }
    /// The part after the `?`, as it was sent; `nil` if there is none.
    public var query: String? {
        guard head.layout.pathEnd < head.layout.targetEnd else { return nil }
        return head.string(head.layout.pathEnd + 1, head.layout.targetEnd)
    }
    /// The fields of the query in order, read as an HTML form with escapes and `+` decoded.
    public var queryItems: [(name: String, value: String)] { PercentEncoding.formItems(query ?? "") }
    /// The first value of the query field with that name.
    public func queryValue(_ name: String) -> String? { queryItems.first { $0.name == name }?.value }

    /// The headers that describe the request as you see it: without `content-encoding` and `content-length` when the
    /// content was coded, because ``body`` gives it decoded.
    public var headers: HTTPRequestHeaders { head.headers }
    /// The headers as the client sent them, also those that describe coded content.
    public var sentHeaders: HTTPRequestHeaders { HTTPRequestHeaders(head: head, asSent: true) }
    /// The request's id: the client's `x-request-id` if it sent a usable one, otherwise one made by the server. The
    /// response carries it too.
    public var requestID: String { head.requestID }
    public var description: String { "\(method) \(target)" }
}

extension HTTPRequestHead {
    /// Builds a head from its parts, with the checks of a parser.
    package init(
        method: HTTPMethod,
        target: String,
        headers: HTTPHeaders,
        prefix: String,
        requestID: String
    ) throws {
        guard !method.rawValue.isEmpty, method.rawValue.utf8.allSatisfy(HTTPBytes.isToken) else {
            throw ServeHTTPError(.badRequest, "the method is not a token")
        }
        let asterisk = target == "*" && method == .options
        guard target.utf8.first == UInt8(ascii: "/") || asterisk, target.utf8.allSatisfy(HTTPBytes.isTarget) else {
            throw ServeHTTPError(.badRequest, "the path must begin with '/' and be percent-encoded")
        }
        let path = Array(target.utf8.prefix { $0 != UInt8(ascii: "?") })
        let normal = Array(NormalPath.normalized(prefix.hasSuffix("/") ? String(prefix.dropLast()) : prefix).utf8)
        guard let prefixLength = path.withUnsafeBytes({ NormalPath.length(of: normal, in: $0) }) else {
            throw ServeHTTPError(.badRequest, "the path does not begin with the route prefix '\(prefix)'")
        }
        var bytes = ByteBuffer()
        bytes.writeString(method.rawValue)
        bytes.writeStaticString(" ")
        let start = UInt32(bytes.writerIndex)
        bytes.writeString(target)
        let end = UInt32(bytes.writerIndex)
        bytes.writeStaticString(" HTTP/1.1\r\n")
        let headersStart = UInt32(bytes.writerIndex)
        for field in headers {
            if let reason = HTTPHeaders.problem(name: field.name, value: field.value) {
                throw HTTPHeaderError(name: field.name, reason: reason)
            }
            bytes.writeString("\(field.name): \(field.value)\r\n")
        }
        self.init(
            bytes: bytes,
            layout: Layout(
                methodLength: start - 1,
                targetStart: start,
                targetEnd: end,
                pathStart: start,
                pathEnd: start + UInt32(path.count),
                headersStart: headersStart
            ),
            flags: Flags(
                hasContentEncoding: headers.contains("content-encoding"),
                hasAttributes: ([Self.priorityHeader, Self.sessionHeader] + Self.modelHeaders).contains {
                    headers.contains($0)
                }
            ),
            prefixLength: prefixLength,
            requestID: requestID
        )
    }
}
