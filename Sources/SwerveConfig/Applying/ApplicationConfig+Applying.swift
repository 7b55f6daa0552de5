public import SwerveCore

extension ApplicationConfig {
    /// The application of a program, with the route prefix and the options of this configuration.
    ///
    /// The arguments and ``DeploymentConfig/userConfigJSON`` are not part of it: the program has to build the
    /// specification with ``args``, under ``name``, and to encode the user configurations; see ``userConfigs``. It also
    /// leaves out the environments that ``DeploymentConfig/hasRayActorOptions`` replaces.
    ///
    /// - Parameter spec: what the program says. Its name must be ``name``, because the references between its
    ///   deployments contain it.
    /// - Throws: ``ConfigError`` with everything that does not fit: a deployment that the application does not have
    ///   (with the nearest name), another application's specification, options that contradict the program's.
    public func applied(to spec: ApplicationSpec) throws(ConfigError) -> ApplicationSpec {
        var problems: [ConfigProblem] = []
        func report(_ kind: ConfigProblem.Kind, _ place: ConfigPlace, _ message: String, _ suggestion: String? = nil) {
            problems.append(ConfigProblem(kind, at: place, message, suggestion: suggestion))
        }
        if spec.name != name {
            report(.conflict, place, "the program built the application '\(spec.name)'; it must be built as '\(name)'")
        }
        var spec = spec
        if let routePrefix {
            let ingress = spec.deployments.first { $0.id.deployment == spec.ingress }
            if let path = routePrefix.path, ingress?.answersHTTP == false {
                let what = "route_prefix is '\(path)', but the ingress '\(spec.ingress)' answers no HTTP requests"
                report(.conflict, place, "\(what); leave it out")
            }
            spec.routePrefix = routePrefix.path
        }
        for deployment in deployments {
            guard let index = spec.deployments.firstIndex(where: { $0.id.deployment == deployment.name }) else {
                let names = spec.deployments.map(\.id.deployment)
                let suggestion = NearestName.of(deployment.name, among: names)
                let known = suggestion == nil ? "; it has \(names.joined(separator: ", "))" : ""
                report(
                    .unknownDeployment,
                    deployment.place,
                    "the application '\(name)' has no deployment '\(deployment.name)'\(known)",
                    suggestion
                )
                continue
            }
            let program = spec.deployments[index].options
            let options = deployment.overrides(program).applied(to: program)
            do throws(ServeError) {
                try options.validate(deployment: deployment.name)
            } catch {
                report(.conflict, deployment.place, error.message)
            }
            if options.directIngress, deployment.name != spec.ingress || spec.routePrefix == nil {
                report(
                    .conflict,
                    deployment.place,
                    "direct_ingress is true, but '\(deployment.name)' is not the ingress of an application with a "
                        + "route prefix"
                )
            }
            spec.deployments[index].options = options
        }
        for index in spec.deployments.indices {
            let own = deployments.first { $0.name == spec.deployments[index].id.deployment }
            var environment = (spec.deployments[index].environment ?? RuntimeEnvironment())
                .with(runtimeEnvironment?.environment).with(own?.runtimeEnvironment?.environment)
            var logs = ProcessLogs().with(logging?.ofProcess).with(own?.logging?.ofProcess)
            if spec.deployments[index].options.placement == .inProcess {
                // What the application says is of the others.
                logs = ProcessLogs()
                if let own, own.logging?.ofProcess.isEmpty == false {
                    let what = "'\(own.name)' has a logging_config, but its replicas run in the instance's process"
                    report(.conflict, own.place, "\(what) and log as the instance does; leave it out")
                }
            }
            environment.logs = logs.isEmpty ? nil : logs
            if let problem = environment.problemOnItsOwn() { report(.conflict, own?.place ?? place, problem) }
            spec.deployments[index].environment = environment.isEmpty ? nil : environment
        }
        guard problems.isEmpty else { throw ConfigError(problems) }
        return spec
    }

    /// The deployments whose own environment in the program does not count; see ``DeploymentConfig/hasRayActorOptions``.
    package var replacedEnvironments: Set<String> {
        Set(deployments.filter(\.hasRayActorOptions).map(\.name))
    }

    /// The user configurations, by deployment. Each is to be decoded into the deployment's `UserConfig`.
    public var userConfigs: [String: JSONValue] {
        Dictionary(deployments.compactMap { deployment in deployment.userConfigJSON.map { (deployment.name, $0) } }) {
            $1
        }
    }
}

extension DeploymentConfig {
    /// The options as overrides.
    ///
    /// - Parameter program: the options that the program gives; an autoscaling policy of the program is kept.
    public func overrides(_ program: DeploymentOptions) -> DeploymentOverrides {
        DeploymentOverrides(
            numReplicas: numReplicas,
            autoscaling: autoscaling?.settings(program.autoscaling),
            maxOngoingRequests: maxOngoingRequests,
            maxQueuedRequests: maxQueuedRequests,
            resources: resources,
            placement: placement,
            directIngress: directIngress,
            placementStrategy: placementStrategy,
            maxReplicasPerNode: maxReplicasPerNode,
            routing: routing,
            admission: admission,
            requestTimeout: requestTimeout,
            execution: execution,
            rollout: rollout ?? rayRollout,
            compression: compression,
            requestDecoding: requestDecoding,
            startTimeout: startTimeout,
            progressDeadline: progressDeadline,
            gracefulShutdownTimeout: gracefulShutdownTimeout,
            healthCheckPeriod: healthCheckPeriod,
            healthCheckTimeout: healthCheckTimeout
        )
    }

    /// What Ray's fields for rollouts mean. With a surge, Ray stops no old replica before a new one is ready; without,
    /// it stops a share of them first.
    private var rayRollout: DeploymentOptions.Rollout? {
        if let maxSurgePercent, maxSurgePercent > 0 {
            return .rolling(maxSurge: .percent(maxSurgePercent), maxUnavailable: 0)
        }
        guard rollingUpdateShare != nil || maxSurgePercent != nil else { return nil }
        let percent = max(1, Int(((rollingUpdateShare ?? Self.rayShare) * 100).rounded()))
        return .rolling(maxSurge: 0, maxUnavailable: .percent(percent))
    }

    /// Ray's own default.
    private static let rayShare = 0.2
}
