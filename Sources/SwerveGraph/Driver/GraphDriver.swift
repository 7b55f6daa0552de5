public import Distributed
public import SwerveActors
public import SwerveCore
public import SwerveHTTPTypes

/// The ingress of an application that runs a graph for each request.
///
/// ```swift
/// let input = InputNode<Image>()
/// let map = segmenter.nodes.segment(sharpen.nodes(input, by: 8))
/// let handle = try await Serve.run(GraphDriver.bind(map), name: "graph", routePrefix: "/")
/// let answer = try await handle.predict(image)
/// ```
/// The deployments of the graph become deployments of the application, each with its own replicas and options. So does
/// the driver, which takes the usual options: by default it has one replica in its own process. With
/// `options: DeploymentOverrides(placement: .inProcess)` it runs in the process that receives the requests, which saves
/// a hop.
///
/// Over HTTP, every path of the application reaches the graph, or each route reaches its own graph
/// (``bind(_:)-(Dictionary)``). An ``HTTPAdapter`` reads the input from the request. The type of the result decides the
/// response (``HTTPOutput``); the default is JSON. GET, HEAD and POST are accepted.
///
/// When a node fails, the nodes made from it and the request fail with ``GraphNodeError``. Over HTTP, the status is
/// that of the cause and the message names the node. Cancelling the request cancels all its nodes.
public distributed actor GraphDriver<Input: Codable & Sendable, Output: Codable & Sendable>: HTTPIngress {
    public typealias ActorSystem = ServeSystem
    public typealias InitArguments = GraphRoutes

    private let routes: GraphRoutes

    init(_ routes: GraphRoutes, actorSystem: ServeSystem) {
        self.actorSystem = actorSystem
        self.routes = routes
    }

    /// Runs the graph of a driver without routes.
    ///
    /// - Throws: ``GraphNodeError``, `CancellationError`, ``ServeError`` with code `notFound` when the driver has
    ///   routes, and whatever a call through a handle throws.
    public distributed func predict(_ input: Input) async throws -> Output {
        try await unwrap(routes.single().run(input).returned)
    }

    /// Runs the graph of one route, for ``predict(route:_:as:)``.
    distributed func run(route: String, _ input: GraphPayload, answering type: String) async throws -> GraphPayload {
        let program = try routes.route(route)
        try program.check(input: input.type, output: type, route: route)
        return GraphPayload(try await program.run(input.value).returned, program.resultType)
    }

    /// What this replica has measured about the graph's nodes since it started.
    public distributed func statistics() -> GraphStatistics {
        GraphStatistics(nodes: routes.programs.flatMap(\.meter.statistics))
    }

    public func respond(to request: ServeRequest) async throws -> ServeResponse {
        try await routes.respond(to: request)
    }

    // MARK: Deployment

    public static func _make(_ arguments: GraphRoutes, actorSystem: ServeSystem) async throws -> GraphDriver {
        GraphDriver(arguments, actorSystem: actorSystem)
    }

    public static var _deploymentOptions: DeploymentOptions { DeploymentOptions() }

    public static var _deploymentMethods: [DeploymentMethod<GraphDriver>] {
        [
            DeploymentMethod("predict(_:)") {
                (actor: isolated GraphDriver, arguments: inout InvocationDecoder, results: ResultHandler) in
                let input: Input = try arguments.decodeNextArgument()
                // A result that arrived encoded also leaves encoded.
                try results.returned(any: try await actor.routes.single().run(input).returned)
            },
            DeploymentMethod("run(route:_:answering:)") {
                (actor: isolated GraphDriver, arguments: inout InvocationDecoder, results: ResultHandler) in
                let route: String = try arguments.decodeNextArgument()
                let input: GraphPayload = try arguments.decodeNextArgument()
                let type: String = try arguments.decodeNextArgument()
                try results.returned(try await actor.run(route: route, input, answering: type))
            },
            DeploymentMethod("statistics()") {
                (actor: isolated GraphDriver, arguments: inout InvocationDecoder, results: ResultHandler) in
                try results.returned(actor.statistics())
            },
        ]
    }
}

extension GraphDriver {
    /// A driver of one graph, which answers `handle.predict(input)` and every path over HTTP.
    ///
    /// The type of the input decides how the request is read (``HTTPInput``: text, pictures, arrays, files, whole
    /// requests); the default is JSON.
    ///
    /// - Parameter options: the options of the driver's own deployment.
    public static func bind(
        _ node: GraphNode<Input, Output>,
        options: DeploymentOverrides = DeploymentOverrides()
    ) -> GraphDriver {
        bind(node, adapter: AutomaticAdapter<Input>(), options: options)
    }

    /// A driver of one graph, with an adapter that reads the input from HTTP requests.
    public static func bind(
        _ node: GraphNode<Input, Output>,
        adapter: some HTTPAdapter<Input>,
        options: DeploymentOverrides = DeploymentOverrides()
    ) -> GraphDriver {
        ServeSystem._bound(GraphDriver.self, GraphRoutes([node.route(adapter)], isSingle: true), options)
    }
}

/// Stands for the input type of a driver with routes, since each route has its own.
public struct RouteInput: Codable, Sendable {}
/// Stands for the result type of a driver with routes, since each route has its own.
public struct RouteOutput: Codable, Sendable {}

extension GraphDriver where Input == RouteInput, Output == RouteOutput {
    /// A driver of several graphs, one for each path below the application's route prefix. Other paths get 404.
    ///
    /// ```swift
    /// GraphDriver.bind(["/map": map, "/overlay": overlay.route(ImageAdapter(isUpright: true))])
    /// ```
    /// In code: `handle.predict(route: "/map", image)`.
    ///
    /// - Parameters:
    ///   - routes: nodes, or nodes with their adapters. The graphs may share deployments and nodes; a request computes
    ///     only the nodes of its route. `Serve.run` refuses a path that does not begin with `/`, that ends in `/`, or
    ///     that is not percent-encoded.
    ///   - options: the options of the driver's own deployment.
    public static func bind(
        _ routes: [String: any GraphRouteConvertible],
        options: DeploymentOverrides = DeploymentOverrides()
    ) -> GraphDriver {
        let sorted = routes.sorted { $0.key < $1.key }.map { path, node in
            var route = node.graphRoute
            route.path = path
            return route
        }
        return ServeSystem._bound(GraphDriver.self, GraphRoutes(sorted, isSingle: false), options)
    }

    /// Runs the graph of one route.
    ///
    /// - Parameters:
    ///   - route: the path that was given to `bind`.
    ///   - input: a value of the type that the route's graph takes.
    ///   - type: the type of the graph's result.
    /// - Throws: ``ServeError`` with code `notFound` for an unknown route and `invalidArgument` when the types do not
    ///   match the graph's, and whatever ``predict(_:)`` throws.
    public nonisolated func predict<Value: Codable & Sendable, Answer: Codable & Sendable>(
        route: String,
        _ input: Value,
        as type: Answer.Type = Answer.self
    ) async throws -> Answer {
        let payload = GraphPayload(input, GraphType<Value>.self)
        return try await unwrap(run(route: route, payload, answering: TypeNames.name(of: Answer.self)).value)
    }
}

/// A value together with its type, which only the holder knows.
struct GraphPayload: Codable, Sendable {
    let value: any Codable & Sendable
    let type: any AnyGraphType.Type

    init(_ value: any Codable & Sendable, _ type: any AnyGraphType.Type) {
        self.value = value
        self.type = type
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.unkeyedContainer()
        try container.encode(try TypeNames.name(of: type))
        try container.encode(value)
    }

    init(from decoder: any Decoder) throws {
        var container = try decoder.unkeyedContainer()
        let name = try container.decode(String.self)
        guard let type = TypeNames.find(name) as? any AnyGraphType.Type else { throw TypeNames.unknown(name) }
        self.init(try type.decode(from: &container), type)
    }
}
