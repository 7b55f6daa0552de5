public import SwerveHTTPTypes

/// A deployment that answers HTTP requests: the ingress of an application that has a route prefix.
///
/// ```swift
/// @Deployment
/// distributed actor TextConverter: HTTPIngress {
///     func respond(to request: ServeRequest) async throws -> ServeResponse {
///         .text(try await request.body.text().uppercased())
///     }
/// }
/// ```
/// Both bodies may be streams. The task is cancelled when the client disconnects or the request takes too long. A
/// thrown ``ServeHTTPError`` or ``ServeHTTPErrorConvertible`` answers with its status, a ``ServeError`` with the status
/// of its code, and any other error with 500.
public protocol HTTPIngress: Deployment {
    func respond(to request: ServeRequest) async throws -> ServeResponse
}
