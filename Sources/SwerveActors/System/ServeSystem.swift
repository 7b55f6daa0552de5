public import Distributed
internal import NIOCore
package import SwerveCore
internal import Synchronization

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

    private let routes = Mutex<[DeploymentID: Route]>([:])
    private let observer = Mutex<(@Sendable (Route) -> Void)?>(nil)
    /// The identity that the actor which is being made shall have.
    @TaskLocal static var identityBeingMade: ReplicaID?

    private init() {}

    /// The route to a deployment; made at its first mention. It stays for the life of the process, so that handles
    /// stay valid when an application is deleted and deployed again.
    package func route(_ id: DeploymentID) -> Route {
        let (route, isNew) = routes.withLock { routes -> (Route, Bool) in
            if let route = routes[id] { return (route, false) }
            let route = Route(id)
            routes[id] = route
            return (route, true)
        }
        if isNew { observer.withLock { $0 }?(route) }
        return route
    }

    /// Sets who is told of routes: of those that there are now, and of others at their first mention.
    package func observeRoutes(_ observer: @escaping @Sendable (Route) -> Void) {
        self.observer.withLock { $0 = observer }
        for route in routes.withLock({ Array($0.values) }) { observer(route) }
    }

    /// What `bind` returns. Not for direct use.
    public static func _bound<D: Deployment>(_ type: D.Type, _ arguments: D.InitArguments) -> D {
        D._reference(ServeID(.bound(BoundDeployment(type, arguments))))
    }

    /// A handle of the deployment that runs, or will run, under `id`.
    package static func handle<D: Deployment>(_ type: D.Type, _ id: DeploymentID) -> D {
        D._reference(ServeID(.route(current.route(id))))
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
    public func makeInvocationEncoder() -> InvocationEncoder { InvocationEncoder() }

    public func remoteCall<Act, Err, Res>(
        on actor: Act,
        target: RemoteCallTarget,
        invocation: inout InvocationEncoder,
        throwing: Err.Type,
        returning: Res.Type
    ) async throws -> Res
    where Act: DistributedActor, Act.ID == ActorID, Err: Error, Res: Codable & Sendable {
        let (route, options) = try Self.destination(of: actor.id)
        let lease = if let lease = route.tryAcquire() { lease } else { try await Self.wait(for: route) }
        if case .local(let replica) = lease.target {
            defer { lease.release() }
            let handler = ResultHandler()
            try await replica.execute(target.identifier, invocation.arguments, handler)
            return try handler.result(as: Res.self)
        }
        let call = OutgoingCall(target: target.identifier, arguments: invocation.arguments, options: options)
        let bytes = try await route.call(call, startingWith: lease)
        do {
            return try BinaryReader(bytes, system: self).nextRegion(Res.self)
        } catch {
            throw ServeError(
                .invalidArgument,
                "the result of \(target) cannot be decoded: \(error)",
                deployment: route.id
            )
        }
    }

    public func remoteCallVoid<Act, Err>(
        on actor: Act,
        target: RemoteCallTarget,
        invocation: inout InvocationEncoder,
        throwing: Err.Type
    ) async throws where Act: DistributedActor, Act.ID == ActorID, Err: Error {
        let (route, options) = try Self.destination(of: actor.id)
        let lease = if let lease = route.tryAcquire() { lease } else { try await Self.wait(for: route) }
        if case .local(let replica) = lease.target {
            defer { lease.release() }
            let handler = ResultHandler()
            try await replica.execute(target.identifier, invocation.arguments, handler)
            return try handler.checkThrown()
        }
        let call = OutgoingCall(target: target.identifier, arguments: invocation.arguments, options: options)
        _ = try await route.call(call, startingWith: lease)
    }

    /// A lease of a route that has none to give at once. The request's time may be over by then.
    static func wait(for route: Route) async throws -> Lease {
        let lease = try await route.acquire()
        do {
            try RequestContext.checkDeadline()
        } catch {
            lease.release()
            throw error
        }
        return lease
    }

    @inline(__always)
    static func destination(of id: ServeID) throws -> (Route, CallOptions?) {
        if let misuse = id.callOptions?.misuse { throw ServeError(.invalidOptions, misuse) }
        try RequestContext.checkDeadline()
        switch id.target {
        case .route(let route): return (route, id.callOptions)
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
