public import SwerveCore

/// Options of one deployment in a configuration file. What is `nil` keeps the value that the program gives.
public struct DeploymentConfig: Hashable, Sendable {
    /// The deployment's name within the application.
    public var name: String
    /// `.auto` for a number that follows the load.
    public var numReplicas: Int?
    public var autoscaling: AutoscalingConfig?
    public var maxOngoingRequests: Int?
    public var maxQueuedRequests: Int?
    /// For the deployment's `reconfigure`, as JSON: only the program can decode it into its `UserConfig`.
    public var userConfigJSON: JSONValue?
    public var resources: Resources?
    public var runtimeEnvironment: RuntimeEnvironmentConfig?
    /// Whether ``resources`` and ``runtimeEnvironment`` are given as Ray Serve's `ray_actor_options`. As in Ray Serve,
    /// these replace what the program says of the deployment's resources and environment as a whole. Otherwise
    /// ``runtimeEnvironment`` comes on top of the program's.
    public var hasRayActorOptions = false
    public var placement: DeploymentOptions.Placement?
    public var directIngress: Bool?
    public var placementStrategy: DeploymentOptions.PlacementStrategy?
    public var maxReplicasPerNode: Int?
    public var routing: DeploymentOptions.Routing?
    public var admission: DeploymentOptions.Admission?
    public var requestTimeout: Duration?
    public var execution: DeploymentOptions.Execution?
    public var rollout: DeploymentOptions.Rollout?
    /// Ray Serve's share of the replicas that are replaced at a time, above 0 and up to 1; another way to give
    /// ``rollout``.
    public var rollingUpdateShare: Double?
    /// Ray Serve's percentage of replicas beyond the target, from 0 to 100; another way to give ``rollout``.
    public var maxSurgePercent: Int?
    public var compression: DeploymentOptions.Compression?
    public var requestDecoding: DeploymentOptions.RequestDecoding?
    public var startTimeout: Duration?
    public var progressDeadline: Duration?
    public var gracefulShutdownTimeout: Duration?
    public var healthCheckPeriod: Duration?
    public var healthCheckTimeout: Duration?
    public var logging: LoggingConfig?
    /// Fields of Ray Serve that have no effect, by name.
    public var unused: [String: JSONValue] = [:]
    var givenActorOptions = Incidental<GivenActorOptions?>(value: nil)
    private var origin = Incidental(value: ConfigPlace())
    /// What only the program can say, for people who read the written file.
    private var notes = Incidental<[String]>(value: [])

    public init(name: String) {
        self.name = name
    }

    /// Where the deployment stands in the file. Two that differ in nothing else are equal.
    public var place: ConfigPlace { origin.value }

    var comments: [String] { notes.value }

    mutating func note(_ text: String) { notes.value.append(text) }
}

extension DeploymentConfig: ConfigObject {
    init() {
        self.init(name: "")
    }

    mutating func finish(_ node: ConfigNode, _ reading: inout Reading) {
        origin.value = reading.place(node)
        takeRayActorOptions(&reading)
        if let numReplicas, numReplicas != .auto, let autoscaling, autoscaling.isDryRun != true {
            reading.report(
                .conflict,
                node,
                "num_replicas is \(numReplicas), but autoscaling_config decides the number; keep one, or write 'auto'"
            )
        }
        if rollout != nil, rollingUpdateShare != nil || maxSurgePercent != nil {
            reading.report(
                .conflict,
                node,
                "rollout says the same as rolling_update_percentage and max_surge_percent; keep one"
            )
        }
        if directIngress == true, placement == .inProcess {
            reading.report(.conflict, node, "direct_ingress needs the placement 'process', but it is 'in_process'")
        }
    }
}

/// How the number of replicas follows the load: `autoscaling_config` of a configuration file. It replaces the
/// program's, apart from the policy, which is a type of the program: what is `nil` has the default of ``Autoscaling``.
public struct AutoscalingConfig: Hashable, Sendable {
    public var minReplicas: Int?
    public var initialReplicas: Int?
    public var maxReplicas: Int?
    public var targetOngoingRequests: Double?
    public var upscaleDelay: Duration?
    public var downscaleDelay: Duration?
    public var downscaleToZeroDelay: Duration?
    public var upscalingFactor: Double?
    public var downscalingFactor: Double?
    public var lookBack: Duration?
    public var aggregation: Autoscaling.Aggregation?
    public var startsForQueue: Bool?
    public var isDryRun: Bool?
    /// Fields of Ray Serve that have no effect, by name.
    public var unused: [String: JSONValue] = [:]

    public init() {}

    /// The settings, with the policy of `program`.
    func settings(_ program: Autoscaling?) -> Autoscaling {
        let defaults = Autoscaling()
        return Autoscaling(
            minReplicas: minReplicas ?? defaults.minReplicas,
            initialReplicas: initialReplicas,
            maxReplicas: maxReplicas ?? defaults.maxReplicas,
            targetOngoingRequests: targetOngoingRequests ?? defaults.targetOngoingRequests,
            upscaleDelay: upscaleDelay ?? defaults.upscaleDelay,
            downscaleDelay: downscaleDelay ?? defaults.downscaleDelay,
            downscaleToZeroDelay: downscaleToZeroDelay,
            upscalingFactor: upscalingFactor ?? defaults.upscalingFactor,
            downscalingFactor: downscalingFactor ?? defaults.downscalingFactor,
            lookBack: lookBack ?? defaults.lookBack,
            aggregation: aggregation ?? defaults.aggregation,
            startsForQueue: startsForQueue ?? defaults.startsForQueue,
            isDryRun: isDryRun ?? defaults.isDryRun,
            policy: program?.policy ?? defaults.policy
        )
    }
}

extension AutoscalingConfig: ConfigObject {
    mutating func finish(_ node: ConfigNode, _ reading: inout Reading) {
        let settings = settings(nil)
        if settings.minReplicas > settings.maxReplicas {
            reading.report(
                .conflict,
                node,
                "min_replicas is \(settings.minReplicas), more than max_replicas, which is \(settings.maxReplicas)"
            )
        } else if let initialReplicas, !(settings.minReplicas...settings.maxReplicas).contains(initialReplicas) {
            reading.report(
                .conflict,
                node,
                "initial_replicas is \(initialReplicas); it must be from min_replicas, which is "
                    + "\(settings.minReplicas), to max_replicas, which is \(settings.maxReplicas)"
            )
        }
    }
}
