public import SwerveCore

extension ServeConfig {
    /// The configuration that says what applications of a program say themselves, as a file to start from.
    ///
    /// Options that have their default are left out, apart from the number of replicas. What only the program can say,
    /// such as a policy of its own or a user configuration, is in comments of ``yaml``.
    ///
    /// - Parameter importPath: where the program is, and which of its applications a specification is.
    public init(describing applications: [ApplicationSpec], importPath: (ApplicationSpec) -> ImportPath) {
        self.init(
            applications: applications.map { ApplicationConfig(describing: $0, importPath: importPath($0)) }
        )
        notes.value = ["What is left out keeps the value that the program gives."]
    }

    /// The same, for applications of one executable that are called as they are declared.
    public init(describing applications: [ApplicationSpec], executable: String) {
        self.init(describing: applications) { ImportPath(executable: executable, application: $0.name) }
    }
}

extension ApplicationConfig {
    init(describing spec: ApplicationSpec, importPath: ImportPath) {
        self.init(name: spec.name, importPath: importPath)
        let ingress = spec.deployments.first { $0.id.deployment == spec.ingress }
        if ingress?.answersHTTP == true { routePrefix = RouteSetting(path: spec.routePrefix) }
        deployments = spec.deployments.map { deployment in
            var config = DeploymentConfig(describing: deployment.options, name: deployment.id.deployment)
            if let userConfig = deployment.userConfig {
                config.note("user_config: the program gives one, of \(userConfig.count) bytes")
            }
            if let environment = deployment.environment {
                // Values may be secrets.
                let names = environment.variables.keys.sorted().joined(separator: ", ")
                config.note("runtime_env: the program gives one" + (names.isEmpty ? "" : ", with \(names)"))
            }
            return config
        }
    }
}

extension DeploymentConfig {
    /// The options that differ from the defaults, and the number of replicas.
    package init(describing options: DeploymentOptions, name: String) {
        self.init(name: name)
        let defaults = DeploymentOptions()
        func changed<Value: Equatable>(_ path: KeyPath<DeploymentOptions, Value>) -> Value? {
            options[keyPath: path] == defaults[keyPath: path] ? nil : options[keyPath: path]
        }
        func changed(_ path: KeyPath<DeploymentOptions, Duration>) -> Duration? {
            options[keyPath: path] == defaults[keyPath: path] ? nil : options[keyPath: path].wholeNanoseconds
        }
        if let autoscaling = options.autoscaling {
            self.autoscaling = AutoscalingConfig(describing: autoscaling)
            if autoscaling.policy != .concurrency { note("autoscaling policy: the program's '\(autoscaling.policy)'") }
            if autoscaling.isDryRun { numReplicas = options.numReplicas }
        } else {
            numReplicas = options.numReplicas
        }
        maxOngoingRequests = changed(\.maxOngoingRequests)
        maxQueuedRequests = changed(\.maxQueuedRequests)
        resources = changed(\.resources)
        placement = changed(\.placement)
        directIngress = changed(\.directIngress)
        placementStrategy = changed(\.placementStrategy)
        maxReplicasPerNode = options.maxReplicasPerNode
        routing = changed(\.routing)
        if let own = routing, own.kind == .own {
            routing = nil
            note("routing: the program's '\(own)'")
        }
        admission = changed(\.admission)
        if let own = admission, own.kind == .own {
            admission = nil
            note("admission: the program's '\(own)'")
        }
        requestTimeout = options.requestTimeout?.wholeNanoseconds
        execution = changed(\.execution)
        rollout = changed(\.rollout)
        compression = changed(\.compression)
        requestDecoding = changed(\.requestDecoding)
        startTimeout = changed(\.startTimeout)
        progressDeadline = changed(\.progressDeadline)
        gracefulShutdownTimeout = changed(\.gracefulShutdownTimeout)
        healthCheckPeriod = changed(\.healthCheckPeriod)
        healthCheckTimeout = changed(\.healthCheckTimeout)
    }
}

extension AutoscalingConfig {
    /// The settings that differ from the defaults, and the bounds.
    init(describing settings: Autoscaling) {
        let defaults = Autoscaling()
        func changed<Value: Equatable>(_ path: KeyPath<Autoscaling, Value>) -> Value? {
            settings[keyPath: path] == defaults[keyPath: path] ? nil : settings[keyPath: path]
        }
        func changed(_ path: KeyPath<Autoscaling, Duration>) -> Duration? {
            settings[keyPath: path] == defaults[keyPath: path] ? nil : settings[keyPath: path].wholeNanoseconds
        }
        self.init()
        minReplicas = settings.minReplicas
        initialReplicas = settings.initialReplicas
        maxReplicas = settings.maxReplicas
        targetOngoingRequests = settings.targetOngoingRequests
        upscaleDelay = changed(\.upscaleDelay)
        downscaleDelay = changed(\.downscaleDelay)
        downscaleToZeroDelay = settings.downscaleToZeroDelay?.wholeNanoseconds
        upscalingFactor = changed(\.upscalingFactor)
        downscalingFactor = changed(\.downscalingFactor)
        lookBack = changed(\.lookBack)
        aggregation = changed(\.aggregation)
        startsForQueue = changed(\.startsForQueue)
        isDryRun = changed(\.isDryRun)
    }
}

extension Duration {
    /// As exact as a file has it.
    fileprivate var wholeNanoseconds: Duration { .nanoseconds(nanoseconds) }
}
