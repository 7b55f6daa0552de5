public import SwerveCore

extension RayREST {
    /// Which applications ``details(_:deployed:facts:source:)`` lists: `?api_type=` of the request.
    public struct Source: Hashable, Sendable {
        let name: String
        /// Those that a program runs itself.
        public static let imperative = Source(name: "imperative")
        /// Those that were deployed with a configuration.
        public static let declarative = Source(name: "declarative")

        /// - Returns: `nil` for a name that Ray does not have.
        public init?(_ name: String) {
            guard ["imperative", "declarative"].contains(name) else { return nil }
            self.init(name: name)
        }

        private init(name: String) {
            self.name = name
        }
    }

    /// The answer to `GET /api/serve/applications/`: Ray's `ServeInstanceDetails`.
    ///
    /// - Parameters:
    ///   - status: what runs.
    ///   - deployed: what was deployed, by the applications' names.
    ///   - source: only these applications; all by default.
    public static func details(
        _ status: ServeStatus,
        deployed: [String: DeployedApplication],
        facts: InstanceFacts,
        source: Source? = nil
    ) -> JSONValue {
        let applications = status.applications.filter { name, _ in
            source == nil || source == Self.source(deployed[name])
        }
        var controller = actor("SERVE_CONTROLLER_ACTOR", facts)
        controller["log_file_path"] = "/serve/controller.log"
        return [
            "controller_info": .object(controller),
            "proxy_location": .string(facts.proxyLocation.description),
            "http_options": httpOptions(facts),
            "proxies": .object(proxies(facts)),
            "applications": .object(
                applications.mapValues { application($0, deployed[$0.name], facts) }
            ),
            "target_capacity": facts.targetCapacity.map { .integer($0) } ?? .null,
            "target_groups": .array(targetGroups(facts)),
            // A deploy starts from what the program says, so an override that is gone is gone.
            "restores_unset_config_options": true,
        ]
    }

    private static func source(_ deployed: DeployedApplication?) -> Source {
        deployed?.config == nil ? .imperative : .declarative
    }

    // MARK: Instance

    private static func actor(_ name: String, node: String? = nil, _ facts: InstanceFacts) -> [String: JSONValue] {
        [
            "node_id": .string(node ?? facts.nodeID), "node_ip": .string(facts.nodeIP), "node_instance_id": "",
            "actor_id": .string(name), "actor_name": .string(name), "worker_id": "", "log_file_path": .null,
        ]
    }

    private static func httpOptions(_ facts: InstanceFacts) -> JSONValue {
        var options: [String: JSONValue] = ["host": .string(facts.host)]
        options["port"] = facts.port.map { .integer($0) }
        options["request_timeout_s"] = facts.requestTimeout.map { .number($0.seconds) }
        // Ray has whole seconds here.
        options["keep_alive_timeout_s"] = facts.idleTimeout.map { .integer(Int($0.seconds.rounded(.up))) }
        return .object(options)
    }

    /// By node in Ray, which has one proxy on each; further ones of a node get its name with their number.
    private static func proxies(_ facts: InstanceFacts) -> [String: JSONValue] {
        guard facts.port != nil else { return [:] }
        func proxy(_ name: String, _ state: String) -> JSONValue {
            var proxy = actor(name, facts)
            proxy["status"] = .string(state)
            return .object(proxy)
        }
        guard !facts.proxies.isEmpty else {
            return [facts.nodeID: proxy("SERVE_PROXY_ACTOR-\(facts.nodeID)", "HEALTHY")]
        }
        var proxies: [String: JSONValue] = [:]
        for (index, status) in facts.proxies.enumerated() {
            let key = index == 0 ? facts.nodeID : "\(facts.nodeID)-\(status.number)"
            proxies[key] = proxy("SERVE_PROXY_ACTOR-\(facts.nodeID)-\(status.number)", RayState.of(status.state))
        }
        return proxies
    }

    private static func targetGroups(_ facts: InstanceFacts) -> [JSONValue] {
        guard let port = facts.port else { return [] }
        let target: JSONValue = [
            "ip": .string(facts.nodeIP), "port": .integer(port), "instance_id": "",
            "name": .string("SERVE_PROXY_ACTOR-\(facts.nodeID)"),
        ]
        return [["targets": [target], "route_prefix": "/", "protocol": "HTTP"]]
    }

    // MARK: Applications

    private static func application(
        _ status: ApplicationStatus,
        _ deployed: DeployedApplication?,
        _ facts: InstanceFacts
    ) -> JSONValue {
        [
            "name": .string(status.name),
            "route_prefix": status.routePrefix.map { .string($0) } ?? .null,
            "docs_path": .null,
            "status": .string(RayState.of(status.state)),
            "message": .string(status.message),
            "last_deployed_time_s": .number(deployed?.deployedAt ?? facts.startTime),
            "deployed_app_config": deployed?.config.map { RayConfig.application($0, route: status.routePrefix) }
                ?? .null,
            "source": .string(source(deployed).name),
            "external_scaler_enabled": .bool(deployed?.config?.isScaledExternally ?? false),
            "deployments": .object(status.deployments.mapValues { deployment($0, deployed, facts) }),
            "deployment_topology": deployed.map { topology(status, $0) } ?? .null,
        ]
    }

    private static func topology(_ status: ApplicationStatus, _ deployed: DeployedApplication) -> JSONValue {
        let nodes = status.deployments.keys.map { name -> (String, JSONValue) in
            let calls = (deployed.calls[name] ?? []).map { callee -> JSONValue in
                ["name": .string(callee), "app_name": .string(status.name)]
            }
            let node: JSONValue = [
                "name": .string(name), "app_name": .string(status.name), "outbound_deployments": .array(calls),
                "is_ingress": .bool(name == deployed.ingress),
            ]
            return (name, node)
        }
        return [
            "app_name": .string(status.name), "nodes": .object(Dictionary(nodes) { $1 }),
            "ingress_deployment": .string(deployed.ingress),
        ]
    }

    private static func deployment(
        _ status: DeploymentStatus,
        _ deployed: DeployedApplication?,
        _ facts: InstanceFacts
    ) -> JSONValue {
        let name = status.id.deployment
        let userConfig = deployed?.config?.userConfigs[name] ?? deployed?.userConfigs[name]
        return [
            "name": .string(name),
            "status": .string(RayState.of(status.state)),
            "status_trigger": .string(RayState.trigger(status)),
            "message": .string(status.message),
            "deployment_config": RayConfig.deployment(status.options, name: name, userConfig: userConfig),
            "target_num_replicas": .integer(status.target.replicas),
            "required_resources": RayConfig.required(status.options.resources),
            "replicas": .array(status.replicas.map { replica($0, facts) }),
            "recent_dead_replicas": [],
            "autoscaling_detail": status.autoscaling.map { autoscaling($0, status) } ?? .null,
        ]
    }

    private static func replica(_ status: ReplicaStatus, _ facts: InstanceFacts) -> JSONValue {
        let id = status.id
        let name = "SERVE_REPLICA::\(id.deployment.application)#\(id.deployment.deployment)#\(id.number)"
        let isLocal = status.node == nil || status.node == "local"
        var replica = actor(name, node: isLocal ? nil : status.node, facts)
        replica["replica_id"] = .string("\(id.number)")
        replica["state"] = .string(RayState.of(status.state))
        replica["pid"] = status.processID.map { .integer(Int($0)) } ?? .null
        replica["start_time_s"] = .number(facts.replicaStartTimes[id] ?? facts.startTime)
        return .object(replica)
    }

    private static func autoscaling(_ scaling: AutoscalingStatus, _ status: DeploymentStatus) -> JSONValue {
        let running = status.replicas.count { $0.state == .running }
        let target = status.target.replicas
        let direction = target > running ? "UPSCALING" : target < running ? "DOWNSCALING" : "STABLE"
        return [
            "scaling_status": .string(direction),
            // Ray wants times and counts with each, which are not kept.
            "decisions": [],
            "metrics": [
                "ongoing_requests": .integer(scaling.load.ongoing), "queued_requests": .integer(scaling.load.queued),
                "desired_replicas": .integer(scaling.wanted), "min_replicas": .integer(scaling.minReplicas),
                "max_replicas": .integer(scaling.maxReplicas), "last_decision": .string(scaling.lastDecision),
            ],
            "metrics_health": "healthy", "errors": [],
        ]
    }
}
