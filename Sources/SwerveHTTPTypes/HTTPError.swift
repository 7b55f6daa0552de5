internal import SwerveCore

/// An error that user code throws to answer a request with a status of its choice.
///
/// It travels between processes as itself. The client gets the message, so put nothing secret in it.
public struct HTTPError: Error, Hashable, Sendable, Codable, CustomStringConvertible {
    public var status: HTTPStatus
    public var message: String

    /// - Parameter message: what the client reads; the status's phrase by default.
    public init(_ status: HTTPStatus, _ message: String? = nil) {
        self.status = status
        self.message = message ?? status.reasonPhrase
    }

    public var description: String { "\(status): \(message)" }
}

/// An error that knows how HTTP answers it, for those of libraries that have nothing to do with HTTP otherwise.
///
/// A service that lets such an error through answers as if the ``HTTPError`` had been thrown.
public protocol HTTPErrorConvertible: Error {
    /// The answer; `nil` for what is no business of the client's, which is answered with 500.
    var httpError: HTTPError? { get }
}

extension HTTPResponse {
    /// What a failed request answers: an ``HTTPError`` its own status and message, an ``HTTPErrorConvertible`` those that it
    /// gives, a ``ServeError`` the status of ``HTTPStatus/init(for:)``, any other error status 500. Status 503 comes with
    /// `retry-after`.
    ///
    /// - Parameter showDetails: whether status 500 tells the client what the error says of itself; it does not by
    ///   default, because errors may hold anything.
    public init(for error: any Error, showDetails: Bool = false) {
        switch error {
        case let error as HTTPError:
            self = .error(error.status, error.message)
        case let error as ServeError:
            let status = HTTPStatus(for: error)
            let hidden = status == .internalServerError && !showDetails
            self = .error(status, hidden ? "internal error" : error.message)
            if let seconds = HTTPStatus.retryAfter(for: error) { headers.add("retry-after", "\(seconds)") }
        case let error as any HTTPErrorConvertible:
            guard let converted = error.httpError else { fallthrough }
            self = .error(converted.status, converted.message)
            if converted.status == .serviceUnavailable { headers.add("retry-after", "1") }
        default:
            self = .error(.internalServerError, showDetails ? "\(error)" : "internal error")
        }
    }

    /// What a client may read of an error.
    package static func message(for error: any Error) -> String {
        switch error {
        case let error as HTTPError: error.message
        case let error as ServeError where HTTPStatus(for: error) != .internalServerError: error.message
        case let error as any HTTPErrorConvertible: error.httpError?.message ?? "internal error"
        default: "internal error"
        }
    }
}
