internal import HTTPTypes
public import Hummingbird
public import Logging
internal import NIOCore
public import SwerveHTTPTypes

/// Lets a Hummingbird router answer the requests of an ingress.
///
/// ```swift
/// @Deployment
/// distributed actor API: HTTPIngress {
///     private let routes: HummingbirdResponder
///
///     init() {
///         let router = Router(context: HummingbirdContext.self)
///         router.get("/hello/:name") { _, context in "hello \(context.parameters.get("name") ?? "you")" }
///         routes = HummingbirdResponder(router)
///     }
///     func respond(to request: ServeRequest) async throws -> ServeResponse {
///         try await routes.respond(to: request)
///     }
/// }
/// ```
/// The router sees paths below the application's route prefix. Bodies stream in both directions with back-pressure. The
/// initialiser erases the router's type and builds its responder, once for all requests.
public struct HummingbirdResponder: Sendable {
    private let answer: @Sendable (Request, HummingbirdSource) async throws -> Response

    /// - Parameter router: must be complete; routes added to it later are ignored.
    public init<Context: RequestContext>(_ router: Router<Context>) where Context.Source == HummingbirdSource {
        let responder = router.buildResponder()
        self.answer = { request, source in
            try await responder.respond(to: request, context: Context(source: source))
        }
    }

    /// The router itself answers errors of Hummingbird that have a response, such as `HTTPError`.
    ///
    /// - Throws: what the router's handlers throw and its middleware does not turn into a response.
    public func respond(to request: ServeRequest) async throws -> ServeResponse {
        var logger = Logger(label: "swerve.hummingbird")
        logger[metadataKey: "request-id"] = "\(request.requestID)"
        let source = HummingbirdSource(logger: logger, requestID: request.requestID)
        let response = try await answer(
            Request(head: Self.head(of: request), body: RequestBody(asyncSequence: request.body)),
            source
        )
        return try await Self.convert(response)
    }

    private static func head(of request: ServeRequest) -> HTTPTypes.HTTPRequest {
        var fields = HTTPFields()
        for header in request.headers {
            if let name = HTTPField.Name(header.name) { fields.append(HTTPField(name: name, value: header.value)) }
        }
        let method = HTTPTypes.HTTPRequest.Method(rawValue: request.method.rawValue) ?? .get
        let path = request.query.map { "\(request.path)?\($0)" } ?? request.path
        return HTTPTypes.HTTPRequest(
            method: method,
            scheme: "http",
            authority: request.headers["host"],
            path: path,
            headerFields: fields
        )
    }

    /// A body of known length up to this many bytes is sent together with its head.
    private static let wholeBodyBytes = 1 << 20

    private static func convert(_ response: Response) async throws -> ServeResponse {
        var headers = HTTPHeaders()
        for field in response.headers { headers.add(field.name.rawName, field.value) }
        let status = HTTPStatus(UInt16(response.status.code))
        let length = response.body.contentLength
        if let length, length <= wholeBodyBytes {
            let collected = CollectingWriter.Storage()
            try await response.body.write(CollectingWriter(storage: collected))
            return ServeResponse(status: status, headers: headers, body: .bytes(collected.bytes))
        }
        let body = response.body
        return ServeResponse(
            status: status,
            headers: headers,
            body: .stream(contentLength: length) { try await body.write(StreamingWriter(writer: $0)) }
        )
    }
}

/// What a ``HummingbirdContext`` is made from.
public struct HummingbirdSource: RequestContextSource {
    public let logger: Logger
    public let requestID: String
}

/// The context of a request that comes through Swerve. Routers may use their own contexts with the same `Source`.
public struct HummingbirdContext: RequestContext {
    public typealias Source = HummingbirdSource
    public var coreContext: CoreRequestContextStorage
    public let requestID: String

    public init(source: HummingbirdSource) {
        self.coreContext = CoreRequestContextStorage(source: source)
        self.requestID = source.requestID
    }
}

private struct StreamingWriter: ResponseBodyWriter {
    let writer: HTTPBodyWriter
    mutating func write(_ buffer: ByteBuffer) async throws { try await writer.write(buffer) }
    consuming func finish(_ trailingHeaders: HTTPFields?) async throws {}
}

private struct CollectingWriter: ResponseBodyWriter {
    final class Storage {
        var bytes = ByteBuffer()
    }
    let storage: Storage
    mutating func write(_ buffer: ByteBuffer) async throws { storage.bytes.writeImmutableBuffer(buffer) }
    consuming func finish(_ trailingHeaders: HTTPFields?) async throws {}
}
