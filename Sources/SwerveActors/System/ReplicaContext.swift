public import SwerveCore

/// What a replica knows about itself while its initialiser runs.
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
/// The context is available in the initialiser and in the tasks that it waits for, wherever the replica runs. Methods
/// do not have it: store what they need.
public struct ReplicaContext: Sendable, Hashable {
    /// The replica that is being created.
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

    /// The context of the replica that is being created; `nil` elsewhere. Bind it with
    /// `ReplicaContext.$current.withValue(...)` to test an initialiser.
    @TaskLocal public static var current: ReplicaContext?
}
