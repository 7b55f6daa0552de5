import Foundation
import SwerveConfig
import SwerveCore
import Testing

/// What Ray's own clients get. `dev/check-ray-shapes.py` holds the same answers against the models of the `ray` package.
@Suite struct RayRESTTests {
    private static func id(_ deployment: String) -> DeploymentID {
        DeploymentID(application: "seg", deployment: deployment)
    }

    private static func status(
        _ name: String,
        _ state: DeploymentStatus.State = .healthy,
        options: DeploymentOptions = DeploymentOptions(),
        target: Target = Target(replicas: 1),
        autoscaling: AutoscalingStatus? = nil,
        replicas: [ReplicaStatus.State] = [.running]
    ) -> DeploymentStatus {
        DeploymentStatus(
            id: id(name),
            state: state,
            message: state == .healthy ? "" : "why",
            target: target,
            options: options,
            autoscaling: autoscaling,
            replicas: replicas.enumerated().map { index, state in
                let number = UInt64(index + 1)
                let id = ReplicaID(deployment: id(name), number: number)
                return ReplicaStatus(
                    id: id,
                    state: state,
                    node: "local",
                    processID: state == .starting ? nil : Int32(100 + number)
                )
            },
            pending: nil
        )
    }

    /// An instance in the middle of everything: two applications, one of them with every kind of replica.
    static let details: JSONValue = {
        let options = DeploymentOptions(
            autoscaling: Autoscaling(minReplicas: 1, maxReplicas: 4, lookBack: .zero),
            maxOngoingRequests: 7,
            maxQueuedRequests: DeploymentOptions.maximumRequests,
            resources: Resources(cpus: 1, gpus: 0.3, memory: 1 << 30, custom: ["licence": 1]),
            maxReplicasPerNode: 3
        )
        let load = AutoscalingStatus(
            policy: "ConcurrencyPolicy",
            minReplicas: 1,
            maxReplicas: 4,
            load: Load(queued: 2, ongoing: 5),
            wanted: 4,
            lastDecision: "5 ongoing"
        )
        let model = status(
            "Model",
            .upscaling,
            options: options,
            target: Target(replicas: 4, decidedBy: .policy, reason: "5 ongoing"),
            autoscaling: load,
            replicas: [.running, .starting, .reconfiguring, .unhealthy, .draining, .stopping]
        )
        let front = status(
            "Front",
            .deployFailed,
            options: DeploymentOptions(numReplicas: 0, maxQueuedRequests: 0),
            replicas: []
        )
        let segmentation = ApplicationStatus(
            name: "seg",
            routePrefix: "/segment",
            state: .deployFailed,
            message: "why",
            deployments: ["Model": model, "Front": front]
        )
        let own = ApplicationStatus(
            name: "own",
            routePrefix: nil,
            state: .running,
            message: "",
            deployments: ["Solo": status("Solo", options: DeploymentOptions(numReplicas: 1))]
        )
        let text = """
            applications:
            - name: seg
              route_prefix: /segment
              import_path: segmentation:seg
              logging_config: {log_level: NOTICE, max_lines: 5}
              runtime_env: {env_vars: {A: "1"}}
              deployments:
              - name: Model
                num_replicas: auto
                autoscaling_config: {min_replicas: 1, max_replicas: 4, look_back_period_s: 0}
                max_queued_requests: -1
                user_config: {threshold: 0.5}
                resources: {cpus: 1, gpus: 0.3}
                logging_config: {log_level: TRACE}
                rolling_update_percentage: 0.5
              - {name: Front, num_replicas: 0, max_queued_requests: 0, runtime_env: {env_vars: {B: "2"}}}
            """
        let config = (try? ServeConfig.parse(text))?.config.applications[0]
        return RayREST.details(
            ServeStatus(applications: ["seg": segmentation, "own": own]),
            deployed: [
                "seg": DeployedApplication(
                    config: config,
                    deployedAt: 1_700_000_100.5,
                    ingress: "Front",
                    calls: ["Front": ["Model"]]
                )
            ],
            facts: InstanceFacts(
                nodeID: "local",
                startTime: 1_700_000_000,
                port: 8000,
                idleTimeout: .milliseconds(4500),
                proxies: [
                    ProxyStatus(number: 1, state: .serving, processID: 9), ProxyStatus(number: 2, state: .starting),
                    ProxyStatus(number: 3, state: .draining),
                ],
                targetCapacity: 50,
                replicaStartTimes: [ReplicaID(deployment: id("Model"), number: 1): 1_700_000_050]
            )
        )
    }()

    private static let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "ray-details.json")

    @Test func `the details of an instance are those that were held against Ray's models`() throws {
        let text = Self.details.prettyJSON
        if ProcessInfo.processInfo.environment["SWERVE_WRITE_CONFIG_FILES"] != nil {
            try text.write(to: Self.file, atomically: true, encoding: .utf8)
        }
        #expect(try String(contentsOf: Self.file, encoding: .utf8) == text)
    }

    private static func deployment(_ name: String) -> JSONValue? {
        details["applications"]?["seg"]?["deployments"]?[name]
    }

    @Test func `replicas have the states that Ray has names for`() {
        guard case .array(let replicas)? = Self.deployment("Model")?["replicas"] else {
            Issue.record("there are no replicas")
            return
        }
        #expect(
            replicas.map { $0["state"] } == ["RUNNING", "STARTING", "UPDATING", "STOPPING", "STOPPING", "STOPPING"]
        )
        #expect(replicas.map { $0["pid"] } == [101, nil, 103, 104, 105, 106].map { $0.map { .integer($0) } ?? .null })
        #expect(replicas[0]["start_time_s"] == .number(1_700_000_050))
        #expect(replicas[1]["start_time_s"] == .number(1_700_000_000))
        #expect(replicas[0]["actor_name"] == "SERVE_REPLICA::seg#Model#1")
    }

    @Test(arguments: [
        (DeploymentStatus.State.updating, "UPDATING", "CONFIG_UPDATE_STARTED"),
        (.upscaling, "UPSCALING", "AUTOSCALING"),
        (.healthy, "HEALTHY", "CONFIG_UPDATE_COMPLETED"), (.unhealthy, "UNHEALTHY", "HEALTH_CHECK_FAILED"),
        (.deployFailed, "DEPLOY_FAILED", "REPLICA_STARTUP_FAILED"), (.deleting, "UPDATING", "DELETING"),
        (.init(rawValue: "new"), "UPDATING", "UNSPECIFIED"),
    ])
    func `a deployment's state becomes a status and a trigger`(
        state: DeploymentStatus.State,
        status: String,
        trigger: String
    ) {
        let application = ApplicationStatus(
            name: "seg",
            routePrefix: nil,
            state: .running,
            message: "",
            deployments: ["D": Self.status("D", state)]
        )
        let details = RayREST.details(
            ServeStatus(applications: ["seg": application]),
            deployed: [:],
            facts: InstanceFacts(nodeID: "n", startTime: 0, port: nil)
        )
        let deployment = details["applications"]?["seg"]?["deployments"]?["D"]
        #expect(deployment?["status"] == .string(status))
        #expect(deployment?["status_trigger"] == .string(trigger))
    }

    @Test(arguments: [
        (ApplicationStatus.State.deploying, "DEPLOYING"), (.running, "RUNNING"), (.unhealthy, "UNHEALTHY"),
        (.deployFailed, "DEPLOY_FAILED"), (.deleting, "DELETING"), (.init(rawValue: "new"), "NOT_STARTED"),
    ])
    func `an application's state becomes a status`(state: ApplicationStatus.State, status: String) {
        let application = ApplicationStatus(name: "a", routePrefix: "/", state: state, message: "", deployments: [:])
        let details = RayREST.details(
            ServeStatus(applications: ["a": application]),
            deployed: [:],
            facts: InstanceFacts(nodeID: "n", startTime: 0, port: nil)
        )
        #expect(details["applications"]?["a"]?["status"] == .string(status))
    }

    @Test func `an instance without a proxy lists none`() {
        let details = RayREST.details(
            ServeStatus(applications: [:]),
            deployed: [:],
            facts: InstanceFacts(nodeID: "n", startTime: 0, port: nil)
        )
        #expect(details["proxies"] == [:])
        #expect(details["target_groups"] == [])
        // Ray's client takes an instance without it for none.
        #expect(details["controller_info"]?["node_id"] == "n")
    }

    @Test func `what Ray refuses is left out, and what it calls otherwise has its name`() {
        let model = Self.deployment("Model")?["deployment_config"]
        #expect(model?["max_queued_requests"] == -1)
        #expect(model?["num_replicas"] == nil)
        #expect(model?["autoscaling_config"]?["look_back_period_s"] == nil)
        #expect(model?["ray_actor_options"]?["num_gpus"] == .number(0.3))
        let front = Self.deployment("Front")?["deployment_config"]
        #expect(front?["num_replicas"] == nil)
        #expect(front?["max_queued_requests"] == nil)
        let deployed = Self.details["applications"]?["seg"]?["deployed_app_config"]
        #expect(deployed?["logging_config"] == ["log_level": "INFO"])
        #expect(Self.deployment("Model")?["required_resources"]?["GPU"] == .number(0.3))
    }

    @Test func `a user configuration is shown where Ray's model takes it, which is a mapping`() {
        #expect(Self.deployment("Model")?["deployment_config"]?["user_config"] == ["threshold": .number(0.5)])
        var config = ApplicationConfig(importPath: ImportPath(executable: "x", application: "y"))
        config.deployments = [DeploymentConfig(name: "Solo")]
        config.deployments[0].userConfigJSON = [1]
        let application = ApplicationStatus(
            name: "own",
            routePrefix: nil,
            state: .running,
            message: "",
            deployments: ["Solo": Self.status("Solo")]
        )
        let shown = RayREST.details(
            ServeStatus(applications: ["own": application]),
            deployed: ["own": DeployedApplication(config: config, deployedAt: 1, ingress: "Solo")],
            facts: InstanceFacts(nodeID: "n", startTime: 0, port: nil)
        )["applications"]?["own"]
        #expect(shown?["deployments"]?["Solo"]?["deployment_config"]?["name"] == "Solo")
        #expect(shown?["deployments"]?["Solo"]?["deployment_config"]?["user_config"] == nil)
        #expect(shown?["deployed_app_config"]?["deployments"] == [["name": "Solo"]])
    }

    @Test func `a user configuration of the program is shown, unless the file gives another one`() throws {
        var config = ApplicationConfig(importPath: ImportPath(executable: "x", application: "y"))
        func shown(_ config: ApplicationConfig?) -> JSONValue? {
            let application = ApplicationStatus(
                name: "own",
                routePrefix: nil,
                state: .running,
                message: "",
                deployments: ["Solo": Self.status("Solo")]
            )
            let deployed = DeployedApplication(
                config: config,
                deployedAt: 1,
                ingress: "Solo",
                userConfigs: ["Solo": ["threshold": .number(0.5)]]
            )
            let details = RayREST.details(
                ServeStatus(applications: ["own": application]),
                deployed: ["own": deployed],
                facts: InstanceFacts(nodeID: "n", startTime: 0, port: nil)
            )
            return details["applications"]?["own"]?["deployments"]?["Solo"]?["deployment_config"]?["user_config"]
        }
        #expect(shown(nil) == ["threshold": .number(0.5)])
        #expect(shown(config) == ["threshold": .number(0.5)])
        config.deployments = [DeploymentConfig(name: "Solo")]
        #expect(shown(config) == ["threshold": .number(0.5)])
        config.deployments[0].userConfigJSON = ["threshold": 1]
        #expect(shown(config) == ["threshold": 1])
    }

    @Test func `what was deployed can be read and deployed again`() throws {
        let lines = [
            "resources: {cpus: 1}, runtime_env: {env_vars: {A: x}}",
            "ray_actor_options: {num_cpus: 0.1, runtime_env: {env_vars: {A: x}}}", "ray_actor_options: {}",
        ]
        for line in lines {
            let text = "applications: [{name: seg, import_path: 'a:b', deployments: [{name: D, \(line)}]}]"
            let config = try ServeConfig.parse(text).config.applications[0]
            let application = ApplicationStatus(
                name: "seg",
                routePrefix: "/",
                state: .running,
                message: "",
                deployments: [:]
            )
            let details = RayREST.details(
                ServeStatus(applications: ["seg": application]),
                deployed: ["seg": DeployedApplication(config: config, deployedAt: 1, ingress: "D")],
                facts: InstanceFacts(nodeID: "n", startTime: 0, port: nil)
            )
            let shown = try #require(details["applications"]?["seg"]?["deployed_app_config"])
            let again = try ServeConfig.parse(JSONValue.object(["applications": [shown]]).json, format: .json).config
            #expect(again.applications[0].deployments == config.deployments)
        }
    }

    @Test(
        arguments: [("/", JSONValue?.none), ("/x", JSONValue.string("/x")), (nil, JSONValue.null)]
            as [(String?, JSONValue?)]
    )
    func `a route that only the program gives is shown where Ray would take its absence for another`(
        route: String?,
        shown: JSONValue?
    ) {
        let application = ApplicationStatus(
            name: "a",
            routePrefix: route,
            state: .running,
            message: "",
            deployments: [:]
        )
        let config = ApplicationConfig(importPath: ImportPath(executable: "x", application: "y"))
        let details = RayREST.details(
            ServeStatus(applications: ["a": application]),
            deployed: ["a": DeployedApplication(config: config, deployedAt: 1, ingress: "D")],
            facts: InstanceFacts(nodeID: "n", startTime: 0, port: nil)
        )
        let deployed = details["applications"]?["a"]?["deployed_app_config"]
        #expect(deployed?["import_path"] == "x:y")
        #expect(deployed?["route_prefix"] == shown)
        // It gives no options, which is not the same to Ray as giving none of them.
        #expect(deployed?["deployments"] == nil)
    }

    @Test func `applications can be listed by where they come from`() throws {
        func names(_ source: RayREST.Source?) -> [String] {
            let application = ApplicationStatus(
                name: "a",
                routePrefix: nil,
                state: .running,
                message: "",
                deployments: [:]
            )
            let config = ApplicationConfig(importPath: ImportPath(executable: "x", application: "y"))
            let details = RayREST.details(
                ServeStatus(applications: ["a": application, "b": application]),
                deployed: [
                    "a": DeployedApplication(config: config, deployedAt: 1, ingress: "D"),
                    "b": DeployedApplication(config: nil, deployedAt: 1, ingress: "D"),
                ],
                facts: InstanceFacts(nodeID: "n", startTime: 0, port: nil),
                source: source
            )
            guard case .object(let applications)? = details["applications"] else { return [] }
            return applications.keys.sorted()
        }
        #expect(names(nil) == ["a", "b"])
        #expect(names(RayREST.Source("declarative")) == ["a"])
        #expect(names(RayREST.Source("imperative")) == ["b"])
        #expect(RayREST.Source("unknown") == nil)
    }

    @Test func `the version is that of a Ray whose shapes these are`() {
        #expect(
            RayREST.version(swerve: "1.0", sessionName: "s")
                == ["version": "4", "ray_version": "2.60.0", "ray_commit": "swerve-1.0", "session_name": "s"]
        )
    }

    @Test func `a request to scale has a number of replicas`() throws {
        #expect(try RayREST.scaleTarget(#"{"target_num_replicas": 3}"#) == 3)
        for body in ["{}", #"{"target_num_replicas": -1}"#, #"{"target_num_replicas": 10001}"#, #"{"n": 1}"#, "", "[]"]
        {
            #expect(throws: ConfigError.self) { try RayREST.scaleTarget(body) }
        }
    }

    @Test func `what Ray's own client sends for a deploy is a configuration`() throws {
        // Unset fields are left out, and null stands for some that are set to nothing.
        let body = #"""
            {"proxy_location": "EveryNode", "http_options": {"host": "0.0.0.0", "port": 8000, "request_timeout_s": null},
             "grpc_options": {"port": 9000, "grpc_servicer_functions": []}, "target_capacity": null,
             "applications": [{"name": "default", "route_prefix": "/", "import_path": "text_ml:app", "runtime_env": {},
             "deployments": [{"name": "T", "num_replicas": 1, "user_config": {"language": "french"}}]}]}
            """#
        let config = try ServeConfig.parse(body, file: "", format: .json).config
        #expect(config.http == HTTPConfig(host: "0.0.0.0", port: 8000))
        #expect(config.applications[0].deployments[0].numReplicas == 1)
    }
}
