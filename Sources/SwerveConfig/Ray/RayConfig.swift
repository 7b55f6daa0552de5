internal import SwerveCore

/// Configurations in Ray's own fields, as its models accept them.
enum RayConfig {
    /// An application as it was deployed: Ray's `ServeApplicationSchema`.
    ///
    /// - Parameter route: the route prefix that the application has.
    static func application(_ config: ApplicationConfig, route: String?) -> JSONValue {
        var config = config
        config.logging = config.logging.map(known)
        let deployments = config.deployments.map(deployment)
        guard case .object(var members) = config.tree.value else { return .null }
        members["deployments"] = deployments.isEmpty ? nil : .array(deployments)
        // Ray takes the absence for '/'.
        if config.routePrefix == nil, route != "/" { members["route_prefix"] = route.map { .string($0) } ?? .null }
        return .object(members)
    }

    /// The options that a deployment has: Ray's `DeploymentSchema`.
    ///
    /// - Parameter userConfig: the one that the deployment's configuration gives.
    static func deployment(_ options: DeploymentOptions, name: String, userConfig: JSONValue?) -> JSONValue {
        var config = DeploymentConfig(describing: options, name: name)
        config.userConfigJSON = userConfig
        if let scaling = options.scaling {
            config.autoscaling = AutoscalingConfig(all: scaling)
            if !scaling.isDryRun { config.numReplicas = nil }
        }
        config.maxOngoingRequests = options.maxOngoingRequests
        config.maxQueuedRequests = options.maxQueuedRequests
        config.resources = options.resources
        config.gracefulShutdownTimeout = options.gracefulShutdownTimeout
        config.healthCheckPeriod = options.healthCheckPeriod
        config.healthCheckTimeout = options.healthCheckTimeout
        return deployment(config)
    }

    /// Swerve's own fields stay: Ray's clients do not look at them.
    private static func deployment(_ config: DeploymentConfig) -> JSONValue {
        var config = config
        config.logging = config.logging.map(known)
        // What Ray refuses, it need not see.
        if config.numReplicas == 0 { config.numReplicas = nil }
        if config.maxQueuedRequests == 0 { config.maxQueuedRequests = nil }
        if let userConfig = config.userConfigJSON {
            if case .object = userConfig {} else { config.userConfigJSON = nil }
        }
        if config.autoscaling != nil, config.numReplicas != .auto { config.numReplicas = nil }
        guard case .object(var members) = config.tree.value else { return .null }
        if config.maxQueuedRequests == DeploymentOptions.maximumRequests { members["max_queued_requests"] = -1 }
        if case .object(var scaling)? = members["autoscaling_config"] {
            if scaling["look_back_period_s"] == 0 { scaling["look_back_period_s"] = nil }
            members["autoscaling_config"] = .object(scaling)
        }
        if config.hasRayActorOptions { return .object(members) }
        var options: [String: JSONValue] = [:]
        if case .object(let unused)? = members["ray_actor_options"] { options = unused }
        if let resources = config.resources { options.merge(actorOptions(resources)) { $1 } }
        if let environment = config.runtimeEnvironment { options["runtime_env"] = environment.tree.value }
        if !options.isEmpty { members["ray_actor_options"] = .object(options) }
        return .object(members)
    }

    private static func actorOptions(_ resources: Resources) -> [String: JSONValue] {
        var options: [String: JSONValue] = ["num_cpus": .number(resources.cpus.value)]
        if resources.gpus != .zero { options["num_gpus"] = .number(resources.gpus.value) }
        if resources.memory != 0 { options["memory"] = .integer(resources.memory) }
        if !resources.custom.isEmpty {
            options["resources"] = .object(resources.custom.mapValues { .number($0.value) })
        }
        return options
    }

    /// What one replica reserves, in Ray's names of resources.
    static func required(_ resources: Resources) -> JSONValue {
        var required = resources.custom.mapValues { JSONValue.number($0.value) }
        if resources.cpus != .zero { required["CPU"] = .number(resources.cpus.value) }
        if resources.gpus != .zero { required["GPU"] = .number(resources.gpus.value) }
        if resources.memory != 0 { required["memory"] = .integer(resources.memory) }
        return .object(required)
    }

    /// With the fields that Ray has, and a level that Python's logging has.
    private static func known(_ logging: LoggingConfig) -> LoggingConfig {
        var known = LoggingConfig()
        known.encoding = logging.encoding
        known.level = logging.level
        if logging.level == .trace { known.level = .debug }
        if logging.level == .notice { known.level = .info }
        known.logsDirectory = logging.logsDirectory
        known.logsAccess = logging.logsAccess
        known.unused = logging.unused
        return known
    }
}

extension AutoscalingConfig {
    /// All settings.
    fileprivate init(all settings: Autoscaling) {
        self.init(describing: settings)
        upscaleDelay = settings.upscaleDelay
        downscaleDelay = settings.downscaleDelay
        upscalingFactor = settings.upscalingFactor
        downscalingFactor = settings.downscalingFactor
        lookBack = settings.lookBack
        aggregation = settings.aggregation
    }
}
