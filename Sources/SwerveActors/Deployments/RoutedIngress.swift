public import Distributed
internal import SwerveCore
public import SwerveHTTPTypes

/// An ingress that says which methods and paths it answers, and leaves the others to Swerve.
///
/// ```swift
/// @Deployment
/// distributed actor TextConverter: RoutedIngress {
///     static let routes: HTTPRoutes<TextConverter> = [
///         .post { converter, request in .text(converter.convert(try await request.body.text())) },
///         .get("/languages/{name}") { converter, request in try .json(converter.language(request.parameters["name"])) },
///     ]
///     ...
/// }
/// ```
/// A path without routes gets 404. A method that the path does not answer gets 405 with `allow`; one that HTTP does not
/// know gets 501. `HEAD` runs the route of `GET`, and the answer goes without its content. `OPTIONS` gets 204 with
/// `allow`. A route for `HEAD` or `OPTIONS` comes before these. `Serve.run` refuses paths that no request can have and
/// two routes for the same requests.
///
/// Handlers run on the replica's actor, and throw as ``HTTPIngress/respond(to:)`` does. For full control conform to
/// ``HTTPIngress`` instead, and for middleware and larger APIs use Hummingbird's router through `SwerveHummingbird`.
public protocol RoutedIngress: HTTPIngress {
    /// Make it a `static let`, so that it is built once per process.
    static var routes: HTTPRoutes<Self> { get }
}

extension RoutedIngress {
    public func respond(to request: ServeRequest) async throws -> ServeResponse {
        try await Self.routes.respond(to: request, on: self)
    }

    /// What is wrong with the routes, or `nil`.
    package static var routesProblem: String? { routes.problem }
}
