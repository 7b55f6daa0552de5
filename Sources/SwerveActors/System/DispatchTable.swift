package import Distributed
internal import SwerveCore
internal import Synchronization

/// Calls the methods of the actors of one type by their identifiers.
///
/// `executeDistributedTarget` demangles the identifier at each call, which costs several microseconds; the methods that
/// `@Deployment` lists are found once per identifier and called directly. Overloads, generic methods and methods in
/// extensions go through the language runtime.
package class AnyDispatchTable: @unchecked Sendable {
    // Unchecked: a class cluster of two, both immutable but for a mutex.
    package func execute(
        on actor: any DistributedActor,
        _ identifier: String,
        _ decoder: inout InvocationDecoder,
        _ handler: ResultHandler
    ) async throws {
        preconditionFailure("DispatchTable overrides it")
    }
}

// Unchecked because its superclass is.
final class DispatchTable<Act: DistributedActor>: AnyDispatchTable, @unchecked Sendable
where Act.ActorSystem == ServeSystem {
    private let methods: [DeploymentMethod<Act>]
    private let known = Mutex<[String: DeploymentMethod<Act>?]>([:])
    /// Identifiers come from peers too; past this many different ones nothing more is remembered.
    private static var maximumKnown: Int { 4096 }

    init(_ methods: [DeploymentMethod<Act>]) {
        self.methods = methods
    }

    @inline(__always)
    func method(_ identifier: String) -> DeploymentMethod<Act>? {
        if let known = known.withLock({ $0[identifier] }) { return known }
        let fullName = RemoteCallTarget(identifier).description
        let method = methods.first { fullName.hasSuffix(".\($0.name)") }
        known.withLock { if $0.count < Self.maximumKnown { $0[identifier] = .some(method) } }
        return method
    }

    @inline(__always)
    func execute(
        _ actor: Act,
        _ identifier: String,
        _ decoder: inout InvocationDecoder,
        _ handler: ResultHandler
    ) async throws {
        if let method = method(identifier) { return try await method.run(actor, &decoder, handler) }
        do {
            try await ServeSystem.current.executeDistributedTarget(
                on: actor,
                target: RemoteCallTarget(identifier),
                invocationDecoder: &decoder,
                handler: handler
            )
        } catch let error as ExecuteDistributedTargetError {
            throw ServeError(
                .unknownMethod,
                "\(Act.self) has no distributed method '\(RemoteCallTarget(identifier))', or it does not take these "
                    + "arguments; caller and replica must be built from the same sources (\(error))"
            )
        }
    }

    override func execute(
        on actor: any DistributedActor,
        _ identifier: String,
        _ decoder: inout InvocationDecoder,
        _ handler: ResultHandler
    ) async throws {
        guard let actor = actor as? Act else { preconditionFailure("a table is made for the actor's own type") }
        try await execute(actor, identifier, &decoder, handler)
    }
}
