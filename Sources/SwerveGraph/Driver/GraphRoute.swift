internal import SwerveActors
package import SwerveCore
public import SwerveHTTPTypes

/// Something that can be a route of a driver: a node, or a node with its adapter.
public protocol GraphRouteConvertible: Sendable {
    var graphRoute: GraphRoute { get }
}

/// A graph and the adapter that reads its input from HTTP requests.
public struct GraphRoute: GraphRouteConvertible {
    enum Graph: Sendable {
        /// In the process that wrote the graph.
        case written(GraphVertex)
        /// In the driver's replicas.
        case compiled(GraphProgram)
    }

    /// The path below the application's route prefix.
    var path: String?
    let graph: Graph
    let adapter: any HTTPAdapter

    public var graphRoute: GraphRoute { self }

    /// - Throws: ``ServeError`` with code `invalidGraph`.
    package func plan() throws(ServeError) -> GraphPlan {
        switch graph {
        case .written(let vertex): try GraphPlan(result: vertex)
        case .compiled(let program): GraphPlan(nodes: program.nodes)
        }
    }

    func program() throws -> GraphProgram {
        guard case .compiled(let program) = graph else {
            throw ServeError(.notRunning, "the graph is bound but not running; start it with Serve.run")
        }
        return program
    }

    func respond(to request: ServeRequest) async throws -> ServeResponse {
        let method = request.method
        guard method == .get || method == .head || method == .post else {
            return .refusing(method, allowed: [.get, .post])
        }
        let program = try program()
        let input = try await input(from: request, adapter)
        return try await Self.response(to: request, try await program.run(input), of: program)
    }

    private static func response(
        to request: ServeRequest,
        _ result: consuming GraphValue,
        of program: GraphProgram
    ) async throws -> ServeResponse {
        let value = try result.decoded(as: program.resultType)
        if let output = value as? any HTTPOutput { return try await output.response(to: request) }
        return try .json(value)
    }

    private func input(
        from request: ServeRequest,
        _ adapter: some HTTPAdapter
    ) async throws -> any Codable & Sendable {
        try await adapter.input(from: request)
    }
}

extension GraphNode: GraphRouteConvertible {
    public var graphRoute: GraphRoute { route(AutomaticAdapter<Input>()) }

    /// The node as a route, with an adapter that reads the input from HTTP requests.
    public func route(_ adapter: some HTTPAdapter<Input>) -> GraphRoute {
        GraphRoute(path: nil, graph: .written(vertex), adapter: adapter)
    }
}

extension GraphRoute: Codable {
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.unkeyedContainer()
        try container.encode(path)
        try container.encode(try TypeNames.name(of: type(of: adapter)))
        try container.encode(adapter)
        try container.encode(try plan())
    }

    public init(from decoder: any Decoder) throws {
        var container = try decoder.unkeyedContainer()
        let path = try container.decode(String?.self)
        let name = try container.decode(String.self)
        guard let type = TypeNames.find(name) as? any HTTPAdapter.Type else { throw TypeNames.unknown(name) }
        self.path = path
        self.adapter = try container.decode(type)
        let system = try ServeSystem.of(decoder)
        self.graph = .compiled(GraphProgram(try container.decode(GraphPlan.self), route: path, system: system))
    }
}
