public import Distributed
internal import NIOPosix
package import SwerveCore

/// The distributed actor system of deployments: a reference names a deployment, that is a set of replicas, and each
/// call through it is routed to one of them.
public final class ServeSystem: DistributedActorSystem, Sendable {
    public typealias ActorID = ServeID
    public typealias SerializationRequirement = Codable & Sendable
    public typealias InvocationEncoder = SwerveActors.InvocationEncoder
    public typealias InvocationDecoder = SwerveActors.InvocationDecoder
    public typealias ResultHandler = SwerveActors.ResultHandler

    /// The system of this process.
    public static let current = ServeSystem()

    /// The ways to deployments.
    package let pools = PoolTable(
        clock: MultiThreadedEventLoopGroup.singleton.any(),
        seed: .random(in: .min ... .max)
    )
    /// The identity that the actor which is being made shall have.
    @TaskLocal static var identityBeingMade: ReplicaID?

    private init() {}

    /// What `bind` returns. Not for direct use.
    public static func _bound<D: Deployment>(_ type: D.Type, _ arguments: D.InitArguments) -> D {
        D._reference(ServeID(.bound(BoundDeployment(type, arguments))))
    }

    /// A handle of the deployment that runs, or will run, under `id`.
    package static func handle<D: Deployment>(_ type: D.Type, _ id: DeploymentID) -> D {
        D._reference(ServeID(.pool(current.pools.pool(id))))
    }

    // MARK: DistributedActorSystem

    public func resolve<Act: DistributedActor>(id: ActorID, as type: Act.Type) throws -> Act? where Act.ID == ActorID {
        nil
    }
    public func assignID<Act: DistributedActor>(_ type: Act.Type) -> ActorID where Act.ID == ActorID {
        ServeID(.local(LocalIdentity(replica: Self.identityBeingMade)))
    }
    public func actorReady<Act: DistributedActor>(_ actor: Act) where Act.ID == ActorID {}
    public func resignID(_ id: ActorID) {}
    @inlinable
    public func makeInvocationEncoder() -> InvocationEncoder { InvocationEncoder() }

    @inlinable
    public func remoteCall<Act, Err, Res>(
        on actor: Act,
        target: RemoteCallTarget,
        invocation: inout InvocationEncoder,
        throwing: Err.Type,
        returning: Res.Type
    ) async throws -> Res
    where Act: DistributedActor, Act.ID == ActorID, Err: Error, Res: Codable & Sendable {
        let result = try await call(actor.id, target.identifier, invocation.arguments)
        if case .value(let value) = result { return try unwrap(value) }
        return try decode(result, of: target, at: actor.id)
    }

    @usableFromInline
    func call(
        _ id: ServeID,
        _ method: String,
        _ arguments: Arguments,
        mayKeep: Bool = false
    ) async throws -> CallResult {
        let (pool, options) = try Self.destination(of: id)
        let call = OutgoingCall(target: method, arguments: arguments, mayKeep: mayKeep)
        return try await pool.call(call, idempotent: options?.idempotent == true)
    }

    @usableFromInline
    func decode<Result: Codable & Sendable>(
        _ result: CallResult,
        of target: RemoteCallTarget,
        at id: ServeID
    ) throws -> Result {
        let deployment: DeploymentID? = if case .pool(let pool) = id.target { pool.id } else { nil }
        switch result {
        case .value(let value): return try unwrap(value)
        case .encoded(let bytes):
            do {
                return try BinaryReader(bytes, system: self).nextRegion(Result.self)
            } catch {
                throw ServeError(
                    .invalidArgument,
                    "the result of \(target) cannot be decoded: \(error)",
                    deployment: deployment
                )
            }
        case .void: throw ServeError(.protocolViolation, "\(target) returned nothing", deployment: deployment)
        case .kept:
            throw ServeError(.protocolViolation, "the result of \(target) was kept, not sent", deployment: deployment)
        }
    }

    @inlinable
    public func remoteCallVoid<Act, Err>(
        on actor: Act,
        target: RemoteCallTarget,
        invocation: inout InvocationEncoder,
        throwing: Err.Type
    ) async throws where Act: DistributedActor, Act.ID == ActorID, Err: Error {
        _ = try await call(actor.id, target.identifier, invocation.arguments)
    }

    @inline(never)
    private static func destination(of id: ServeID) throws -> (Pool, CallOptions?) {
        if let misuse = id.callOptions?.misuse { throw ServeError(.invalidOptions, misuse) }
        try RequestContext.checkDeadline()
        switch id.target {
        case .pool(let pool): return (pool, id.callOptions)
        case .bound(let bound):
            throw ServeError(
                .notRunning,
                "\(bound.typeDescription) is bound but does not run; start it with Serve.run and call the handle that it "
                    + "returns, or Serve.deploymentHandle"
            )
        case .local: preconditionFailure("a local actor is called without the actor system")
        }
    }
}
