public import NIOCore

/// A whole HTTP request as a value: the input of a graph whose first node unpacks requests itself.
public struct RawRequest: Hashable, Codable, Sendable, HTTPInput {
    public struct Field: Hashable, Codable, Sendable {
        public var name: String
        public var value: String

        public init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    public var method: String
    /// The path below the application's route prefix, percent-encoded.
    public var path: String
    /// The part after the `?`, as it was sent.
    public var query: String?
    public var headers: [Field]
    public var body: ByteBuffer

    public init(
        method: String = "GET",
        path: String = "/",
        query: String? = nil,
        headers: [Field] = [],
        body: ByteBuffer = ByteBuffer()
    ) {
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.body = body
    }

    /// - Throws: ``ServeError`` with code `tooLarge` (HTTP 413) for a body of more than
    ///   ``HTTPBody/defaultCollectLimit``.
    public static func input(from request: ServeRequest) async throws -> RawRequest {
        RawRequest(
            method: request.method.rawValue,
            path: request.path,
            query: request.query,
            headers: request.headers.map { Field(name: $0.name, value: $0.value) },
            body: try await request.body.collect()
        )
    }

    /// The first value of the header with that name, ignoring case.
    public func header(_ name: String) -> String? {
        headers.first { $0.name.isSameHeaderName(as: name) }?.value
    }

    /// The request as an ingress receives it, for functions that take one.
    ///
    /// - Throws: ``HTTPHeaderError`` and ``ServeHTTPError`` for parts that are not valid in a request.
    public func request() throws -> ServeRequest {
        try ServeRequest(
            method: HTTPMethod(rawValue: method),
            path: path + (query.map { "?\($0)" } ?? ""),
            headers: HTTPHeaders(headers.map { (name: $0.name, value: $0.value) }),
            body: HTTPBody(body)
        )
    }
}

/// A whole HTTP response as a value: the output of a graph whose last node packs responses itself.
public struct RawResponse: Hashable, Codable, Sendable, HTTPOutput {
    public var status: HTTPStatus
    public var headers: [RawRequest.Field]
    public var body: ByteBuffer

    public init(status: HTTPStatus = .ok, headers: [RawRequest.Field] = [], body: ByteBuffer = ByteBuffer()) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// - Throws: ``ServeHTTPError`` with status 500 when the body is a stream.
    public init(_ response: ServeResponse) throws(ServeHTTPError) {
        guard let body = response.body.completeBytes else {
            throw ServeHTTPError(.internalServerError, "a response with a streamed body cannot be a value")
        }
        self.init(
            status: response.status,
            headers: response.headers.fields.map { RawRequest.Field(name: $0.name, value: $0.value) },
            body: body
        )
    }

    public func response(to request: ServeRequest) -> ServeResponse {
        ServeResponse(
            status: status,
            headers: HTTPHeaders(headers.map { (name: $0.name, value: $0.value) }),
            body: .bytes(body)
        )
    }
}
