/// A route of an ingress, as `/-/routes` lists it.
public struct RouteDescription: Hashable, Sendable, Codable {
    /// The path below the application's route prefix; `nil` for all paths.
    public var path: String?
    /// The JSON Schema of a request's content, as JSON text.
    public var input: String
    /// The JSON Schema of the response's content, as JSON text.
    public var output: String

    public init(path: String?, input: String, output: String) {
        self.path = path
        self.input = input
        self.output = output
    }
}

/// One row of the table of HTTP routes.
package struct RouteEntry: Hashable, Sendable, Codable {
    /// The path below which the application answers. It starts with `/` and does not end with one, unless it is just
    /// `/`. In its normal form, see ``NormalPath``.
    package var prefix: String
    package var application: String
    /// The deployment that requests go to.
    package var ingress: DeploymentID
    /// Whether the ingress answers HTTP requests itself.
    package var answersHTTP: Bool
    /// The routes that the ingress describes.
    package var routes: [RouteDescription]
    package var cors: CORS?

    package init(
        prefix: String,
        application: String,
        ingress: DeploymentID,
        answersHTTP: Bool,
        routes: [RouteDescription] = [],
        cors: CORS? = nil
    ) {
        self.prefix = prefix
        self.application = application
        self.ingress = ingress
        self.answersHTTP = answersHTTP
        self.routes = routes
        self.cors = cors
    }
}
