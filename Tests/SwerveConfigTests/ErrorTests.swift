import SwerveConfig
import Testing

/// What the author of a configuration reads when something is wrong.
@Suite struct ErrorTests {
    static func problems(_ text: String, file: String = "serve.yaml", limits: ConfigLimits = ConfigLimits()) -> [String]
    {
        do throws(ConfigError) {
            _ = try ServeConfig.parse(text, file: file, limits: limits)
            return []
        } catch {
            return error.description.split(separator: "\n").map(String.init)
        }
    }

    private static let start = "applications:\n- import_path: a:b\n"

    /// The problems of a deployment with these lines.
    private static func deployment(_ lines: String...) -> [String] {
        let text = start + "  deployments:\n  - name: D\n" + lines.map { "    \($0)\n" }.joined()
        return problems(text)
    }

    @Test func `an unknown field names the nearest one, its line and its path`() {
        #expect(
            Self.deployment("num_replica: 2") == [
                "serve.yaml:5:5: applications[0].deployments[0].num_replica: there is no field 'num_replica'; "
                    + "did you mean 'num_replicas'?"
            ]
        )
    }

    @Test(arguments: [("numReplicas", "num_replicas"), ("MAX-ONGOING-REQUESTS", "max_ongoing_requests")])
    func `a field in another spelling is recognised`(given: String, meant: String) {
        #expect(Self.deployment("\(given): 2").first?.hasSuffix("did you mean '\(meant)'?") == true)
    }

    @Test func `a field that belongs elsewhere says where`() {
        #expect(
            Self.deployment("num_gpus: 1") == [
                "serve.yaml:5:5: applications[0].deployments[0].num_gpus: there is no field 'num_gpus'; it belongs in "
                    + "applications[].deployments[].ray_actor_options"
            ]
        )
    }

    @Test func `a field that is like no other lists those that there are`() {
        #expect(
            Self.problems("applications: []\nhttp_options:\n  qwertyuiop: 1\n").first?.contains(
                "there is no field 'qwertyuiop'; there are host, port, request_timeout_s"
            ) == true
        )
    }

    @Test func `a Kubernetes manifest is recognised`() {
        #expect(
            Self.problems("apiVersion: ray.io/v1\napplications: []\n") == [
                "serve.yaml:1:1: apiVersion: there is no field 'apiVersion'; this looks like a Kubernetes manifest, whose "
                    + "configuration is the text below spec.serveConfigV2"
            ]
        )
    }

    @Test func `a missing field says what it must be`() {
        #expect(
            Self.problems("applications:\n- name: x\n") == [
                "serve.yaml:2:3: applications[0]: 'import_path' is missing; it must be EXECUTABLE:APPLICATION, such as "
                    + ".build/release/segmentation:app"
            ]
        )
        #expect(Self.problems("{}") == ["serve.yaml:1:1: 'applications' is missing; it must be a list"])
    }

    @Test(arguments: [
        ("num_replicas: two", "'num_replicas' is the text 'two'; it must be a whole number from 0 to 10000 or 'auto'"),
        ("num_replicas: -1", "'num_replicas' is -1; it must be a whole number from 0 to 10000"),
        ("num_replicas: 2.5", "'num_replicas' is 2.5; it must be a whole number from 0 to 10000"),
        ("num_replicas: [2]", "'num_replicas' is a list; it must be a whole number from 0 to 10000 or 'auto'"),
        (
            "num_replicas: aut",
            "'num_replicas' is 'aut'; it must be a whole number from 0 to 10000 or 'auto'; did you mean 'auto'?"
        ),
        (
            "max_ongoing_requests: '3'",
            "'max_ongoing_requests' is the text '3'; it must be a whole number from 1 to 10000000; leave out the quotes"
        ),
        (
            "direct_ingress: yes",
            "'direct_ingress' is the text 'yes'; it must be true or false; 'yes' is a text in YAML 1.2"
        ),
        (
            "health_check_period_s: 0",
            "'health_check_period_s' is 0; it must be a number of more than 0, up to 1000000000"
        ),
        (
            "health_check_period_s: .nan",
            "'health_check_period_s' is nan; it must be a number of more than 0, up to 1000000000"
        ),
        (
            "routing: round-robin",
            "'routing' is 'round-robin'; it must be 'power_of_two_choices', 'round_robin', 'least_loaded', 'consistent_hash'; did you mean 'round_robin'?"
        ),
        (
            "resources: {gpus: 1.5}",
            "'gpus' is 1.5; it must be a number from 0 to 1 or a whole number from 1 to 1000000"
        ),
        (
            "resources: {memory: 2G}",
            "'memory' is the text '2G'; it must be a whole number, at least 0 or a number with KiB, MiB, GiB, TiB, kB, MB, GB or TB, such as 2GiB"
        ),
        (
            "rolling_update_percentage: 1.5",
            "'rolling_update_percentage' is 1.5; it must be a number of more than 0, up to 1"
        ),
        (
            "rollout: {max_surge: 0, max_unavailable: 0}",
            "rollout: maxSurge and maxUnavailable are both 0, so no replica could ever be replaced; at least one must be more than 0"
        ),
        (
            "rollout: {max_surge: 101%}",
            "'max_surge' is the text '101%'; it must be a whole number from 0 to 10000 or a percentage from 0% to 100%, such as 25%"
        ),
        ("runtime_env: {env_vars: {A: 1}}", "'A' is no text; it must be one, so put it in quotes"),
        ("runtime_env: {env_vars: {A=B: x}}", "'A=B' cannot be the name of an environment variable"),
        (
            "runtime_env: {env_vars: {SWERVE_X: x}}",
            "the variable 'SWERVE_X' is reserved: names that begin with SWERVE_ are the instance's"
        ),
        (
            "runtime_env: {working_dir: 's3://b/c'}",
            "working directory 's3://b/c': nothing is fetched; give the path of a folder or of a ZIP file, or a file: URI of "
                + "one"
        ),
        (
            "runtime_env: {excludes: [data/, '']}",
            "the pattern '' of what is left out is empty; leave it out"
        ),
        (
            "runtime_env: {excludes: '*.ckpt'}",
            "'excludes' is the text '*.ckpt'; it must be a list of which each element is a text"
        ),
        (
            "runtime_env: {inherit: ['*']}",
            "'*' names no variables to inherit; a '*' stands behind the beginning of their names"
        ),
        ("runtime_env: {limits: {open_files: 3}}", "'open_files' is 3; it must be a whole number, at least 64"),
        ("user_config: {limit: .inf}", "'user_config' contains inf, which JSON does not have"),
        (
            "autoscaling_config: {min_replicas: 5, max_replicas: 2}",
            "min_replicas is 5, more than max_replicas, which is 2"
        ),
        (
            "autoscaling_config: {min_replicas: 1, initial_replicas: 9, max_replicas: 2}",
            "initial_replicas is 9; it must be from min_replicas, which is 1, to max_replicas, which is 2"
        ),
        (
            "logging_config: {log_level: info}",
            "'log_level' is 'info'; it must be 'TRACE', 'DEBUG', 'INFO', 'NOTICE', 'WARNING', 'ERROR', 'CRITICAL'; did you mean 'INFO'?"
        ),
    ])
    func `a wrong value says what it is and what it must be`(line: String, message: String) throws {
        let found = Self.deployment(line)
        #expect(found.count == 1)
        #expect(found.first?.hasSuffix(": \(message)") == true, "\(found)")
    }

    @Test(arguments: [
        (
            ["num_replicas: 2", "autoscaling_config: {max_replicas: 3}"],
            "num_replicas is 2, but autoscaling_config decides the number; keep one, or write 'auto'"
        ),
        (
            ["resources: {cpus: 1}", "ray_actor_options: {num_cpus: 2}"],
            "resources says something else than ray_actor_options; keep one"
        ),
        (
            ["ray_actor_options: {num_cpus: 2}", "resources: {cpus: 1}"],
            "resources says something else than ray_actor_options; keep one"
        ),
        (
            ["ray_actor_options: {runtime_env: {env_vars: {A: x}}}", "runtime_env: {env_vars: {A: y}}"],
            "runtime_env says something else than ray_actor_options; keep one"
        ),
        (
            ["rollout: stop_first", "max_surge_percent: 20"],
            "rollout says the same as rolling_update_percentage and max_surge_percent; keep one"
        ),
        (
            ["max_ongoing_requests: 2", "max_concurrent_queries: 2"],
            "'max_concurrent_queries' and 'max_ongoing_requests' are the same; keep one"
        ),
        (
            ["placement: in_process", "direct_ingress: true"],
            "direct_ingress needs the placement 'process', but it is 'in_process'"
        ),
        (
            ["routing: round_robin", "request_router_config: {request_router_class: 'x:RoundRobinRouter'}"],
            "routing says the same as request_router_config; keep one"
        ),
    ])
    func `two fields that contradict each other are a conflict`(lines: [String], message: String) {
        let text = Self.start + "  deployments:\n  - name: D\n" + lines.map { "    \($0)\n" }.joined()
        #expect(Self.problems(text).map { $0.hasSuffix(": \(message)") } == [true])
    }

    @Test func `applications and deployments need names and routes of their own`() {
        let text = """
            applications:
            - {name: a, route_prefix: /x, import_path: "p:a"}
            - name: a
              route_prefix: /x
              import_path: p:b
              deployments: [{name: D}, {name: D}]
            """
        #expect(
            Self.problems(text) == [
                "serve.yaml:3:3: applications[1]: another application is called 'a', in line 2",
                "serve.yaml:3:3: applications[1]: another application has the route prefix '/x', in line 2",
                "serve.yaml:6:28: applications[1].deployments[1]: the deployment 'D' is also in line 6",
            ]
        )
    }

    @Test func `an application that others scale must not be autoscaled`() {
        let text = Self.start + "  external_scaler_enabled: true\n  deployments:\n  - {name: D, num_replicas: auto}\n"
        #expect(
            Self.problems(text) == [
                "serve.yaml:5:5: applications[0].deployments[0]: the deployment 'D' is autoscaled, but "
                    + "external_scaler_enabled is true; give num_replicas as a number, or leave external_scaler_enabled out"
            ]
        )
    }

    @Test func `TLS is refused, because its absence would be dangerous`() {
        #expect(
            Self.problems("applications: []\nhttp_options:\n  ssl_certfile: cert.pem\n") == [
                "serve.yaml:3:17: http_options.ssl_certfile: 'ssl_certfile' is not supported: the proxy does not do TLS, and "
                    + "must not answer in the clear instead; put a TLS proxy before it"
            ]
        )
    }

    @Test(arguments: ["app", ":app", "app:", "a:b:c", ".app", "app."])
    func `an import path has an executable and an application`(path: String) {
        let found = Self.problems("applications:\n- import_path: \"\(path)\"\n")
        #expect(found.count == 1)
        #expect(found.first?.contains("'\(path)' is not an import path; it must be EXECUTABLE:APPLICATION") == true)
    }

    @Test(arguments: ["segment", "/segment/", "/a?b", "/-/x"])
    func `a route prefix that no request can have is refused`(prefix: String) {
        let found = Self.problems("applications:\n- import_path: a:b\n  route_prefix: \(prefix)\n")
        #expect(found.count == 1)
        #expect(
            found.first?.hasPrefix("serve.yaml:3:17: applications[0].route_prefix: the route prefix '\(prefix)'")
                == true
        )
    }

    @Test func `all problems are reported together, in the order of the file`() {
        let text = """
            proxy_location: everynode
            http_options: {port: 70000}
            applications:
            - import_path: a
              deployments:
              - num_replicas: -1
                autoscaling_config: 3
            """
        let places = Self.problems(text).map { $0.prefix { $0 != " " } }
        #expect(
            places == [
                "serve.yaml:1:17:", "serve.yaml:2:22:", "serve.yaml:4:16:", "serve.yaml:6:5:", "serve.yaml:6:19:",
                "serve.yaml:7:25:",
            ]
        )
    }

    @Test func `problems beyond the limit are counted`() throws {
        let text = "applications: []\n" + (0..<9).map { "x\($0): 1\n" }.joined()
        let found = Self.problems(text, limits: ConfigLimits(maxProblems: 4))
        #expect(found.count == 5)
        #expect(found.last == "and 5 more")
    }

    @Test func `a name from the file cannot break a line or steer the terminal`() {
        let found = Self.problems("applications: []\n\"a\\n\\e[2J\": 1\n")
        #expect(found.count == 1)
        #expect(
            found.first?.hasPrefix(#"serve.yaml:2:1: a\n\u{1B}[2J: there is no field 'a\n\u{1B}[2J'"#) == true,
            "\(found)"
        )
    }

    @Test func `an old file with a single application, or an address in one, says where they belong`() {
        #expect(
            Self.problems("import_path: a:b\napplications: []\n") == [
                "serve.yaml:1:1: import_path: there is no field 'import_path'; it belongs in applications[]"
            ]
        )
        #expect(
            Self.problems(Self.start + "  port: 80\n") == [
                "serve.yaml:3:9: applications[0].port: 'port' is not supported: it belongs in http_options"
            ]
        )
    }

    @Test func `an error has kind, place and suggestion as values`() throws {
        do throws(ConfigError) {
            _ = try ServeConfig.parse("application: []\n", file: "x.yaml")
            Issue.record("it was accepted")
        } catch {
            #expect(error.problems.map(\.kind) == [.unknownField, .missingField])
            #expect(error.problems.first?.place == ConfigPlace(file: "x.yaml", line: 1, column: 1, path: "application"))
            #expect(error.problems.first?.suggestion == "applications")
        }
    }
}
