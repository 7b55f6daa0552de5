import Swerve

/// The applications that are served, and replaced with other arguments while they are served.
enum Applications {
    typealias Run = @Sendable (_ generation: Int) async throws -> Void

    /// The applications with their names, in the order in which they are replaced.
    static let all: [(name: String, run: Run)] = [
        (
            "echo",
            { try await run(Echo.options(numReplicas: 2).bind(generation: $0), "echo") }
        ),
        (
            "local",
            { try await run(Echo.options(placement: .inProcess).bind(generation: $0), "local") }
        ),
        (
            "compose",
            { try await run(Front.bind(backend: backend($0), generation: $0), "compose") }
        ),
        (
            "mixed",
            { try await run(Front.options(placement: .inProcess).bind(backend: backend($0), generation: $0), "mixed") }
        ),
        (
            "stream",
            { try await run(Streamer.options(numReplicas: 2).bind(generation: $0), "stream") }
        ),
        (
            "graph",
            { try await run(GraphDriver.bind(graph($0)), "graph") }
        ),
        (
            "calls",
            {
                let source = Source.options(numReplicas: 3).bind(generation: $0)
                try await run(Caller.bind(source: source, generation: $0), "calls")
            }
        ),
    ]

    private static func run(_ application: some Deployment, _ name: String) async throws {
        try await Serve.run(application, name: name, routePrefix: "/\(name)")
    }

    private static func backend(_ generation: Int) -> Backend {
        Backend.options(numReplicas: 2).bind(generation: generation)
    }

    /// A graph whose bytes go from replica to replica, with three checksums of them.
    private static func graph(_ generation: Int) -> GraphNode<Order, [UInt32]> {
        let input = InputNode<Order>()
        let left = Checker.bind(generation: generation)
        let right = Checker.bind(generation: generation)
        let bytes = Maker.bind(generation: generation).nodes.make(input)
        return .array([left.nodes.sum(bytes), right.nodes.sum(bytes), right.nodes.sum(left.nodes.pass(bytes))])
    }
}
