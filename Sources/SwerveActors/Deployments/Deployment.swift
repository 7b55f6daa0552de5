public import Distributed
public import SwerveCore

/// A distributed actor that Swerve can run as a deployment. `@Deployment` generates the requirements.
public protocol Deployment: DistributedActor, CustomDebugStringConvertible where ActorSystem == ServeSystem {
    /// The arguments of the initialisers, as one value.
    associatedtype InitArguments: Codable & Sendable
    /// What the static `options(...)` returns: the deployment with other options.
    associatedtype Configured: ConfiguredDeployment = DeploymentOverrides
    /// Creates the actor in a replica.
    static func _make(_ arguments: InitArguments, actorSystem: ServeSystem) async throws -> Self
    static var _deploymentOptions: DeploymentOptions { get }
    /// The distributed methods that can be called without a lookup by the language runtime.
    static var _deploymentMethods: [DeploymentMethod<Self>] { get }
    /// The methods with `@Batched`.
    static var _batchedMethods: [BatchedMethod] { get }
    /// The options of the loader with `@Multiplexed`; `nil` without one.
    static var _multiplexing: MultiplexOptions? { get }

    /// Whether the replica can do its work. By default it always can.
    ///
    /// Called on the actor before the replica takes requests and then once in each `healthCheckPeriod`, one call at a
    /// time. Throwing, or running for longer than `healthCheckTimeout`, is a failed check; its message is in the status
    /// and the log. After three in a row, the replica finishes its requests and is replaced. While a request keeps the
    /// actor busy, the check waits for its turn, which is no failure.
    ///
    /// ```swift
    /// func checkHealth() async throws {
    ///     guard model.isLoaded else { throw ModelError.lost }
    /// }
    /// ```
    func checkHealth() async throws
}

extension Deployment {
    public static var _batchedMethods: [BatchedMethod] { [] }
    public static var _multiplexing: MultiplexOptions? { nil }
    public func checkHealth() async throws {}
}

/// A deployment that takes over another configuration while it runs, without a restart.
///
/// ```swift
/// @Deployment
/// distributed actor Detector: Reconfigurable {
///     struct UserConfig: Codable, Sendable {
///         var threshold: Double
///     }
///     private var threshold = 0.5
///
///     func reconfigure(_ config: UserConfig) async throws {
///         guard (0...1).contains(config.threshold) else { throw ConfigError.outOfRange }
///         threshold = config.threshold
///     }
/// }
///
/// try await Serve.run(Detector.bind().userConfig(.init(threshold: 0.4)))
/// ```
public protocol Reconfigurable: Deployment {
    /// What ``reconfigure(_:)`` takes.
    associatedtype UserConfig: Codable & Sendable

    /// Takes over a configuration: after the initialiser, before the replica takes requests, and later whenever a
    /// deploy changes only the configuration.
    ///
    /// The actor runs it like a method, so requests that began earlier may be suspended meanwhile, and at each `await`
    /// others run. Not called while no configuration was given. If it throws, the rollout ends, and the replicas that
    /// changed get the previous configuration again.
    func reconfigure(_ config: UserConfig) async throws
}

extension Reconfigurable {
    /// The same bound deployment with a user configuration, which the replicas get before they take requests. It takes
    /// the place of the one it is called on.
    ///
    /// A deploy that changes only the configuration reconfigures the replicas in place. One that gives the first
    /// configuration, or takes it away, replaces them.
    ///
    /// Only for what `bind` returned. It cannot change a deployment that runs: calls through `handle.userConfig(...)`,
    /// and `bind` and `Serve.run` with it, fail with ``ServeError`` with code `invalidOptions`. Deploy again instead.
    public nonisolated func userConfig(_ config: UserConfig) -> Self {
        guard case .bound(let bound) = id.target else {
            let error = ServeError(
                .invalidOptions,
                "userConfig(_:) is for what 'bind' returns, and \(id) runs already: give the configuration to what you "
                    + "bind, and run that again, as in Serve.run(\(Self.self).bind(...).userConfig(...))"
            )
            return actorSystem.reference(ServeID(.mistaken(MistakenReference(error))))
        }
        let configured = BoundDeployment(bound, userConfig: config)
        return actorSystem.reference(ServeID(.bound(configured), callOptions: id.callOptions))
    }
}

/// Calls one distributed method of `Act`: decodes the arguments, calls the method and passes on the result.
public struct DeploymentMethod<Act: DistributedActor>: Sendable {
    @usableFromInline package let named: NamedMethod
    package var name: String { named.name }

    /// - Parameters:
    ///   - name: the method's full name, such as `segment(_:)`.
    ///   - run: isolated to the actor, so that a call from within a burst of requests needs no hop.
    // Inlinable, so that the compiler knows the actor's type.
    @inlinable
    public init(
        _ name: String,
        _ run: @escaping @Sendable (isolated Act, inout InvocationDecoder, ResultHandler) async throws -> Void
    ) {
        self.named = NamedMethod(name: name, isolated: IsolatedMethod(run)) { actor, arguments, results in
            let _: Void? = try await unsafeDowncast(actor, to: Act.self).whenLocal { actor in
                var arguments = arguments
                try await run(actor, &arguments, results)
            }
        }
    }
}

/// A ``DeploymentMethod`` without the actor's type.
@usableFromInline
package struct NamedMethod: Sendable {
    @usableFromInline package typealias Call =
        @Sendable (_ actor: any DistributedActor, InvocationDecoder, ResultHandler) async throws -> Void

    @usableFromInline package let name: String
    /// The ``IsolatedMethod``, for code that runs on the actor.
    @usableFromInline package let isolated: any AnyObject & Sendable
    /// Calls the method from code that does not run on the actor, which must have the method's actor type.
    @usableFromInline package let call: Call

    @inlinable
    init(name: String, isolated: any AnyObject & Sendable, call: @escaping Call) {
        self.name = name
        self.isolated = isolated
        self.call = call
    }
}

@usableFromInline
package final class IsolatedMethod<Act: DistributedActor>: Sendable {
    @usableFromInline package typealias Run =
        @Sendable (isolated Act, inout InvocationDecoder, ResultHandler) async throws -> Void
    @usableFromInline package let run: Run

    @inlinable
    init(_ run: @escaping Run) {
        self.run = run
    }
}

/// Arguments of an ingress that describe its HTTP routes.
package protocol RouteDescribing {
    var routeDescriptions: [RouteDescription] { get }
}

/// A deployment with other options than its `@Deployment` gives, and with the same `bind`. `@Deployment` generates it.
public protocol ConfiguredDeployment: Sendable {
    init(_ overrides: DeploymentOverrides)
}

extension DeploymentOverrides: ConfiguredDeployment {
    public init(_ overrides: DeploymentOverrides) {
        self = overrides
    }
}

/// What `bind` creates: a deployment that does not run yet.
package final class BoundDeployment: Sendable {
    package let type: any Deployment.Type
    package let overrides: DeploymentOverrides
    /// The HTTP routes that the deployment describes.
    package let routes: [RouteDescription]
    private let encodeArguments: @Sendable (BinaryWriter) throws -> Void
    private let encodeUserConfig: (@Sendable (BinaryWriter) throws -> Void)?
    /// `nil` if none was given.
    package let userConfig: (any Codable & Sendable)?

    package init<D: Deployment>(_ type: D.Type, _ arguments: D.InitArguments, _ overrides: DeploymentOverrides) {
        self.type = type
        self.overrides = overrides
        self.routes = (arguments as? any RouteDescribing)?.routeDescriptions ?? []
        self.encodeArguments = { try $0.region(arguments) }
        self.encodeUserConfig = nil
        self.userConfig = nil
    }

    init(_ other: BoundDeployment, userConfig: some Codable & Sendable) {
        self.type = other.type
        self.overrides = other.overrides
        self.routes = other.routes
        self.encodeArguments = other.encodeArguments
        self.encodeUserConfig = { try $0.region(userConfig) }
        self.userConfig = userConfig
    }

    package var typeDescription: String { "\(type)" }
    package var options: DeploymentOptions { overrides.applied(to: type._deploymentOptions) }
    package var hasUserConfig: Bool { encodeUserConfig != nil }
    package func encode(to writer: BinaryWriter) throws {
        try encodeArguments(writer)
    }
    /// Writes nothing if there is no user configuration.
    package func encodeUserConfig(to writer: BinaryWriter) throws {
        try encodeUserConfig?(writer)
    }
}
