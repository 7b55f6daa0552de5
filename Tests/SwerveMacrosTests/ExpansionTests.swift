import Testing

@Suite struct ExpansionTests {
    @Test func aTypicalActor() {
        expectExpansion(
            of: """
                @Deployment("model", numReplicas: 2)
                distributed actor Segmenter {
                    private let model: Model
                    /// Loads the model.
                    init(modelName: String, threshold: Double = 0.5) async throws {
                        self.model = try await Model.load(modelName)
                    }
                    distributed func segment(_ image: Image) async throws -> Map { try model.run(image) }
                    distributed func reset() {}
                }
                """,
            """
            distributed actor Segmenter {
                private let model: Model
                @SwerveMacros._DeploymentInit
                /// Loads the model.
                init(modelName: String, threshold: Double = 0.5) async throws {
                    self.model = try await Model.load(modelName)
                }
                distributed func segment(_ image: Image) async throws -> Map { try model.run(image) }
                distributed func reset() {}

                typealias ActorSystem = SwerveActors.ServeSystem

                /// A reference to a deployment of `Segmenter` that is not running yet; `Serve.run` starts it.
                ///
                /// Loads the model.
                static func bind(modelName: String, threshold: Double = 0.5) -> Segmenter {
                    SwerveActors.ServeSystem._bound(Segmenter.self, .init0(modelName: modelName, threshold: threshold))
                }

                /// `Segmenter` with options that differ from its own; `options(...)` returns it.
                struct Configured: SwerveActors.ConfiguredDeployment {
                    private let overrides: SwerveCore.DeploymentOverrides
                    init(_ overrides: SwerveCore.DeploymentOverrides) {
                        self.overrides = overrides
                    }
                    /// A reference to a deployment of `Segmenter` that is not running yet; `Serve.run` starts it.
                    ///
                    /// Loads the model.
                    func bind(modelName: String, threshold: Double = 0.5) -> Segmenter {
                        SwerveActors.ServeSystem._bound(Segmenter.self, .init0(modelName: modelName, threshold: threshold), self.overrides)
                    }
                }

                // These are sent to the replicas: the type of each parameter must be Codable & Sendable.
                enum InitArguments: Swift.Codable, Swift.Sendable {
                    case init0(modelName: String, threshold: Double)
                }

                static func _make(
                    _ arguments: InitArguments, actorSystem: SwerveActors.ServeSystem
                ) async throws -> Segmenter {
                    switch arguments {
                    case .init0(let modelName, let threshold):
                        return try await Segmenter(modelName: modelName, threshold: threshold)
                    }
                }

                static var _deploymentOptions: SwerveCore.DeploymentOptions {
                    SwerveCore.DeploymentOptions("model", numReplicas: 2)
                }

                static var _deploymentMethods: [SwerveActors.DeploymentMethod<Segmenter>] {
                    [
                        SwerveActors.DeploymentMethod("segment(_:)") {
                        (actor: isolated Segmenter, arguments: inout SwerveActors.InvocationDecoder, results: SwerveActors.ResultHandler) in
                            let argument0: Image = try arguments.decodeNextArgument()
                            try results.returned(try await actor.segment(argument0))
                        },
                        SwerveActors.DeploymentMethod("reset()") {
                        (actor: isolated Segmenter, arguments: inout SwerveActors.InvocationDecoder, results: SwerveActors.ResultHandler) in
                            actor.reset()
                        },
                    ]
                }

                /// The methods as nodes of a graph, for `GraphDriver`: each takes nodes and returns a node.
                nonisolated var nodes: Nodes {
                    Nodes(_deployment: self)
                }

                /// The methods of `Segmenter` as nodes of a graph.
                struct Nodes: Swift.Sendable {
                    fileprivate let _deployment: Segmenter
                    func segment<_GraphInput: Swift.Codable & Swift.Sendable>(_ image: SwerveGraph.GraphNode<_GraphInput, Image>) -> SwerveGraph.GraphNode<_GraphInput, Map> {
                        ._call(self._deployment, "segment(_:)", [image])
                    }
                }
            }

            extension Segmenter: SwerveActors.Deployment {
            }
            """
        )
    }

    @Test func aMemberwiseInitialiser() {
        expectExpansion(
            of: """
                @Deployment distributed actor Pair {
                    let first: First, `in`: Int
                    distributed func get() -> Int { 1 }
                }
                """,
            """
            distributed actor Pair {
                let first: First, `in`: Int
                distributed func get() -> Int { 1 }

                typealias ActorSystem = SwerveActors.ServeSystem

                init(first: First, in: Int, actorSystem: SwerveActors.ServeSystem) {
                    self.actorSystem = actorSystem
                    self.first = first
                    self.`in` = `in`
                }

                /// A reference to a deployment of `Pair` that is not running yet; `Serve.run` starts it.
                static func bind(first: First, in: Int) -> Pair {
                    SwerveActors.ServeSystem._bound(Pair.self, .init0(first: first, in: `in`))
                }

                /// `Pair` with options that differ from its own; `options(...)` returns it.
                struct Configured: SwerveActors.ConfiguredDeployment {
                    private let overrides: SwerveCore.DeploymentOverrides
                    init(_ overrides: SwerveCore.DeploymentOverrides) {
                        self.overrides = overrides
                    }
                    /// A reference to a deployment of `Pair` that is not running yet; `Serve.run` starts it.
                    func bind(first: First, in: Int) -> Pair {
                        SwerveActors.ServeSystem._bound(Pair.self, .init0(first: first, in: `in`), self.overrides)
                    }
                }

                // These are sent to the replicas: the type of each parameter must be Codable & Sendable.
                enum InitArguments: Swift.Codable, Swift.Sendable {
                    case init0(first: First, in: Int)
                }

                static func _make(
                    _ arguments: InitArguments, actorSystem: SwerveActors.ServeSystem
                ) async throws -> Pair {
                    switch arguments {
                    case .init0(let first, let `in`):
                        return Pair(first: first, in: `in`, actorSystem: actorSystem)
                    }
                }

                static var _deploymentOptions: SwerveCore.DeploymentOptions {
                    SwerveCore.DeploymentOptions()
                }

                static var _deploymentMethods: [SwerveActors.DeploymentMethod<Pair>] {
                    [
                        SwerveActors.DeploymentMethod("get()") {
                        (actor: isolated Pair, arguments: inout SwerveActors.InvocationDecoder, results: SwerveActors.ResultHandler) in
                            try results.returned(actor.get())
                        },
                    ]
                }

                /// The methods as nodes of a graph, for `GraphDriver`: each takes nodes and returns a node.
                nonisolated var nodes: Nodes {
                    Nodes(_deployment: self)
                }

                /// The methods of `Pair` as nodes of a graph.
                struct Nodes: Swift.Sendable {
                    fileprivate let _deployment: Pair
                    func get<_GraphInput: Swift.Codable & Swift.Sendable>() -> SwerveGraph.GraphNode<_GraphInput, Int> {
                        ._call(self._deployment, "get()", [])
                    }
                }
            }

            extension Pair: SwerveActors.Deployment {
            }
            """
        )
    }

    @Test func aPublicActorWithAnInternalInitialiser() {
        expectExpansion(
            of: """
                @available(macOS 15, *) @Deployment
                public distributed actor Open {
                    public init(_ value: Int, actorSystem: ActorSystem) { self.actorSystem = actorSystem }
                    init(hidden: Hidden?) throws {}
                    public distributed func get(_ hidden: some Codable & Sendable) -> Int { 1 }
                }
                """,
            """
            @available(macOS 15, *)
            public distributed actor Open {
                public init(_ value: Int, actorSystem: ActorSystem) { self.actorSystem = actorSystem }
                @SwerveMacros._DeploymentInit
                init(hidden: Hidden?) throws {}
                public distributed func get(_ hidden: some Codable & Sendable) -> Int { 1 }

                public typealias ActorSystem = SwerveActors.ServeSystem

                /// A reference to a deployment of `Open` that is not running yet; `Serve.run` starts it.
                public static func bind(_ value: Int) -> Open {
                    SwerveActors.ServeSystem._bound(Open.self, InitArguments(call: .init0(value: value)))
                }

                /// A reference to a deployment of `Open` that is not running yet; `Serve.run` starts it.
                static func bind(hidden: Hidden?) -> Open {
                    SwerveActors.ServeSystem._bound(Open.self, InitArguments(call: .init1(hidden: hidden)))
                }

                /// `Open` with options that differ from its own; `options(...)` returns it.
                public struct Configured: SwerveActors.ConfiguredDeployment {
                    private let overrides: SwerveCore.DeploymentOverrides
                    public init(_ overrides: SwerveCore.DeploymentOverrides) {
                        self.overrides = overrides
                    }
                    /// A reference to a deployment of `Open` that is not running yet; `Serve.run` starts it.
                    public func bind(_ value: Int) -> Open {
                        SwerveActors.ServeSystem._bound(Open.self, InitArguments(call: .init0(value: value)), self.overrides)
                    }
                    /// A reference to a deployment of `Open` that is not running yet; `Serve.run` starts it.
                    func bind(hidden: Hidden?) -> Open {
                        SwerveActors.ServeSystem._bound(Open.self, InitArguments(call: .init1(hidden: hidden)), self.overrides)
                    }
                }

                public struct InitArguments: Swift.Codable, Swift.Sendable {
                    let call: Call
                    // These are sent to the replicas: the type of each parameter must be Codable & Sendable.
                    enum Call: Swift.Codable, Swift.Sendable {
                        case init0(value: Int)
                        case init1(hidden: Hidden?)
                    }
                }

                public static func _make(
                    _ arguments: InitArguments, actorSystem: SwerveActors.ServeSystem
                ) async throws -> Open {
                    switch arguments.call {
                    case .init0(let value):
                        return Open(value, actorSystem: actorSystem)
                    case .init1(let hidden):
                        return try Open(hidden: hidden)
                    }
                }

                public static var _deploymentOptions: SwerveCore.DeploymentOptions {
                    SwerveCore.DeploymentOptions()
                }

                public static var _deploymentMethods: [SwerveActors.DeploymentMethod<Open>] {
                    []
                }
            }

            @available(macOS 15, *)
            extension Open: SwerveActors.Deployment {
            }
            """
        )
    }

    @Test func theBodyOfAnInitialiser() {
        expectExpansion(
            of: """
                distributed actor Model {
                    @_DeploymentInit
                    init(value: Int) {
                        self.value = value
                    }
                }
                """,
            """
            distributed actor Model {
                init(value: Int) {
                    self.actorSystem = SwerveActors.ServeSystem.ofNewActor
                    self.value = value
                }
            }
            """
        )
    }
}
