internal import SwerveCore
public import SwerveHTTPTypes

/// One method and path that a ``RoutedIngress`` answers.
public struct HTTPRoute<Ingress: HTTPIngress>: Sendable {
    /// Answers a request, on the replica's actor.
    public typealias Handler = @Sendable (isolated Ingress, ServeRequest) async throws -> ServeResponse

    let method: HTTPMethod
    /// `nil` for every path.
    let pattern: PathPattern?
    let handler: Handler

    private init(_ method: HTTPMethod, _ path: String?, _ handler: @escaping Handler) {
        self.method = method
        self.pattern = path.map(PathPattern.init)
        self.handler = handler
    }

    /// A route of any method.
    ///
    /// - Parameters:
    ///   - method: case-sensitive; also one that HTTP does not define.
    ///   - path: below the application's route prefix, beginning with `/`. A segment in braces matches any text that is
    ///     not empty: `/models/{name}`, see ``ServeRequest/parameters``. `nil`, the default, is every path.
    public static func on(_ method: HTTPMethod, _ path: String? = nil, _ handler: @escaping Handler) -> HTTPRoute {
        HTTPRoute(method, path, handler)
    }

    /// Answers `GET`, and `HEAD` with the same headers.
    public static func get(_ path: String? = nil, _ handler: @escaping Handler) -> HTTPRoute {
        HTTPRoute(.get, path, handler)
    }

    public static func post(_ path: String? = nil, _ handler: @escaping Handler) -> HTTPRoute {
        HTTPRoute(.post, path, handler)
    }

    public static func put(_ path: String? = nil, _ handler: @escaping Handler) -> HTTPRoute {
        HTTPRoute(.put, path, handler)
    }

    public static func patch(_ path: String? = nil, _ handler: @escaping Handler) -> HTTPRoute {
        HTTPRoute(.patch, path, handler)
    }

    public static func delete(_ path: String? = nil, _ handler: @escaping Handler) -> HTTPRoute {
        HTTPRoute(.delete, path, handler)
    }
}

/// The routes of a ``RoutedIngress``, and the answers to requests that none of them takes.
public struct HTTPRoutes<Ingress: HTTPIngress>: Sendable, ExpressibleByArrayLiteral {
    /// Patterns with more literal segments first, routes without a path last.
    private let routes: [HTTPRoute<Ingress>]
    private let hasPaths: Bool

    public init(_ routes: [HTTPRoute<Ingress>]) {
        // A stable sort: of equal patterns, the first one written wins.
        self.routes = routes.enumerated()
            .sorted {
                ($1.element.pattern?.literals ?? -1, $0.offset) < ($0.element.pattern?.literals ?? -1, $1.offset)
            }
            .map(\.element)
        self.hasPaths = routes.contains { $0.pattern != nil }
    }

    public init(arrayLiteral elements: HTTPRoute<Ingress>...) {
        self.init(elements)
    }

    /// Answers a request with the route that matches it. A path with more literal segments wins, and a route without a
    /// path comes last. `OPTIONS *` is answered with the methods of all routes, unless a route without a path takes it.
    ///
    /// - Throws: ``ServeHTTPError`` with status 404 for a path without routes; what the route's handler throws.
    func respond(to request: ServeRequest, on ingress: isolated Ingress) async throws -> ServeResponse {
        let method = request.method
        // The path is made only for routes that look at it.
        let path = hasPaths ? request.path : "/"
        let isAboutAll = path == "*" && method == .options
        var found: (handler: HTTPRoute<Ingress>.Handler, parameters: [String: String])?
        var allowed: [HTTPMethod] = []
        for route in routes {
            var parameters: [String: String] = [:]
            if let pattern = route.pattern {
                if isAboutAll {
                    // It asks what there is. A route with a path does not answer, because it expects its parameters.
                    allowed.append(route.method)
                    continue
                }
                guard let matched = pattern.match(path) else { continue }
                parameters = matched
            }
            if route.method == method {
                var request = request
                request.parameters = parameters
                return try await route.handler(ingress, request)
            }
            if method == .head, route.method == .get, found == nil { found = (route.handler, parameters) }
            allowed.append(route.method)
        }
        if let found {
            var request = request
            request.parameters = found.parameters
            return try await found.handler(ingress, request)
        }
        return try refusal(of: method, path, allowed)
    }

    private func refusal(
        of method: HTTPMethod,
        _ path: String,
        _ allowed: [HTTPMethod]
    ) throws(ServeHTTPError) -> ServeResponse {
        // A method that some route of another path answers is known, so it is not allowed here.
        if allowed.isEmpty, HTTPMethod.standard.contains(method) || routes.contains(where: { $0.method == method }) {
            let paths = routes.compactMap(\.pattern?.description).reduce(into: [String]()) { paths, path in
                if !paths.contains(path) { paths.append(path) }
            }
            throw ServeHTTPError(
                .notFound,
                "nothing is at \(path.prefix(200)); there is \(paths.joined(separator: ", "))"
            )
        }
        return .refusing(method, allowed: allowed, known: routes.map(\.method))
    }

    /// What is wrong with the routes, or `nil`.
    package var problem: String? {
        if routes.isEmpty { return "it has no routes" }
        for (index, route) in routes.enumerated() {
            guard !route.method.rawValue.isEmpty, route.method.rawValue.utf8.allSatisfy(HTTPBytes.isToken) else {
                return "'\(route.method)' is not a method"
            }
            if let problem = route.pattern?.problem { return problem }
            let isTwice = routes[..<index].contains { other in
                other.method == route.method && Self.isSame(other.pattern, route.pattern)
            }
            if isTwice { return "two routes answer \(route.method) \(route.pattern?.description ?? "at every path")" }
        }
        return nil
    }

    private static func isSame(_ one: PathPattern?, _ two: PathPattern?) -> Bool {
        guard let one, let two else { return one == nil && two == nil }
        return one.isSame(as: two)
    }
}
