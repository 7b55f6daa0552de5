internal import SwerveActors
package import SwerveCore
internal import SwerveHTTPTypes

/// The graphs of a driver.
public struct GraphRoutes: Codable, Sendable {
    let routes: [GraphRoute]
    /// Whether the driver has one graph for all paths.
    let isSingle: Bool

    init(_ routes: [GraphRoute], isSingle: Bool) {
        self.routes = routes
        self.isSingle = isSingle
    }

    var programs: [GraphProgram] { routes.compactMap { try? $0.program() } }

    func single() throws -> GraphProgram {
        guard isSingle else {
            throw ServeError(.notFound, "the driver has routes, so call predict(route:_:); \(known)")
        }
        return try routes[0].program()
    }

    func route(_ path: String) throws -> GraphProgram {
        guard let route = route(at: NormalPath.normalized(path)) else {
            throw ServeError(.notFound, "the driver has no route '\(path)'; \(isSingle ? "it has one graph" : known)")
        }
        return try route.program()
    }

    /// - Parameter path: in its normal form.
    private func route(at path: String) -> GraphRoute? {
        routes.first { $0.path.map(NormalPath.normalized) == path }
    }

    private var known: String {
        "its \(routes.count == 1 ? "route is" : "routes are") " + routes.compactMap(\.path).joined(separator: ", ")
    }

    func respond(to request: ServeRequest) async throws -> ServeResponse {
        if isSingle { return try await routes[0].respond(to: request) }
        let path = request.path
        guard let route = route(at: path) else {
            throw ServeHTTPError(.notFound, "the graph has no route \(path); \(known)")
        }
        return try await route.respond(to: request)
    }

    public func encode(to encoder: any Encoder) throws {
        try check()
        var container = encoder.unkeyedContainer()
        try container.encode(isSingle)
        for route in routes { try container.encode(route) }
    }

    public init(from decoder: any Decoder) throws {
        var container = try decoder.unkeyedContainer()
        let isSingle = try container.decode(Bool.self)
        var routes: [GraphRoute] = []
        while !container.isAtEnd { routes.append(try container.decode(GraphRoute.self)) }
        self.init(routes, isSingle: isSingle)
    }

    private func check() throws(ServeError) {
        func refuse(_ what: String) -> ServeError { ServeError(.invalidGraph, "invalid graph routes: \(what)") }
        if routes.isEmpty { throw refuse("there are none") }
        for path in routes.compactMap(\.path) {
            guard path.hasPrefix("/"), path.utf8.allSatisfy(HTTPBytes.isTarget), !path.contains("?") else {
                throw refuse("'\(path)' is not a path; a path begins with '/' and is percent-encoded")
            }
            if path != "/", path.hasSuffix("/") {
                throw refuse("'\(path)' ends in '/'; write '\(path.dropLast())'")
            }
        }
    }
}

extension GraphRoutes: RouteDescribing {
    package var routeDescriptions: [RouteDescription] {
        routes.compactMap { route in
            guard case .written(let vertex) = route.graph else { return nil }
            return RouteDescription(
                path: route.path,
                input: route.adapter.inputSchema.json,
                output: JSONSchema(describing: vertex.type.value).json
            )
        }
    }
}

extension GraphProgram {
    /// Checks that the caller's types are the graph's.
    ///
    /// - Parameter output: the mangled name of the type that the caller expects.
    /// - Throws: ``ServeError`` with code `invalidArgument` when they are not.
    func check(input: any AnyGraphType.Type, output: String, route: String) throws(ServeError) {
        if let expected = inputType?.value, expected != input.value {
            throw ServeError(.invalidArgument, "the route '\(route)' takes a \(expected), not a \(input.value)")
        }
        if _mangledTypeName(resultType.value) != output {
            let other = TypeNames.find(output).map { "\($0)" } ?? output
            throw ServeError(.invalidArgument, "the route '\(route)' returns a \(resultType.value), not a \(other)")
        }
    }
}
