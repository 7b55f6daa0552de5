internal import SwerveActors
internal import SwerveCore
internal import SwerveHTTP
internal import SwerveHTTPTypes
internal import SwerveTracing
internal import Tracing

/// The spans of one HTTP request where it comes in: the request itself, from its head to the end of the response, and its
/// wait for a replica. Confined to the exchange's event loop.
///
/// Names and attributes are those of OpenTelemetry's conventions for HTTP servers.
final class ForwardTrace: HTTPExchangeObserver {
    private let span: OpenSpan
    private let wait: QueueWait?
    private var isAnswered = false

    /// `nil` for a request that is not recorded.
    init?(_ pool: Pool, _ head: HTTPRequestHead, _ exchange: HTTPExchange) {
        guard let recorder = pool.tracing.recorder else { return nil }
        let parent = head.trace
        guard
            let span = recorder.begin(Self.name(of: head), kind: .server, below: parent, isRemote: true)
        else { return nil }
        self.span = span
        self.wait = QueueWait(of: pool, below: span.trace)
        describe(head, pool.id)
        exchange.observer = self
    }

    private static let knownMethods: Set<String> = [
        "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY",
    ]

    private static func name(of head: HTTPRequestHead) -> String {
        let method = head.method.rawValue
        return "\(knownMethods.contains(method) ? method : "HTTP") \(route(of: head))"
    }

    /// The application's route prefix.
    private static func route(of head: HTTPRequestHead) -> String {
        let prefix = String(decoding: head.fullPath.utf8.prefix(head.prefixLength), as: UTF8.self)
        return prefix.isEmpty ? "/" : prefix
    }

    private func describe(_ head: HTTPRequestHead, _ deployment: DeploymentID) {
        let method = head.method.rawValue
        if Self.knownMethods.contains(method) {
            span.set("http.request.method", method)
        } else {
            span.set("http.request.method", "_OTHER")
            span.set("http.request.method_original", method)
        }
        span.set("http.route", Self.route(of: head))
        span.set("url.path", head.fullPath)
        span.set("url.scheme", "http")
        if let host = head.headers["host"] { describe(host: host) }
        span.set(of: deployment)
        span.set("swerve.request_id", head.requestID)
    }

    private func describe(host: String) {
        // A colon inside brackets belongs to an address.
        let end = host.lastIndex(of: "]") ?? host.startIndex
        guard let colon = host[end...].lastIndex(of: ":"), let port = Int(host[host.index(after: colon)...]) else {
            return span.set("server.address", host)
        }
        span.set("server.address", String(host[..<colon]))
        span.set("server.port", port)
    }

    // MARK: The way to a replica

    func waits() { wait?.begin() }

    /// - Returns: what the replica's spans belong below.
    func asks(_ replica: ReplicaID) -> TraceContext {
        wait?.end()
        span.set("swerve.replica", "\(replica)")
        return span.trace
    }

    // MARK: The response

    func answered(status: UInt16) {
        // A service that fails after its response has begun says another status, which the client does not get.
        if isAnswered { return }
        isAnswered = true
        span.set("http.response.status_code", Int(status))
        if status >= 500 { span.fail("\(status)") }
    }

    func over(_ end: HTTPExchangeEnd) {
        wait?.end()
        switch end {
        case .answered: break
        case .brokenOff: span.fail("broken_off", "the response broke off")
        case .cancelled(.clientGone): span.fail("client_gone", "the client closed the connection")
        case .cancelled(.timedOut): span.fail("timed_out", "the request took too long")
        case .cancelled(.invalidRequest): span.fail("invalid_request", "the rest of the request is not valid")
        case .cancelled(.shutDown): span.fail("shut_down", "the server ended before the response did")
        }
        span.end()
    }
}
