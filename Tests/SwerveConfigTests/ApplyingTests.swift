import SwerveConfig
import SwerveCore
import Testing

/// A configuration applied to what a program declares.
@Suite struct ApplyingTests {
    private static func config(_ lines: String) throws -> ApplicationConfig {
        try ServeConfig.parse("applications:\n- import_path: a:b\n" + lines).config.applications[0]
    }

    /// The options of a deployment `D` that says `program`, with these lines of a file.
    private static func options(
        _ line: String,
        over program: DeploymentOptions = DeploymentOptions()
    ) throws -> DeploymentOptions? {
        try config("  deployments: [{name: D, \(line)}]").applied(to: application("D", options: ["D": program]))
            .options("D")
    }

    private static func problems(_ lines: String, _ spec: ApplicationSpec) -> [String] {
        do {
            _ = try config(lines).applied(to: spec)
            return []
        } catch {
            return "\(error)".split(separator: "\n").map(String.init)
        }
    }

    @Test func `without options, everything stays as the program says`() throws {
        let spec = application("Front", "Model", route: "/x", options: ["Model": DeploymentOptions(numReplicas: 3)])
        #expect(try Self.config("").applied(to: spec) == spec)
        #expect(try Self.config("  deployments: [{name: Model}]").applied(to: spec) == spec)
    }

    private typealias Options = DeploymentOptions

    @Test func `each field sets the option that it names`() throws {
        let expected: [(String, (inout DeploymentOptions) -> Void)] = [
            ("num_replicas: 7", { $0.numReplicas = 7 }),
            ("num_replicas: auto", { $0.numReplicas = .auto }),
            ("max_ongoing_requests: 3", { $0.maxOngoingRequests = 3 }),
            ("max_concurrent_queries: 3", { $0.maxOngoingRequests = 3 }),
            ("max_queued_requests: 5", { $0.maxQueuedRequests = 5 }),
            ("max_queued_requests: -1", { $0.maxQueuedRequests = DeploymentOptions.maximumRequests }),
            (
                "resources: {cpus: 0.5, gpus: 2, memory: 1024, custom: {licence: 1}}",
                { $0.resources = Resources(cpus: 0.5, gpus: 2, memory: 1024, custom: ["licence": 1]) }
            ),
            (
                "ray_actor_options: {num_cpus: 0.5, num_gpus: 0.3, memory: 10, resources: {tpu: 2}}",
                { $0.resources = Resources(cpus: 0.5, gpus: 0.3, memory: 10, custom: ["tpu": 2]) }
            ),
            ("resources: {memory: 1.5GiB}", { $0.resources = Resources(memory: 3 << 29) }),
            ("ray_actor_options: {memory: 2 MB}", { $0.resources = Resources(memory: 2_000_000) }),
            ("placement: in_process", { $0.placement = .inProcess }),
            ("direct_ingress: true", { $0.directIngress = true }),
            ("placement_strategy: pack", { $0.placementStrategy = .pack }),
            ("max_replicas_per_node: 2", { $0.maxReplicasPerNode = 2 }),
            ("routing: consistent_hash", { $0.routing = .consistentHash }),
            (
                "request_router_config: {request_router_class: 'ray.serve.x:RoundRobinRouter'}",
                { $0.routing = .roundRobin }
            ),
            ("admission: all", { $0.admission = .all }),
            ("request_timeout_s: 1.5", { $0.requestTimeout = .milliseconds(1500) }),
            ("execution: event_loop", { $0.execution = .eventLoop }),
            ("rollout: stop_first", { $0.rollout = .stopFirst }),
            ("rollout: rolling", { $0.rollout = .rolling() }),
            (
                "rollout: {max_surge: 1, max_unavailable: 10%}",
                { $0.rollout = .rolling(maxSurge: 1, maxUnavailable: .percent(10)) }
            ),
            ("rolling_update_percentage: 0.5", { $0.rollout = .rolling(maxSurge: 0, maxUnavailable: .percent(50)) }),
            ("rolling_update_percentage: 0.001", { $0.rollout = .rolling(maxSurge: 0, maxUnavailable: .percent(1)) }),
            ("max_surge_percent: 30", { $0.rollout = .rolling(maxSurge: .percent(30), maxUnavailable: 0) }),
            ("max_surge_percent: 0", { $0.rollout = .rolling(maxSurge: 0, maxUnavailable: .percent(20)) }),
            ("compression: 'off'", { $0.compression = .off }),
            ("compression: {minimum_bytes: 10, level: 9}", { $0.compression = .gzip(minimumBytes: 10, level: 9) }),
            ("request_decoding: false", { $0.requestDecoding = .off }),
            ("request_decoding: {maximum_ratio: 7}", { $0.requestDecoding = .on(maximumRatio: 7) }),
            ("start_timeout_s: 5", { $0.startTimeout = .seconds(5) }),
            ("progress_deadline_s: 6", { $0.progressDeadline = .seconds(6) }),
            ("graceful_shutdown_timeout_s: 0.0001", { $0.gracefulShutdownTimeout = .microseconds(100) }),
            ("health_check_period_s: 0.25", { $0.healthCheckPeriod = .milliseconds(250) }),
            ("health_check_timeout_s: 8", { $0.healthCheckTimeout = .seconds(8) }),
            ("autoscaling_config: {}", { $0.autoscaling = Autoscaling() }),
            (
                "autoscaling_config: {min_replicas: 0, initial_replicas: 1, max_replicas: 9, target_ongoing_requests: 1.5}",
                {
                    $0.autoscaling = Autoscaling(
                        minReplicas: 0,
                        initialReplicas: 1,
                        maxReplicas: 9,
                        targetOngoingRequests: 1.5
                    )
                }
            ),
            (
                "autoscaling_config: {target_num_ongoing_requests_per_replica: 4}",
                { $0.autoscaling = Autoscaling(targetOngoingRequests: 4) }
            ),
            (
                "autoscaling_config: {upscale_delay_s: 1, downscale_delay_s: 2, downscale_to_zero_delay_s: 3, look_back_period_s: 4}",
                {
                    $0.autoscaling = Autoscaling(
                        upscaleDelay: .seconds(1),
                        downscaleDelay: .seconds(2),
                        downscaleToZeroDelay: .seconds(3),
                        lookBack: .seconds(4)
                    )
                }
            ),
            (
                "autoscaling_config: {upscaling_factor: 0.5, downscaling_factor: 0.25, aggregation_function: max, starts_for_queue: false}",
                {
                    $0.autoscaling = Autoscaling(
                        upscalingFactor: 0.5,
                        downscalingFactor: 0.25,
                        aggregation: .max,
                        startsForQueue: false
                    )
                }
            ),
            (
                "autoscaling_config: {downscale_smoothing_factor: 0.25, smoothing_factor: 0.5}",
                { $0.autoscaling = Autoscaling(upscalingFactor: 0.5, downscalingFactor: 0.25) }
            ),
            (
                "num_replicas: 3, autoscaling_config: {dry_run: true}",
                {
                    $0.numReplicas = 3
                    $0.autoscaling = Autoscaling(isDryRun: true)
                }
            ),
        ]
        for (line, change) in expected {
            var options = DeploymentOptions()
            change(&options)
            #expect(try Self.options(line) == options, "\(line)")
        }
    }

    @Test func `every option of a deployment has a field`() {
        // The name is the key of a deployment, not an option of it.
        let options = Mirror(reflecting: DeploymentOverrides()).children.compactMap(\.label).filter { $0 != "name" }
        let names = [
            "autoscaling": "autoscaling_config", "runtimeEnvironment": "runtime_env",
            "requestTimeout": "request_timeout_s",
            "startTimeout": "start_timeout_s",
            "progressDeadline": "progress_deadline_s", "gracefulShutdownTimeout": "graceful_shutdown_timeout_s",
            "healthCheckPeriod": "health_check_period_s", "healthCheckTimeout": "health_check_timeout_s",
        ]
        let reference = ServeConfig.reference
        let missing = options.filter { option in
            let field = names[option] ?? option.map { $0.isUppercase ? "_\($0.lowercased())" : "\($0)" }.joined()
            return !reference.contains("| `\(field)`")
        }
        #expect(options.count > 15)
        #expect(missing == [])
    }

    @Test func `a number of replicas ends the program's autoscaling, and the other way round`() throws {
        let scaled = DeploymentOptions(autoscaling: Autoscaling(maxReplicas: 5))
        #expect(try Self.options("num_replicas: 2", over: scaled) == DeploymentOptions(numReplicas: 2))
        #expect(
            try Self.options("autoscaling_config: {max_replicas: 4}", over: DeploymentOptions(numReplicas: 3))
                == DeploymentOptions(autoscaling: Autoscaling(maxReplicas: 4))
        )
    }

    private struct Nightly: AutoscalingPolicy {
        func replicas(_ context: AutoscalingContext) -> Double { 1 }
    }

    @Test func `the program's autoscaling policy is kept`() throws {
        let program = DeploymentOptions(autoscaling: Autoscaling(minReplicas: 3, policy: .type(ConcurrencyPolicy.self)))
        let options = try Self.options("autoscaling_config: {max_replicas: 4}", over: program)
        #expect(options?.autoscaling == Autoscaling(maxReplicas: 4, policy: .type(ConcurrencyPolicy.self)))
        let config = AutoscalingConfig()
        _ = config
        let own = DeploymentOptions(autoscaling: Autoscaling(policy: .type(Nightly.self)))
        var deployment = DeploymentConfig(name: "D")
        deployment.autoscaling = AutoscalingConfig()
        #expect(deployment.overrides(own).autoscaling?.policy == .type(Nightly.self))
    }

    @Test func `a route prefix replaces the program's, and null takes it away`() throws {
        let spec = application("D", route: "/x")
        #expect(try Self.config("").applied(to: spec).routePrefix == "/x")
        #expect(try Self.config("  route_prefix: /y").applied(to: spec).routePrefix == "/y")
        #expect(try Self.config("  route_prefix: /a b").applied(to: spec).routePrefix == "/a%20b")
        #expect(try Self.config("  route_prefix: null").applied(to: spec).routePrefix == nil)
    }

    @Test func `a route prefix needs an ingress that answers HTTP`() {
        var spec = application("D", route: nil)
        spec.deployments[0].answersHTTP = false
        #expect(
            Self.problems("  route_prefix: /y", spec) == [
                "serve.yaml:2:3: applications[0]: route_prefix is '/y', but the ingress 'D' answers no HTTP requests; "
                    + "leave it out"
            ]
        )
    }

    @Test func `a deployment that the application does not have is an error with the nearest name`() {
        let spec = application("Translator", "Summarizer")
        #expect(
            Self.problems("  deployments: [{name: Translater}, {name: Xyz}]", spec) == [
                "serve.yaml:3:17: applications[0].deployments[0]: the application 'default' has no deployment "
                    + "'Translater'; did you mean 'Translator'?",
                "serve.yaml:3:37: applications[0].deployments[1]: the application 'default' has no deployment 'Xyz'; it has "
                    + "Translator, Summarizer",
            ]
        )
    }

    @Test func `options that contradict the program's are an error of the deployment`() {
        let inProcess = application("D", options: ["D": DeploymentOptions(placement: .inProcess)])
        #expect(
            Self.problems("  deployments: [{name: D, direct_ingress: true}]", inProcess) == [
                "serve.yaml:3:17: applications[0].deployments[0]: deployment 'D': directIngress needs the placement "
                    + "process, but the placement is inProcess"
            ]
        )
        #expect(
            Self.problems("  deployments: [{name: E, direct_ingress: true}]", application("D", "E")).map {
                $0.hasSuffix("direct_ingress is true, but 'E' is not the ingress of an application with a route prefix")
            } == [true]
        )
    }

    @Test func `a specification that was built under another name is refused`() {
        #expect(
            Self.problems("  name: text", application("D", named: "other")) == [
                "serve.yaml:2:3: applications[0]: the program built the application 'other'; it must be built as 'text'"
            ]
        )
    }

    @Test func `paths are relative to the folder of the file`() throws {
        let text = """
            logging_config: {logs_dir: logs}
            applications:
            - import_path: ./build/app:seg
              runtime_env: {working_dir: /data, executable: ../old/app}
              deployments: [{name: D, runtime_env: {working_dir: d}, logging_config: {logs_dir: .}}]
            """
        let config = try ServeConfig.parse(text).config.resolvingPaths(in: "/srv/seg")
        #expect(config.logging?.logsDirectory == "/srv/seg/logs")
        #expect(config.applications[0].importPath == ImportPath(executable: "/srv/seg/build/app", application: "seg"))
        #expect(config.applications[0].runtimeEnvironment?.workingDirectory == "/data")
        #expect(config.applications[0].runtimeEnvironment?.executable == "/srv/seg/../old/app")
        #expect(config.applications[0].deployments[0].runtimeEnvironment?.workingDirectory == "/srv/seg/d")
        #expect(config.applications[0].deployments[0].logging?.logsDirectory == "/srv/seg")
    }

    @Test func `environments of the file come on top of the program's, and a deployment's on top of the application's`()
        throws
    {
        var spec = application("D", "E")
        let program = RuntimeEnvironment(
            variables: ["A": "program", "P": "program"],
            workingDirectory: "/program",
            limits: ProcessLimits(openFiles: 100, coreSize: 0)
        )
        for index in spec.deployments.indices { spec.deployments[index].environment = program }
        let config = try Self.config(
            """
              runtime_env: {env_vars: {A: application, B: application}, working_dir: /w, limits: {open_files: 200}}
              deployments:
              - {name: E, ray_actor_options: {runtime_env: {env_vars: {B: deployment}, inherit: all}}}
            """
        )
        let applied = try config.applied(to: spec).deployments
        let limits = ProcessLimits(openFiles: 200, coreSize: 0)
        #expect(
            applied[0].environment
                == RuntimeEnvironment(
                    variables: ["P": "program", "A": "application", "B": "application"],
                    workingDirectory: "/w",
                    limits: limits
                )
        )
        #expect(
            applied[1].environment
                == RuntimeEnvironment(
                    variables: ["P": "program", "A": "application", "B": "deployment"],
                    workingDirectory: "/w",
                    inherits: .all,
                    limits: limits
                )
        )
    }

    @Test func `what is left out is of a working directory, which there must be in the end`() throws {
        var spec = application("D", "E")
        spec.deployments[0].environment = RuntimeEnvironment(workingDirectory: "/program", excludes: ["*.ckpt"])
        let leaves = "  runtime_env: {excludes: [/data/]}"
        spec.deployments[1].environment = RuntimeEnvironment(workingDirectory: "/other")
        let applied = try Self.config(leaves).applied(to: spec).deployments
        #expect(applied.map { $0.environment?.excludes } == [["/data/"], ["/data/"]])
        let own = try Self.config("  deployments: [{name: D, runtime_env: {working_dir: /w}}]").applied(to: spec)
        #expect(own.deployments[0].environment == RuntimeEnvironment(workingDirectory: "/w"))
        #expect(
            Self.problems("  deployments: [{name: E, runtime_env: {excludes: [a]}}]", application("D", "E")) == [
                "serve.yaml:3:17: applications[0].deployments[0]: there are patterns of what is left out of the working "
                    + "directory, and there is no working directory; give one, or leave them out"
            ]
        )
    }

    @Test func `Ray's actor options replace the program's resources and environment as a whole`() throws {
        let program = DeploymentOptions(resources: Resources(cpus: 2, gpus: 1))
        let environment = "runtime_env: {env_vars: {A: x}}"
        #expect(try Self.options("ray_actor_options: {num_cpus: 1}", over: program)?.resources == Resources(cpus: 1))
        #expect(try Self.options("ray_actor_options: {\(environment)}", over: program)?.resources == Resources())
        #expect(try Self.options(environment, over: program)?.resources == program.resources)
        let config = try Self.config(
            "  deployments: [{name: A, ray_actor_options: {num_cpus: 1}}, {name: B, \(environment)}, {name: C}]"
        )
        #expect(config.replacedEnvironments == ["A"])
    }

    @Test func `Ray's actor options beside the same in other words change nothing`() throws {
        let lines = "resources: {cpus: 1}, ray_actor_options: {num_cpus: 1, runtime_env: {env_vars: {A: x}}}"
        let deployment = try Self.config("  deployments: [{name: A, \(lines)}]").deployments[0]
        #expect(deployment.resources == Resources(cpus: 1))
        #expect(deployment.runtimeEnvironment?.variables == ["A": "x"])
        #expect(!deployment.hasRayActorOptions)
    }

    @Test func `a deployment logs as it says, else as its application says, else as the instance`() throws {
        let config = try Self.config(
            """
              logging_config: {encoding: JSON, log_level: ERROR, logs_dir: x}
              deployments: [{name: E, logging_config: {log_level: DEBUG}}]
            """
        )
        let applied = try config.applied(to: application("D", "E")).deployments
        #expect(
            applied.map { $0.environment?.logs } == [
                ProcessLogs(format: "json", level: "error"), ProcessLogs(format: "json", level: "debug"),
            ]
        )
        let silent = try Self.config("  logging_config: {logs_dir: x}").applied(to: application("D")).deployments
        #expect(silent.map(\.environment) == [nil])
    }

    @Test func `replicas in the instance's process log as it does, and their own way to log is refused`() throws {
        func logs(_ own: String) throws -> [ProcessLogs?] {
            let lines = """
                  logging_config: {log_level: ERROR}
                  deployments: [{name: D, placement: in_process\(own)}]
                """
            return try Self.config(lines).applied(to: application("D", "E")).deployments.map { $0.environment?.logs }
        }
        #expect(try logs("") == [nil, ProcessLogs(level: "error")])
        let error = #expect(throws: ConfigError.self) { try logs(", logging_config: {log_level: DEBUG}") }
        #expect(error?.problems.map(\.kind) == [.conflict])
        #expect(error?.problems.first?.message.contains("'D'") == true)
    }

    @Test func `user configurations are given by deployment`() throws {
        let config = try Self.config("  deployments: [{name: A, user_config: {factor: 2}}, {name: B}]")
        #expect(config.userConfigs == ["A": ["factor": 2]])
    }
}
