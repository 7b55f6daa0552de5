public import Distributed
package import NIOCore
internal import NIOPosix
public import SwerveCore
package import SwerveMetrics
internal import SwerveTracing
internal import Synchronization

/// The distributed actor system of deployments. A reference names a deployment, which is a set of replicas; each call
/// through it is routed to one of them.
public final class ServeSystem: DistributedActorSystem, Sendable {
    public typealias ActorID = ServeID
    public typealias SerializationRequirement = Codable & Sendable
    public typealias InvocationEncoder = SwerveActors.InvocationEncoder
    public typealias InvocationDecoder = SwerveActors.InvocationDecoder
    public typealias ResultHandler = SwerveActors.ResultHandler

    /// The pools through which this process reaches the instance's deployments.
    package let pools: PoolTable
    /// The event loop whose time and timers the system uses.
    package let clock: any EventLoop

    /// The system of one instance in one process.
    ///
    /// - Parameters:
    ///   - clock: the event loop whose time and timers the system uses.
    ///   - seed: for the choices among replicas.
    ///   - metrics: where the process counts; by default in memory of its own.
    package init(
        _ instance: InstanceID,
        clock: any EventLoop,
        seed: UInt64,
        metrics: ProcessMetrics = ProcessMetrics()
    ) {
        self.pools = PoolTable(instance, clock: clock, seed: seed, metrics: metrics)
        self.clock = clock
    }

    /// The system of references that belong to no instance: those that `bind` returns, and actors that code creates
    /// directly. Calls to deployments that are decoded with it fail with code `notRunning`.
    package static let detached: ServeSystem = {
        let system = ServeSystem(
            InstanceID(rawValue: 0),
            clock: MultiThreadedEventLoopGroup.singleton.any(),
            seed: 0
        )
        system.pools.observe { pool in
            pool.withdraw(
                ServeError(.notRunning, "'\(pool.id)' was named outside of any instance", deployment: pool.id)
            )
        }
        return system
    }()

    /// The replica for which an actor is being created.
    ///
    /// Tasks that an initialiser starts inherit it and may outlive the initialiser: an actor that they create later is not
    /// the replica's.
    package final class Making: Sendable {
        fileprivate let system: ServeSystem
        fileprivate let replica: ReplicaID
        private let isOver = Atomic(false)

        package init(_ replica: ReplicaID, of system: ServeSystem) {
            self.replica = replica
            self.system = system
        }

        /// The initialiser has returned.
        package func end() {
            isOver.store(true, ordering: .relaxed)
        }

        fileprivate var current: Making? { isOver.load(ordering: .relaxed) ? nil : self }
    }
    @TaskLocal package static var making: Making?

    /// The system of an actor that is being created: in a replica's initialiser that of its instance, elsewhere the
    /// detached one. For code that `@Deployment` generates.
    public static var ofNewActor: ServeSystem { making?.current?.system ?? detached }

    /// The replica whose initialiser the code runs in, and the system of its instance; `nil` elsewhere.
    package static var newReplica: (system: ServeSystem, replica: ReplicaID)? {
        making?.current.map { ($0.system, $0.replica) }
    }

    /// The system that decoded references belong to.
    ///
    /// - Throws: ``ServeError`` with code `invalidArgument` for any decoder but Swerve's own.
    package static func of(_ decoder: any Decoder) throws(ServeError) -> ServeSystem {
        if let system = decoder.userInfo[.actorSystemKey] as? ServeSystem { return system }
        throw ServeError(.invalidArgument, "a deployment reference can be decoded only by Swerve's own codec")
    }

    /// What `bind` returns. Not for direct use.
    public static func _bound<D: Deployment>(
        _ type: D.Type,
        _ arguments: D.InitArguments,
        _ overrides: DeploymentOverrides = DeploymentOverrides()
    ) -> D {
        detached.reference(ServeID(.bound(BoundDeployment(type, arguments, overrides))))
    }

    /// A handle of the deployment that runs, or will run, under `id`.
    package func handle<D: Deployment>(_ type: D.Type, _ id: DeploymentID) -> D {
        reference(ServeID(.pool(pools.pool(id))))
    }

    func reference<D: Deployment>(_ id: ServeID) -> D {
        do {
            return try D.resolve(id: id, using: self)
        } catch {
            // `resolve` throws only what `ServeSystem.resolve(id:as:)` throws, and that returns nil for every ID.
            preconditionFailure("resolving a deployment reference threw \(error)")
        }
    }

    // MARK: DistributedActorSystem

    public func resolve<Act: DistributedActor>(id: ActorID, as type: Act.Type) throws -> Act? where Act.ID == ActorID {
        nil
    }
    public func assignID<Act: DistributedActor>(_ type: Act.Type) -> ActorID where Act.ID == ActorID {
        ServeID(.local(LocalIdentity(replica: Self.making?.current?.replica, instance: pools.instance)))
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
        let metrics = pool.metrics.calls.current
        let begun = pool.clock.now.uptimeNanoseconds
        do {
            let result: CallResult
            if pool.tracing.isOn {
                result = try await tracedCall(call, pool, options)
            } else if options == nil, pool.requestTimeout == nil {
                result = try await pool.call(call, idempotent: false)
            } else {
                result = try await self.call(call, pool, options ?? CallOptions())
            }
            metrics.answered(result, since: begun, pool.clock)
            return result
        } catch {
            metrics.failed(error, since: begun, pool.clock)
            throw error
        }
    }

    @inline(never)
    func call(_ call: OutgoingCall, _ pool: Pool, _ options: CallOptions) async throws -> CallResult {
        var context = try options.context()
        guard let time = [options.timeout, pool.requestTimeout].compactMap(\.self).min() else {
            return try await ServeContext.with(context) { try await make(call, pool, options) }
        }
        context = context ?? ServeContext.current ?? ServeContext(requestID: "")
        let deadline = context!.limit(to: time, clock: clock)
        do {
            let result = try await ServeContext.with(context) {
                let result = try await CallRace.run(until: deadline) { try await self.make(call, pool, options) }
                if case .stream(let result) = result { watchDeadline(of: result.stream.open) }
                return result
            }
            if case .stream(let result) = result {
                result.stream.open.whenOver { _ in deadline.end() }
            } else {
                deadline.end()
            }
            return result
        } catch {
            deadline.end()
            throw error
        }
    }

    private func make(_ call: OutgoingCall, _ pool: Pool, _ options: CallOptions) async throws -> CallResult {
        if let replica = options.replica { return try await pool.call(call, on: replica) }
        if options.hedged { return try await pool.hedgedCall(call) }
        return try await pool.call(call, idempotent: options.idempotent)
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
        case .stream(let result):
            watchDeadline(of: result.stream.open)
            return try take(result.stream)
        case .void: throw ServeError(.protocolViolation, "\(target) returned nothing", deployment: deployment)
        case .kept:
            throw ServeError(.protocolViolation, "the result of \(target) was kept, not sent", deployment: deployment)
        }
    }

    private func take<Result>(_ stream: some AnyResponseStream) throws -> Result { try unwrap(stream) }

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
        try ServeContext.checkDeadline()
        switch id.target {
        case .pool(let pool): return (pool, id.callOptions)
        case .bound(let bound):
            throw ServeError(
                .notRunning,
                "\(bound.typeDescription) is bound but does not run; start it with Serve.run and call the handle that it "
                    + "returns, or Serve.deploymentHandle"
            )
        case .mistaken(let mistake): throw mistake.error
        case .local: preconditionFailure("a local actor is called without the actor system")
        }
    }
}
