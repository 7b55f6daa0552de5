internal import SwerveCore
package import SwerveHTTPTypes

/// One path and method of the server.
package struct AdminRoute: Sendable {
    package typealias Handler = @Sendable (ServeRequest) async throws -> ServeResponse

    package let method: HTTPMethod
    package let pattern: PathPattern
    package let need: AdminAccess.Need
    package let handler: Handler

    /// - Parameter need: by default to read for `GET`, to change for the others.
    package init(
        _ method: HTTPMethod,
        _ path: String,
        need: AdminAccess.Need? = nil,
        _ handler: @escaping Handler
    ) {
        self.method = method
        self.pattern = PathPattern(path)
        self.need = need ?? (method == .get ? .read : .change)
        self.handler = handler
    }
}

/// Finds the route of a request. A slash at the end of a path means nothing.
package struct AdminRoutes: Sendable {
    private let routes: [AdminRoute]

    package init(_ routes: [AdminRoute]) {
        self.routes = routes
    }

    /// - Returns: the route, and what the path has in the places of its parameters.
    /// - Throws: 404 with paths that are spelled alike, 405 with the methods that the path answers.
    package func match(
        _ method: HTTPMethod,
        _ path: String
    ) throws(AdminError) -> (route: AdminRoute, parameters: [String: String]) {
        let path = Self.trimmed(NormalPath.normalized(path))
        let found = routes.compactMap { route in route.pattern.match(path).map { (route, $0) } }
        // A path without a parameter is meant before one with it.
        let most = found.map(\.0.pattern.literals).max()
        let best = found.filter { $0.0.pattern.literals == most }
        guard !best.isEmpty else { throw .notFound(missing(path)) }
        let wanted = method == .head ? .get : method
        if let match = best.first(where: { $0.0.method == wanted }) { return match }
        var allowed = Set(best.map(\.0.method.rawValue))
        if allowed.contains("GET") { allowed.insert("HEAD") }
        let list = allowed.sorted().joined(separator: ", ")
        throw AdminError(
            .methodNotAllowed,
            "method_not_allowed",
            "\(method.rawValue.prefix(40)) is not allowed here; the path answers \(list)",
            headers: ["allow": list]
        )
    }

    private static func trimmed(_ path: String) -> String {
        path.utf8.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
    }

    private func missing(_ path: String) -> String {
        let shown = path.prefix(200)
        let near = NearestName.several(String(shown), among: Set(routes.map(\.pattern.description)))
        return "there is no \(shown)" + (near.isEmpty ? "" : "; there is \(near.joined(separator: ", "))")
    }
}
