internal import Distributed
package import SwerveCore

/// The identity of a deployment reference. It names a running deployment, a bound one that does not run yet, or the
/// replica that the code itself runs in.
public struct ServeID: Hashable, Sendable, Codable, CustomStringConvertible {
    package enum Target: Sendable {
        case pool(Pool)
        case bound(BoundDeployment)
        /// An actor created directly: a replica, or an object in a test.
        case local(LocalIdentity)
        /// Made by mistake: whatever is done with it fails.
        case mistaken(MistakenReference)
    }

    package let target: Target
    /// Behind one pointer: few references have any.
    private let options: Boxed<CallOptions>?
    package var callOptions: CallOptions? { options?.value }

    package init(_ target: Target, callOptions: CallOptions? = nil) {
        self.target = target
        self.options = callOptions.map(Boxed.init)
    }

    private var object: AnyObject {
        switch target {
        case .pool(let pool): pool
        case .bound(let bound): bound
        case .local(let identity): identity
        case .mistaken(let mistake): mistake
        }
    }

    public static func == (left: ServeID, right: ServeID) -> Bool {
        left.object === right.object && left.callOptions == right.callOptions
    }
    public func hash(into hasher: inout Hasher) {
        hasher.combine(ObjectIdentifier(object))
    }
    public var description: String {
        switch target {
        case .pool(let pool): "\(pool.id)"
        case .bound(let bound): "\(bound.typeDescription) (bound, not running)"
        case .local(let identity): identity.replica.map { "\($0)" } ?? "local actor"
        case .mistaken(let mistake): mistake.error.message
        }
    }

    /// References are encoded as the names of their deployments.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(try name(encoder) + (callOptions?.words ?? ""))
    }

    private func name(_ encoder: any Encoder) throws -> String {
        switch target {
        case .pool(let pool): return try name(pool.id, of: pool.instance, encoder)
        case .bound(let bound):
            guard let names = (encoder as? BinaryWriter)?.names else {
                throw ServeError(
                    .notRunning,
                    "\(bound.typeDescription) is bound but does not run: pass it to another deployment's bind, or send "
                        + "the handle that Serve.run or Serve.deploymentHandle returned"
                )
            }
            return "\(try names.name(of: bound))"
        case .local(let identity):
            guard let replica = identity.replica else {
                throw ServeError(.unencodable, "an actor that no deployment runs cannot be sent to another process")
            }
            return try name(replica.deployment, of: identity.instance, encoder)
        case .mistaken(let mistake): throw mistake.error
        }
    }

    /// `application/deployment@instance`. The instance is left out in the arguments of an application that is being
    /// built: such a reference means the instance that will run the application.
    private func name(_ id: DeploymentID, of instance: InstanceID, _ encoder: any Encoder) throws -> String {
        guard let names = (encoder as? BinaryWriter)?.names else { return "\(id)@\(instance)" }
        guard instance == names.instance else {
            throw ServeError(
                .invalidOptions,
                "the handle of '\(id)' belongs to another instance than the one that is to run this application",
                deployment: id
            )
        }
        return "\(id)"
    }

    public init(from decoder: any Decoder) throws {
        let system = try ServeSystem.of(decoder)
        // No name contains a space.
        let words = try decoder.singleValueContainer().decode(String.self).split(separator: " ")
        let text = words.first ?? ""
        let parts = text.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
        guard let id = DeploymentID(String(parts[0])) else {
            throw ServeError(.invalidArgument, "'\(text)' does not name a deployment as application/deployment")
        }
        if parts.count == 2, InstanceID(parts[1]) != system.pools.instance {
            throw ServeError(
                .invalidArgument,
                "the reference to '\(id)' belongs to another instance of Swerve than this replica",
                deployment: id
            )
        }
        self.init(.pool(system.pools.pool(id)), callOptions: CallOptions(words.dropFirst()))
    }
}

extension ServeID {
    /// The name that `.options(name:)` gave to a bound deployment.
    package var boundName: String? {
        if case .bound(let bound) = target { bound.options.name } else { nil }
    }
}

/// Why a reference cannot be used.
package final class MistakenReference: Sendable {
    package let error: ServeError
    init(_ error: ServeError) {
        self.error = error
    }
}

/// The identity of an actor that was created directly rather than through a reference.
package final class LocalIdentity: Sendable {
    package let replica: ReplicaID?
    package let instance: InstanceID
    /// The calls of the actor's batched methods.
    package let batches = BatchTable()
    /// The models of the actor's multiplexed loader.
    package let models = ModelTable()
    package init(replica: ReplicaID?, instance: InstanceID) {
        self.replica = replica
        self.instance = instance
    }
}

/// Names bound deployments while an application is built.
package protocol DeploymentNaming: AnyObject {
    /// The instance that will run the application.
    var instance: InstanceID { get }
    func name(of bound: BoundDeployment) throws -> DeploymentID
    /// What to encode in the place of a value.
    func resolved(_ value: any ResolvedAtDeploy) -> any ResolvedAtDeploy
}
