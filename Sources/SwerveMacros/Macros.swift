@_exported public import Distributed
@_exported public import SwerveActors
@_exported public import SwerveCore
@_exported public import SwerveGraph

/// Turns a distributed actor into a deployment.
///
/// ```swift
/// @Deployment(numReplicas: 2, resources: Resources(cpus: 1, gpus: 0.3))
/// distributed actor Segmenter {
///     private let model: Model
///
///     init(modelName: String) async throws {
///         self.model = try await Model.load(modelName)
///     }
///
///     distributed func segment(_ image: Image) throws -> SegmentationMap {
///         try model.run(image)
///     }
/// }
///
/// let app = Segmenter.bind(modelName: "segformer")
/// ```
///
/// For each initialiser, the actor gets a static `bind` with the same labels, default values and documentation. `bind`
/// returns a reference of the actor's own type to a deployment that is not running yet. Passing it to the `bind` of
/// another deployment composes the two; passing it to `Serve.run` starts it. The initialiser runs once in each replica,
/// so it may be asynchronous, may throw and may take long. It needs no actor system: `self.actorSystem` is set before
/// its first line, unless it has a parameter of type `ActorSystem`. An actor without an initialiser gets one with a
/// parameter for each stored property that has no initial value.
///
/// The arguments are sent to the replicas, so their types must be `Codable & Sendable`. References to other deployments
/// are, so pass what their `bind` returns. `private` and `fileprivate` initialisers get no `bind`.
///
/// Methods marked `distributed` can be called. Those that return a value can also be nodes of a graph:
/// `segmenter.nodes.segment(input)` takes and returns a `GraphNode`. `nodes` does not include generic methods,
/// overloads that differ only in types, or methods in extensions. An actor that declares its own `nodes` or `Nodes`
/// gets no generated one. The actor must not be `private` or local, because a replica in another process looks it up by
/// name.
///
/// - Parameters:
///   - name: the name within the application; `nil` means the type's name, numbered from the second deployment of that
///     type on.
///   - numReplicas: how many replicas a deploy asks for; 1 by default, at most `maximumReplicas`. The deployment can be
///     scaled later. With `.auto`, the load decides: from 1 to 100 replicas.
///   - autoscaling: how the number of replicas follows the load; `nil`, the default, for a fixed number. Then
///     `numReplicas` is left out.
///   - maxOngoingRequests: how many requests one replica handles at a time; 100 by default. Further requests wait in
///     the callers' queues. Ray Serve calls this `max_ongoing_requests` and formerly called it
///     `max_concurrent_queries`.
///   - maxQueuedRequests: how many requests may wait, in all processes of the machine together; 10 000 by default.
///     Further requests fail with `queueFull` (HTTP 503), unless they have a higher priority than one that waits in
///     their process.
///   - resources: the resources that one replica reserves on its node; none by default.
///   - runtimeEnvironment: what the replicas' processes run in, on top of what the application's environment says;
///     nothing of its own by default. Not with the placement `inProcess`.
///   - placement: where the replicas run; each in its own process by default.
///   - directIngress: whether the replicas' processes take the application's HTTP connections themselves, which saves
///     the way through a proxy; they do not by default. Only for the ingress of an application with a route prefix,
///     with the placement `process`.
///   - placementStrategy: how nodes are chosen for the replicas; by default those with the fewest replicas of the
///     deployment.
///   - maxReplicasPerNode: the most replicas that one node may have; no limit by default. Further replicas are pending.
///   - routing: which replica a call goes to; by default the less busy of two chosen at random.
///   - admission: which requests are refused although the queue has a place for them; by default those that would
///     probably not be answered before their deadline.
///   - requestTimeout: how long a request may take, from its arrival until it is answered; no limit by default. A
///     caller can set an earlier deadline. After it, the request fails with `deadlineExceeded` (HTTP 504).
///   - execution: which threads a replica's requests begin on; the Swift pool's by default.
///   - rollout: how new replicas replace old ones when a deploy changes them; `startFirst` by default.
///   - compression: whether answers to HTTP requests are compressed; by default with gzip, when the client accepts it
///     and it pays.
///   - requestDecoding: whether coded content of HTTP requests is decoded; by default gzip and deflate are.
///   - startTimeout: how long a replica's process and initialiser may take to start before the start counts as failed;
///     10 minutes by default.
///   - progressDeadline: how long a rollout may go without progress before the last healthy version is brought back; 10
///     minutes by default, and at least `startTimeout`. A replica that becomes ready or is reconfigured is progress.
///     Without an earlier version, the deploy counts as failed, but goes on.
///   - gracefulShutdownTimeout: how long a stopping replica has to finish its ongoing requests before it is killed; 20
///     seconds by default.
///   - healthCheckPeriod: how often a replica's health is checked; 10 seconds by default. The check asks whether its
///     executor still runs work, and calls its `checkHealth()`.
///   - healthCheckTimeout: how long a health check may take; 30 seconds by default. After three failures in a row the
///     replica is replaced.
@attached(
    member,
    names: named(ActorSystem),
    named(init),
    named(bind),
    named(Configured),
    named(InitArguments),
    named(_make),
    named(_deploymentOptions),
    named(_deploymentMethods),
    named(_batchedMethods),
    named(_multiplexing),
    named(nodes),
    named(Nodes)
)
@attached(extension, conformances: Deployment)
@attached(memberAttribute)
public macro Deployment(
    _ name: String? = nil,
    numReplicas: Int = 1,
    autoscaling: Autoscaling? = nil,
    maxOngoingRequests: Int = 100,
    maxQueuedRequests: Int = 10_000,
    resources: Resources = Resources(),
    runtimeEnvironment: RuntimeEnvironment? = nil,
    placement: DeploymentOptions.Placement = .process,
    directIngress: Bool = false,
    placementStrategy: DeploymentOptions.PlacementStrategy = .spread,
    maxReplicasPerNode: Int? = nil,
    routing: DeploymentOptions.Routing = .powerOfTwoChoices,
    admission: DeploymentOptions.Admission = .meetingDeadlines,
    requestTimeout: Duration? = nil,
    execution: DeploymentOptions.Execution = .automatic,
    rollout: DeploymentOptions.Rollout = .startFirst,
    compression: DeploymentOptions.Compression = .gzip(),
    requestDecoding: DeploymentOptions.RequestDecoding = .on(),
    startTimeout: Duration = .seconds(600),
    progressDeadline: Duration = .seconds(600),
    gracefulShutdownTimeout: Duration = .seconds(20),
    healthCheckPeriod: Duration = .seconds(10),
    healthCheckTimeout: Duration = .seconds(30)
) = #externalMacro(module: "SwerveMacrosPlugin", type: "DeploymentMacro")

/// Generates a deployment that calls a function.
///
/// ```swift
/// @FunctionDeployment(numReplicas: 3)
/// func sharpen(_ image: Image, by factor: Double = 8) -> Image { image.sharpened(by: factor) }
///
/// let handle = try await Serve.run(sharpenDeployment.bind())
/// let sharp = try await handle(image, by: 4)
/// ```
///
/// The deployment is a distributed actor next to the function, named after it (`sharpenDeployment`), and its handle is
/// called like the function. Calls from outside are asynchronous and can throw, even if the function is neither. A
/// replica runs one call at a time until the function suspends, so a function that never suspends needs more replicas,
/// not a higher `maxOngoingRequests`.
///
/// The function may be at the top level or a static member of a type that is not generic. It must not be `private` or
/// generic, and its parameters and its result must be `Codable & Sendable`.
///
/// - Parameters:
///   - name: the name within the application; `nil` means the type's name, numbered from the second deployment of that
///     type on.
///   - numReplicas: how many replicas a deploy asks for; 1 by default, at most `maximumReplicas`. The deployment can be
///     scaled later. With `.auto`, the load decides: from 1 to 100 replicas.
///   - autoscaling: how the number of replicas follows the load; `nil`, the default, for a fixed number. Then
///     `numReplicas` is left out.
///   - maxOngoingRequests: how many requests one replica handles at a time; 100 by default. Further requests wait in
///     the callers' queues. Ray Serve calls this `max_ongoing_requests` and formerly called it
///     `max_concurrent_queries`.
///   - maxQueuedRequests: how many requests may wait, in all processes of the machine together; 10 000 by default.
///     Further requests fail with `queueFull` (HTTP 503), unless they have a higher priority than one that waits in
///     their process.
///   - resources: the resources that one replica reserves on its node; none by default.
///   - runtimeEnvironment: what the replicas' processes run in, on top of what the application's environment says;
///     nothing of its own by default. Not with the placement `inProcess`.
///   - placement: where the replicas run; each in its own process by default.
///   - directIngress: whether the replicas' processes take the application's HTTP connections themselves, which saves
///     the way through a proxy; they do not by default. Only for the ingress of an application with a route prefix,
///     with the placement `process`.
///   - placementStrategy: how nodes are chosen for the replicas; by default those with the fewest replicas of the
///     deployment.
///   - maxReplicasPerNode: the most replicas that one node may have; no limit by default. Further replicas are pending.
///   - routing: which replica a call goes to; by default the less busy of two chosen at random.
///   - admission: which requests are refused although the queue has a place for them; by default those that would
///     probably not be answered before their deadline.
///   - requestTimeout: how long a request may take, from its arrival until it is answered; no limit by default. A
///     caller can set an earlier deadline. After it, the request fails with `deadlineExceeded` (HTTP 504).
///   - execution: which threads a replica's requests begin on; the Swift pool's by default.
///   - rollout: how new replicas replace old ones when a deploy changes them; `startFirst` by default.
///   - compression: whether answers to HTTP requests are compressed; by default with gzip, when the client accepts it
///     and it pays.
///   - requestDecoding: whether coded content of HTTP requests is decoded; by default gzip and deflate are.
///   - startTimeout: how long a replica's process and initialiser may take to start before the start counts as failed;
///     10 minutes by default.
///   - progressDeadline: how long a rollout may go without progress before the last healthy version is brought back; 10
///     minutes by default, and at least `startTimeout`. A replica that becomes ready or is reconfigured is progress.
///     Without an earlier version, the deploy counts as failed, but goes on.
///   - gracefulShutdownTimeout: how long a stopping replica has to finish its ongoing requests before it is killed; 20
///     seconds by default.
///   - healthCheckPeriod: how often a replica's health is checked; 10 seconds by default. The check asks whether its
///     executor still runs work, and calls its `checkHealth()`.
///   - healthCheckTimeout: how long a health check may take; 30 seconds by default. After three failures in a row the
///     replica is replaced.
@attached(peer, names: suffixed(Deployment))
public macro FunctionDeployment(
    _ name: String? = nil,
    numReplicas: Int = 1,
    autoscaling: Autoscaling? = nil,
    maxOngoingRequests: Int = 100,
    maxQueuedRequests: Int = 10_000,
    resources: Resources = Resources(),
    runtimeEnvironment: RuntimeEnvironment? = nil,
    placement: DeploymentOptions.Placement = .process,
    directIngress: Bool = false,
    placementStrategy: DeploymentOptions.PlacementStrategy = .spread,
    maxReplicasPerNode: Int? = nil,
    routing: DeploymentOptions.Routing = .powerOfTwoChoices,
    admission: DeploymentOptions.Admission = .meetingDeadlines,
    requestTimeout: Duration? = nil,
    execution: DeploymentOptions.Execution = .automatic,
    rollout: DeploymentOptions.Rollout = .startFirst,
    compression: DeploymentOptions.Compression = .gzip(),
    requestDecoding: DeploymentOptions.RequestDecoding = .on(),
    startTimeout: Duration = .seconds(600),
    progressDeadline: Duration = .seconds(600),
    gracefulShutdownTimeout: Duration = .seconds(20),
    healthCheckPeriod: Duration = .seconds(10),
    healthCheckTimeout: Duration = .seconds(30)
) = #externalMacro(module: "SwerveMacrosPlugin", type: "FunctionDeploymentMacro")

/// Sets `self.actorSystem` at the start of an initialiser. `@Deployment` adds it. Not for direct use.
@attached(body)
public macro _DeploymentInit() = #externalMacro(module: "SwerveMacrosPlugin", type: "DeploymentInitMacro")
