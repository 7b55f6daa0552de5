public import SwerveCore

/// What a replica's initialiser knows about its replica.
///
/// ```swift
/// @Deployment(numReplicas: 2, resources: Resources(gpus: 0.5))
/// distributed actor Model {
///     private let share: Double
///
///     init() async throws {
///         share = ReplicaContext.current?.options.resources.gpus.value ?? 1
///     }
/// }
/// ```
/// The context is available in the initialiser and in the tasks that it starts, wherever the replica runs. Those that
/// outlive it, such as one that loads a model in the background, keep it: what it says stays true, and a session that
/// they open still gets the replica's share of the machine. Detached tasks do not have it, and neither do methods:
/// store what they need.
public struct ReplicaContext: Sendable, Hashable {
    /// The replica that is created.
    public var replica: ReplicaID
    /// The options of its deployment, with the changes made by `.options(...)`. A later change of
    /// ``DeploymentOptions/numReplicas`` does not replace running replicas, so the number is the one at the replica's
    /// start.
    public var options: DeploymentOptions
    /// The GPUs that the replica holds, as `CUDA_VISIBLE_DEVICES` takes them; one if its share is a fraction. In a
    /// process of its own, CUDA sees only these. An in-process replica must choose among those of its process;
    /// `SwerveONNX` does.
    public var gpus: [String]

    public init(replica: ReplicaID, options: DeploymentOptions, gpus: [String] = []) {
        self.replica = replica
        self.options = options
        self.gpus = gpus
    }

    /// The replica whose initialiser the code runs in, or was started by; `nil` elsewhere. Bind it with
    /// `ReplicaContext.$current.withValue(...)` to test an initialiser.
    @TaskLocal public static var current: ReplicaContext?
}
