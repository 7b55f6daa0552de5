// Written by dev/make-options.py from the properties of DeploymentOptions; 'make options' writes it anew.

/// The options of one deployment that differ from what its `@Deployment` says; what is `nil` stays as it is there.
///
/// The properties mean what those of ``DeploymentOptions`` mean.
public struct DeploymentOverrides: Hashable, Sendable {
    public var name: String?
    public var numReplicas: Int?
    public var maxOngoingRequests: Int?
    public var maxQueuedRequests: Int?
    public var resources: Resources?
    public var placement: DeploymentOptions.Placement?
    public var routing: DeploymentOptions.Routing?
    public var execution: DeploymentOptions.Execution?
    public var rollout: DeploymentOptions.Rollout?
    public var startTimeout: Duration?
    public var gracefulShutdownTimeout: Duration?
    public var healthCheckPeriod: Duration?
    public var healthCheckTimeout: Duration?

    public init(
        name: String? = nil,
        numReplicas: Int? = nil,
        maxOngoingRequests: Int? = nil,
        maxQueuedRequests: Int? = nil,
        resources: Resources? = nil,
        placement: DeploymentOptions.Placement? = nil,
        routing: DeploymentOptions.Routing? = nil,
        execution: DeploymentOptions.Execution? = nil,
        rollout: DeploymentOptions.Rollout? = nil,
        startTimeout: Duration? = nil,
        gracefulShutdownTimeout: Duration? = nil,
        healthCheckPeriod: Duration? = nil,
        healthCheckTimeout: Duration? = nil
    ) {
        self.name = name
        self.numReplicas = numReplicas
        self.maxOngoingRequests = maxOngoingRequests
        self.maxQueuedRequests = maxQueuedRequests
        self.resources = resources
        self.placement = placement
        self.routing = routing
        self.execution = execution
        self.rollout = rollout
        self.startTimeout = startTimeout
        self.gracefulShutdownTimeout = gracefulShutdownTimeout
        self.healthCheckPeriod = healthCheckPeriod
        self.healthCheckTimeout = healthCheckTimeout
    }

    /// The options of the deployment with these in their place.
    package func applied(to options: DeploymentOptions) -> DeploymentOptions {
        var options = options
        if let name { options.name = name }
        if let numReplicas { options.numReplicas = numReplicas }
        if let maxOngoingRequests { options.maxOngoingRequests = maxOngoingRequests }
        if let maxQueuedRequests { options.maxQueuedRequests = maxQueuedRequests }
        if let resources { options.resources = resources }
        if let placement { options.placement = placement }
        if let routing { options.routing = routing }
        if let execution { options.execution = execution }
        if let rollout { options.rollout = rollout }
        if let startTimeout { options.startTimeout = startTimeout }
        if let gracefulShutdownTimeout { options.gracefulShutdownTimeout = gracefulShutdownTimeout }
        if let healthCheckPeriod { options.healthCheckPeriod = healthCheckPeriod }
        if let healthCheckTimeout { options.healthCheckTimeout = healthCheckTimeout }
        return options
    }
}
