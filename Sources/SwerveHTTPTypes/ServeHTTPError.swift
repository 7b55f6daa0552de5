internal import SwerveCore

/// An error that user code throws to answer a request with a status of its choice.
///
/// It crosses process boundaries unchanged. The client gets the message, so put nothing secret in it.
public struct ServeHTTPError: Error, Hashable, Sendable, Codable, CustomStringConvertible {
    public var status: HTTPStatus
    public var message: String
    /// After which time the client should try again, as the header `retry-after` says it. `nil` leaves the header out,
    /// except for status 503: that says 1 second.
    public var retryAfter: Duration?

    /// - Parameters:
    ///   - message: what the client reads; the status's phrase by default.
    ///   - retryAfter: after which time the client should try again.
    public init(_ status: HTTPStatus, _ message: String? = nil, retryAfter: Duration? = nil) {
        self.status = status
        self.message = message ?? status.reasonPhrase
        self.retryAfter = retryAfter
    }

    public var description: String { "\(status): \(message)" }
}

/// An error that provides its own HTTP answer, for libraries that otherwise have nothing to do with HTTP.
///
/// A service that lets such an error through answers as if it had thrown the ``ServeHTTPError``.
public protocol ServeHTTPErrorConvertible: Error {
    /// The answer; `nil` if the error is none of the client's business, which is answered with 500.
    var httpError: ServeHTTPError? { get }
}

extension ServeResponse {
    /// The response to a failed request. An ``ServeHTTPError`` gives its own status and message, an ``ServeHTTPErrorConvertible``
    /// those of its ``ServeHTTPErrorConvertible/httpError``, a ``ServeError`` the status of ``HTTPStatus/init(for:)``, any
    /// other error status 500. An error with a time of its own to try again gives the header `retry-after`; status 503 has it
    /// anyway, unless the error is a ``ServeError`` about which waiting changes nothing (`deleted`, `notRunning`).
    ///
    /// - Parameter showDetails: whether status 500 tells the client what the error says about itself. Off by default,
    ///   because errors may contain anything.
    public init(for error: any Error, showDetails: Bool = false) {
        switch error {
        case let error as ServeHTTPError:
            self = Self(error)
        case let error as UnsupportedContentCoding:
            self = .error(.unsupportedMediaType, error.message)
            headers["accept-encoding"] = ContentCoding.acceptedList
        case let error as ServeError:
            let status = HTTPStatus(for: error)
            let hidden = status == .internalServerError && !showDetails
            self = .error(status, hidden ? "internal error" : error.message)
            if let seconds = HTTPStatus.retryAfter(for: error) { headers.add("retry-after", "\(seconds)") }
        case let error as any ServeHTTPErrorConvertible:
            guard let converted = error.httpError else { fallthrough }
            self = Self(converted)
        default:
            self = .error(.internalServerError, showDetails ? "\(error)" : "internal error")
        }
    }

    private init(_ error: ServeHTTPError) {
        self = .error(error.status, error.message)
        let time = error.retryAfter ?? (error.status == .serviceUnavailable ? .seconds(1) : nil)
        if let time { headers.add("retry-after", "\(HTTPStatus.wholeSeconds(time))") }
    }

    /// The part of an error that a client may read.
    package static func message(for error: any Error) -> String {
        switch error {
        case let error as ServeHTTPError: error.message
        case let error as ServeError where HTTPStatus(for: error) != .internalServerError: error.message
        case let error as any ServeHTTPErrorConvertible: error.httpError?.message ?? "internal error"
        default: "internal error"
        }
    }
}
