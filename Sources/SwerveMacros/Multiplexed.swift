/// Lets each replica hold several models, and load them when requests need them.
///
/// ```swift
/// @Deployment
/// distributed actor Segmenter: HTTPIngress {
///     @Multiplexed(maxModelsPerReplica: 3)
///     func model(load id: String) async throws -> SegFormer {
///         try await SegFormer.load("models/\(id)")
///     }
///
///     func respond(to request: ServeRequest) async throws -> ServeResponse {
///         let model = try await model()
///         ...
///     }
/// }
/// ```
///
/// The actor gets the method `model()`, which returns the model that the request names: by the HTTP header
/// `serve-multiplexed-model-id`, or by `handle.options(modelID:)`. `model("cityscapes")` returns the model with that ID.
/// Both load the model first if the replica does not have it. However many requests wait for a model, it is loaded once.
/// If the load throws, they all get the error, and the next request tries again.
///
/// A model stays loaded at least until the requests that got it have ended. When another one needs room, the replica
/// gives up the model whose loss costs least: by how often it was used lately, and how long it took to load. Requests
/// for a model go to replicas that have it.
///
/// The actor also gets a property such as `modelCache`, with which it looks at its models and changes the number that it
/// may have.
///
/// - Parameter maxModelsPerReplica: how many models one replica has at most; 3 by default.
@attached(peer, names: overloaded, suffixed(Cache))
public macro Multiplexed(
    maxModelsPerReplica: Int = 3
) = #externalMacro(module: "SwerveMacrosPlugin", type: "MultiplexedMacro")

/// Lets each replica hold several models of different sizes.
///
/// ```swift
/// @Multiplexed(maxModelsPerReplica: 8, size: { (model: SegFormer) in model.byteCount })
/// func model(load id: String) async throws -> SegFormer { ... }
/// ```
///
/// - Parameters:
///   - maxModelsPerReplica: how many models one replica has at most; 3 by default.
///   - size: what a model takes, in any unit. A model that is twice as large is given up as if loading it took half as
///     long.
@attached(peer, names: overloaded, suffixed(Cache))
public macro Multiplexed<Model>(
    maxModelsPerReplica: Int = 3,
    size: @escaping @Sendable (Model) -> Int
) = #externalMacro(module: "SwerveMacrosPlugin", type: "MultiplexedMacro")
