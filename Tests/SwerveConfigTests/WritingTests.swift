import SwerveConfig
import SwerveCore
import Testing

/// Configurations that are written and read again.
@Suite struct WritingTests {
    @Test(arguments: [
        "ray_actor_options: {num_cpus: 0.5, accelerator_type: A100, runtime_env: {env_vars: {A: x}}}",
        "ray_actor_options: {num_gpus: 0.5, memory: 10, resources: {tpu: 2}}", "ray_actor_options: {}",
    ])
    func `Ray's actor options are written as they are given`(line: String) throws {
        let text = "applications:\n- {import_path: 'a:b', deployments: [{name: D, \(line)}]}"
        let config = try ServeConfig.parse(text).config
        let yaml = config.yaml
        #expect(yaml.contains("ray_actor_options:"))
        #expect(!yaml.contains("\n    resources:"))
        #expect(!yaml.contains("\n    runtime_env:"))
        #expect(try ServeConfig.parse(yaml).config == config)
    }

    private struct Mine: RoutingPolicy {
        func choose(
            among replicas: [RoutingReplica],
            for request: RoutingRequest,
            using generator: inout SplitMix64
        ) -> Int? { nil }
    }

    private static let described: ServeConfig = {
        let model = DeploymentOptions(
            maxOngoingRequests: 8,
            resources: Resources(cpus: 1, gpus: 0.3, memory: 2 << 30),
            routing: .type(Mine.self),
            rollout: .rolling(maxSurge: 1, maxUnavailable: .percent(0)),
            healthCheckPeriod: .milliseconds(1500)
        )
        let front = DeploymentOptions(autoscaling: Autoscaling(minReplicas: 2, maxReplicas: 3))
        var spec = application(
            "Front",
            "Model",
            named: "seg",
            route: "/segment",
            options: ["Front": front, "Model": model]
        )
        spec.deployments[1].userConfig = [1, 2, 3]
        let quiet = ApplicationSpec(
            name: "quiet",
            routePrefix: nil,
            ingress: "Q",
            deployments: [deployment("Q", of: "quiet")]
        )
        return ServeConfig(describing: [spec, quiet], executable: ".build/release/segmentation")
    }()

    @Test func `what a program declares is written with comments where only it can say more`() {
        #expect(
            Self.described.yaml == """
                # What is left out keeps the value that the program gives.
                applications:
                - name: seg
                  route_prefix: /segment
                  import_path: .build/release/segmentation:seg
                  deployments:
                  - name: Front
                    autoscaling_config:
                      min_replicas: 2
                      max_replicas: 3
                      target_ongoing_requests: 2
                  - name: Model
                    # routing: the program's 'Mine'
                    # user_config: the program gives one, of 3 bytes
                    num_replicas: 1
                    max_ongoing_requests: 8
                    resources:
                      cpus: 1
                      gpus: 0.3
                      memory: 2147483648
                    rollout:
                      max_surge: 1
                      max_unavailable: 0%
                    health_check_period_s: 1.5
                - name: quiet
                  import_path: .build/release/segmentation:quiet
                  deployments:
                  - name: Q
                    num_replicas: 1

                """
        )
    }

    @Test func `what is written reads as the same configuration, without warnings`() throws {
        let parsed = try ServeConfig.parse(Self.described.yaml)
        #expect(parsed.config == Self.described)
        #expect(parsed.warnings == [])
        #expect(try ServeConfig.parse(Self.described.json.json, format: .json).config == Self.described)
    }

    @Test func `applied to the program that it describes, a configuration changes nothing`() throws {
        let options = DeploymentOptions(
            maxQueuedRequests: 7,
            placement: .inProcess,
            placementStrategy: .pack,
            maxReplicasPerNode: 3,
            routing: .leastLoaded,
            admission: .all,
            requestTimeout: .seconds(3),
            execution: .eventLoop,
            rollout: .stopFirst,
            compression: .gzip(minimumBytes: 1, level: 2),
            requestDecoding: .off,
            startTimeout: .seconds(1),
            progressDeadline: .seconds(2),
            gracefulShutdownTimeout: .zero,
            healthCheckTimeout: .milliseconds(1)
        )
        let auto = DeploymentOptions(numReplicas: .auto, compression: .off, requestDecoding: .on(maximumRatio: 3))
        let tuned = DeploymentOptions(
            autoscaling: Autoscaling(
                minReplicas: 0,
                initialReplicas: 1,
                upscaleDelay: .zero,
                downscaleDelay: .seconds(1),
                downscaleToZeroDelay: .seconds(2),
                upscalingFactor: 0.3,
                downscalingFactor: 3,
                lookBack: .zero,
                aggregation: .min,
                startsForQueue: false
            )
        )
        let dry = DeploymentOptions(numReplicas: 4, autoscaling: Autoscaling(isDryRun: true))
        let spec = application("A", "B", "C", "D", options: ["A": options, "B": auto, "C": tuned, "D": dry])
        let config = ServeConfig(describing: [spec], executable: "x")
        let read = try ServeConfig.parse(config.yaml).config
        #expect(read == config)
        #expect(try read.applications[0].applied(to: spec) == spec)
    }

    @Test(arguments: [
        "", " ", "a b", "yes", "No", "on", "null", "~", "true", "1", "1.5", "1e3", "0x1", "12:30", "2026-01-01", "a:b",
        "a: b",
        "a:", "#a", "a #b", "-", "- a", "?", "*a", "&a", "!a", "%a", "@a", "`", "'", "\"", "\\", "\n", "a\nb", "\t",
        "é", "😀",
        "\u{7F}", "\u{85}", "\u{2028}", "a\u{FEFF}", "[a]", "{a}", ",", ".inf", ".", "..", "/", "25%", "<<", "x *a: y",
        ", ? b", "- ? x", "[?a]", "\u{2028}? x", "*a: x [b]: c", "=", "|",
        ">",
    ])
    func `any text survives, as a value and as a name`(text: String) throws {
        var config = ServeConfig(applications: [
            ApplicationConfig(importPath: ImportPath(executable: "a", application: "b"))
        ])
        config.applications[0].args = [text: .string(text), "list": [.string(text), [.string(text)], [text: 1]]]
        #expect(try ServeConfig.parse(config.yaml).config == config, "\(config.yaml)")
        #expect(try ServeConfig.parse(config.json.prettyJSON, format: .json).config == config)
    }

    @Test(arguments: ["yes", "No", "on", "OFF", "y", "12:30", "2026-01-01", "1_000", "0777"])
    func `what older readers of YAML take for something else is in quotes`(text: String) {
        var config = ServeConfig(applications: [
            ApplicationConfig(importPath: ImportPath(executable: "a", application: "b"))
        ])
        config.applications[0].args = ["x": .string(text)]
        #expect(config.yaml.hasSuffix("x: \"\(text)\"\n  deployments: []\n"), "\(config.yaml)")
    }

    @Test(arguments: 0..<200)
    func `any value survives`(seed: UInt64) throws {
        var generator = SplitMix64(seed: seed)
        var config = ServeConfig(applications: [
            ApplicationConfig(importPath: ImportPath(executable: "a", application: "b"))
        ])
        config.applications[0].args = ["x": Self.value(&generator, depth: 0)]
        let text = config.yaml
        #expect(try ServeConfig.parse(text).config == config, "\(text)")
        #expect(try ServeConfig.parse(config.json.json, format: .json).config == config)
    }

    private static func value(_ generator: inout SplitMix64, depth: Int) -> JSONValue {
        let texts = ["", "a", "no", "1", "x: y", "\n", "- z", "é"]
        switch Int.random(in: 0..<(depth > 4 ? 5 : 8), using: &generator) {
        case 0: return nil
        case 1: return .bool(.random(using: &generator))
        case 2: return .integer(.random(in: .min ... .max, using: &generator))
        case 3: return .number(.random(in: -1e9...1e9, using: &generator))
        case 4: return .string(texts.randomElement(using: &generator) ?? "")
        case 5, 6:
            return .array(
                (0..<Int.random(in: 0...3, using: &generator)).map { _ in value(&generator, depth: depth + 1) }
            )
        default:
            let members = (0..<Int.random(in: 0...3, using: &generator)).map { index in
                ("\(texts.randomElement(using: &generator) ?? "")\(index)", value(&generator, depth: depth + 1))
            }
            return .object(Dictionary(uniqueKeysWithValues: members))
        }
    }

    @Test func `all that a file says survives, also what has no effect`() throws {
        let text = """
            proxy_location: HeadOnly
            http_options: {host: 0.0.0.0, port: 0, request_timeout_s: 1.25, keep_alive_timeout_s: 5, proxies: 2, event_loops: 1,
              max_body_bytes: 1, max_head_bytes: 2, max_buffered_bytes: 3, max_shared_bytes: 4, max_connections: 5,
              drain_delay_s: 0, drain_timeout_s: 6, root_path: /x}
            grpc_options: {port: 9000}
            logging_config: {encoding: JSON, log_level: 30, logs_dir: logs, enable_access_log: false, passes_on: false,
              max_lines: 1, max_bytes: 2KiB, max_line_bytes: 80, max_file_bytes: 1MiB, max_files: 2,
              max_ended_processes: 0, max_total_bytes: 2GiB, additional_log_standard_attrs: [name]}
            tracing: {endpoint: "http://a/b", service_name: s, sampling: 0.5, headers: {x-key: "1"}, max_queued_spans: 1,
              max_spans_per_export: 2, export_interval_s: 0.5, export_timeout_s: 3, max_attempts: 4,
              shutdown_timeout_s: 0, max_attributes_per_span: 0, max_text_bytes: 16}
            tracing_config: {enabled: true}
            target_capacity: 50.0
            applications:
            - import_path: a:b
              route_prefix: null
              external_scaler_enabled: false
              args: {a: 1}
              runtime_env: {env_vars: {A: "1"}, working_dir: w, excludes: ["*.ckpt", "!a"], executable: e, pip: [torch], inherit: [B, "C_*"],
                limits: {open_files: 100, file_size: 1MiB}}
              deployments:
              - name: D
                user_config: [1]
                rolling_update_percentage: 0.3
                ray_actor_options: {num_cpus: 1, accelerator_type: A100, runtime_env: {uv: [x], inherit: none}}
                request_router_config: {request_router_class: "x:Mine", initial_backoff_s: 1}
                graceful_shutdown_wait_loop_s: 2
                logging_config: {log_level: TRACE}
            """
        let first = try ServeConfig.parse(text)
        let second = try ServeConfig.parse(first.config.yaml)
        #expect(second.config == first.config)
        #expect(Set(second.warnings.map(\.message)) == Set(first.warnings.map(\.message)))
        #expect(
            first.warnings.map(\.place.path) == [
                "http_options.root_path", "grpc_options", "logging_config.additional_log_standard_attrs",
                "tracing_config",
                "applications[0].runtime_env.pip", "applications[0].deployments[0].ray_actor_options.accelerator_type",
                "applications[0].deployments[0].ray_actor_options.runtime_env.uv",
                "applications[0].deployments[0].request_router_config",
                "applications[0].deployments[0].graceful_shutdown_wait_loop_s",
            ]
        )
        #expect(first.config.logging?.level == .warning)
        #expect(first.config.tracing?.sampling == .ratio(0.5))
        #expect(first.config.targetCapacity == 50)
        let environment = first.config.applications[0].runtimeEnvironment
        #expect(environment?.variables == ["A": "1"])
        #expect(environment?.excludes == ["*.ckpt", "!a"])
        #expect(environment?.environment.excludes == ["*.ckpt", "!a"])
        #expect(environment?.inherits == .base(and: ["B", "C_*"]))
        #expect(environment?.limits == ProcessLimits(openFiles: 100, fileSize: 1 << 20))
        #expect(first.config.applications[0].deployments[0].runtimeEnvironment?.inherits == .nothing)
    }
}
