// Written by dev/make-options.py from the properties of DeploymentOptions; 'make options' writes it anew.

public import SwerveCore

extension Deployment {
    /// The deployment with other options than its `@Deployment` says, to be bound: `Model.options(numReplicas: 2).bind()`.
    /// What is `nil` stays as it is there.
    ///
    /// - Parameters:
    ///   - name: the name within the application; `nil` means the type's name, with a number for the second and later
    ///     ones.
    ///   - numReplicas: how many replicas a deploy asks for; 1 by default, at most `maximumReplicas`. The deployment
    ///     may be scaled later.
    ///   - maxOngoingRequests: how many requests one replica works on at a time; 100 by default. More wait in the
    ///     callers' queues. Ray Serve calls it `max_ongoing_requests`, and once called it `max_concurrent_queries`.
    ///   - maxQueuedRequests: how many requests may wait in the queue of one calling process; 10 000 by default. One
    ///     more is refused with `queueFull` (HTTP 503).
    ///   - resources: what one replica needs of a node.
    ///   - placement: where the replicas run; each in a process of its own by default.
    ///   - routing: which replica a call goes to; by default the less busy of two that are chosen at random.
    ///   - execution: which threads a replica's requests begin on; those of the Swift pool by default.
    ///   - rollout: how new replicas take the place of old ones when a deploy changes them; `startFirst` by default.
    ///   - startTimeout: how long a replica's process start and initialiser may take before it counts as failed; 10
    ///     minutes by default.
    ///   - gracefulShutdownTimeout: how long a stopping replica may finish its ongoing requests before it is killed; 20
    ///     seconds by default.
    ///   - healthCheckPeriod: how often a replica is asked whether its executor still runs work; 10 seconds by default.
    ///   - healthCheckTimeout: how long a replica may take to answer a health check. After three misses in a row it is
    ///     replaced; 30 seconds by default.
    public static func options(
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
    ) -> Configured {
        let overrides = DeploymentOverrides(
            name: name,
            numReplicas: numReplicas,
            maxOngoingRequests: maxOngoingRequests,
            maxQueuedRequests: maxQueuedRequests,
            resources: resources,
            placement: placement,
            routing: routing,
            execution: execution,
            rollout: rollout,
            startTimeout: startTimeout,
            gracefulShutdownTimeout: gracefulShutdownTimeout,
            healthCheckPeriod: healthCheckPeriod,
            healthCheckTimeout: healthCheckTimeout
        )
        return Configured(overrides)
    }
}
