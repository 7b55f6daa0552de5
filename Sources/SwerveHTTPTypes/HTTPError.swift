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

extension HTTPResponse {
    /// What a failed request answers: an ``HTTPError`` its own status and message, a ``ServeError`` the status of
    /// ``HTTPStatus/init(for:)`` (with `retry-after` where trying again helps), any other error status 500.
    ///
    /// - Parameter showDetails: whether status 500 tells the client what the error says of itself; it does not by
    ///   default, because errors may hold anything.
    public init(for error: any Error, showDetails: Bool = false) {
        switch error {
        case let error as HTTPError:
            self = .error(error.status, error.message)
        case let error as any HTTPErrorConvertible:
            self = error.httpResponse
        case let error as ServeError:
            let status = HTTPStatus(for: error)
            let hidden = status == .internalServerError && !showDetails
            self = .error(status, hidden ? "internal error" : error.message)
            if let seconds = HTTPStatus.retryAfter(for: error) { headers.add("retry-after", "\(seconds)") }
        default:
            self = .error(.internalServerError, showDetails ? "\(error)" : "internal error")
        }
    }

    /// What a client may read of an error.
    package static func message(for error: any Error) -> String {
        switch error {
        case let error as HTTPError: error.message
        case let error as ServeError where HTTPStatus(for: error) != .internalServerError: error.message
        default: "internal error"
        }
    }
}
