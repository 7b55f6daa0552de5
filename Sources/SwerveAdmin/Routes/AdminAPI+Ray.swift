internal import NIOCore
internal import SwerveCore
internal import SwerveHTTPTypes

extension AdminAPI {
    /// What Ray's command line and scripts for its API use, in Ray's shapes.
    var ray: [AdminRoute] {
        let api = self
        return [
            AdminRoute(.get, "/api/ray/version") { _ in .json(RayDetails.version.bytes) },
            AdminRoute(.get, "/api/serve/applications") { request in
                let document = await StatusDocument(api.source, api.source.status())
                let kind = request.queryFields["api_type"]
                return .json(try await api.source.rayDetails(document, kind: kind).bytes)
            },
            AdminRoute(.put, "/api/serve/applications") { request in
                try await api.source.deploy(try await request.content())
                return .json(ByteBuffer())
            },
            // Ray's `serve shutdown`: all applications end, and others can be deployed afterwards.
            AdminRoute(.delete, "/api/serve/applications") { _ in
                for name in await api.source.status().applications.keys.sorted() {
                    // One that is gone meanwhile is fine.
                    do { try await api.source.delete(name) } catch let error as ServeError {
                        guard error.code == .notFound else { throw error }
                    }
                }
                return .json(ByteBuffer())
            },
        ]
    }
}

/// A status in the words of Ray Serve, as little as its command line accepts.
enum RayDetails {
    /// The release of Ray whose API this is.
    static let release = "2.60.0"

    static var version: JSONValue {
        // The first is that of the API for jobs, which is not here.
        ["version": "4", "ray_version": .string(release), "ray_commit": "swerve", "session_name": "swerve"]
    }

    static func instance(_ document: StatusDocument) -> JSONValue {
        let facts = document.facts
        let node = JSONValue.string(ReplicaNode.local)
        var proxies: [String: JSONValue] = [:]
        if facts.http != nil {
            proxies[ReplicaNode.local] = [
                "node_id": node, "node_ip": "127.0.0.1", "status": "HEALTHY",
            ]
        }
        return [
            "controller_info": ["node_id": node, "node_ip": "127.0.0.1", "actor_name": "SERVE_CONTROLLER_ACTOR"],
            "proxies": .object(proxies),
            "applications": .object(
                document.status.applications.mapValues { application($0, document) }
            ),
            "target_capacity": facts.targetCapacity.map { .integer($0) } ?? nil,
        ]
    }

    private enum ReplicaNode { static let local = "local" }

    private static func application(
        _ status: ApplicationStatus,
        _ document: StatusDocument
    ) -> JSONValue {
        let time = document.facts.deployedAt[status.name] ?? document.facts.startedAt
        return [
            "name": .string(status.name),
            "route_prefix": status.routePrefix.map { .string($0) } ?? nil,
            "docs_path": nil,
            "status": .string(name(of: status.state)),
            "message": .string(status.message),
            "last_deployed_time_s": .number(document.json.seconds(time)),
            "source": "imperative",
            "external_scaler_enabled": true,
            "deployments": .object(status.deployments.mapValues { deployment($0, at: time, document) }),
        ]
    }

    private static func name(of state: ApplicationStatus.State) -> String {
        switch state {
        case .running: "RUNNING"
        case .unhealthy: "UNHEALTHY"
        case .deployFailed: "DEPLOY_FAILED"
        case .deleting: "DELETING"
        default: "DEPLOYING"
        }
    }

    private static func deployment(
        _ status: DeploymentStatus,
        at time: MonotonicTime,
        _ document: StatusDocument
    ) -> JSONValue {
        let (state, trigger) = words(for: status.state)
        return [
            "name": .string(status.id.deployment),
            "status": .string(state),
            "status_trigger": .string(trigger),
            "message": .string(status.message),
            "deployment_config": ["name": .string(status.id.deployment)],
            "target_num_replicas": .integer(status.target.replicas),
            "required_resources": ["CPU": .number(status.options.resources.cpus.value)],
            "replicas": .array(status.replicas.map { replica($0, at: time, document) }),
        ]
    }

    private static func words(for state: DeploymentStatus.State) -> (state: String, trigger: String) {
        switch state {
        case .healthy: ("HEALTHY", "CONFIG_UPDATE_COMPLETED")
        case .unhealthy: ("UNHEALTHY", "REPLICA_STARTUP_FAILED")
        case .deployFailed: ("DEPLOY_FAILED", "REPLICA_STARTUP_FAILED")
        case .upscaling: ("UPSCALING", "AUTOSCALING")
        case .deleting: ("UPDATING", "DELETING")
        default: ("UPDATING", "CONFIG_UPDATE_STARTED")
        }
    }

    private static func replica(
        _ status: ReplicaStatus,
        at time: MonotonicTime,
        _ document: StatusDocument
    ) -> JSONValue {
        let state =
            switch status.state {
            case .running, .reconfiguring: "RUNNING"
            case .starting: "STARTING"
            default: "STOPPING"
            }
        return [
            "replica_id": .string("\(status.id.number)"),
            "state": .string(state),
            "pid": status.processID.map { .integer(Int($0)) } ?? nil,
            "node_id": status.node.map { .string($0) } ?? nil,
            "actor_name": .string("SERVE_REPLICA::\(status.id)"),
            "start_time_s": .number(document.json.seconds(time)),
        ]
    }
}
