internal import Distributed
public import SwerveCore

/// For code that `@Multiplexed` generates.
public enum MultiplexedCall {
    /// The model with this ID, which is loaded first if the replica does not have it.
    ///
    /// - Parameters:
    ///   - id: `nil` for the one that the request names.
    ///   - size: what a model takes, in any unit.
    ///   - load: calls the user's loader.
    public static func _run<Act: Deployment, Model>(
        on actor: isolated Act,
        _ options: @autoclosure () -> MultiplexOptions,
        _ id: String?,
        size: @escaping @Sendable (Model) -> Int = { _ in 1 },
        _ load: @escaping @Sendable (isolated Act, String) async throws -> Model
    ) async throws -> Model {
        guard case .local(let identity) = actor.id.target else {
            preconditionFailure("a method runs only on a local actor")
        }
        guard let id = id ?? ServeContext.current?.modelID else {
            throw ServeError(
                .missingModelID,
                "the request does not say which model it needs: send the header serve-multiplexed-model-id, call by "
                    + "handle.options(modelID:), or give the ID",
                deployment: identity.replica?.deployment
            )
        }
        try RequestAttributes(modelID: id).validate()
        let multiplexer = identity.models.multiplexer(options) { options, metrics in
            Multiplexer(actor, identity.models, options, metrics, size: size, load)
        }
        return try await multiplexer.model(id, on: actor)
    }
}
