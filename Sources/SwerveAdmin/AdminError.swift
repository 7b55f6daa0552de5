internal import NIOCore
internal import SwerveCore
package import SwerveHTTPTypes

/// A request that the admin server does not carry out, as its client reads it: `{"error":{"code":…,"message":…}}`.
package struct AdminError: Error, Hashable, Sendable, CustomStringConvertible {
    package let status: HTTPStatus
    /// For programs, such as `not_found`.
    package let code: String
    /// For people.
    package let message: String
    /// Header fields that go with it.
    package var headers: HTTPHeaders = [:]

    package init(_ status: HTTPStatus, _ code: String, _ message: String, headers: HTTPHeaders = [:]) {
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers
    }

    package var description: String { "\(status): \(message)" }

    package static func notFound(_ message: String) -> AdminError { AdminError(.notFound, "not_found", message) }
    package static func badRequest(_ message: String) -> AdminError { AdminError(.badRequest, "bad_request", message) }
    /// This instance has no such thing; `reason` says what it would need.
    package static func notProvided(_ reason: String) -> AdminError {
        AdminError(.notImplemented, "not_provided", reason)
    }

    /// Whatever a handler threw.
    package init(_ error: any Error) {
        switch error {
        case let error as AdminError: self = error
        case let error as ServeError:
            var headers = HTTPHeaders()
            if let seconds = HTTPStatus.retryAfter(for: error) { headers.add("retry-after", "\(seconds)") }
            self.init(Self.status(for: error), error.code.rawValue, error.message, headers: headers)
        case let error as ServeHTTPError:
            self.init(error.status, Self.code(of: error.status), error.message)
        // The one who asks owns the instance, so nothing is hidden.
        default: self.init(.internalServerError, "internal_error", "\(error)")
        }
    }

    private static func status(for error: ServeError) -> HTTPStatus {
        switch error.code {
        case .invalidOptions, .invalidArgument: .badRequest
        case .insufficientResources, .startFailed, .stateInUse, .stateUnusable: .conflict
        default: HTTPStatus(for: error)
        }
    }

    /// The name of a status, such as `not_found`.
    package static func code(of status: HTTPStatus) -> String {
        String(status.reasonPhrase.map { $0.isLetter || $0.isNumber ? Character($0.lowercased()) : "_" })
    }

    package var response: ServeResponse {
        var response = ServeResponse(
            status: status,
            headers: ["content-type": "application/json"],
            body: .bytes(Self.body(code: code, message: message))
        )
        for field in headers { response.headers.add(field.name, field.value) }
        return response
    }

    static func body(code: String, message: String) -> ByteBuffer {
        var body = ByteBuffer()
        body.writeStaticString("{\"error\":{\"code\":")
        body.writeJSONString(code)
        body.writeStaticString(",\"message\":")
        body.writeJSONString(message)
        body.writeStaticString("}}\n")
        return body
    }
}
