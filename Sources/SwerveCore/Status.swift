/// What `Serve.status()` says of everything that runs.
public struct ServeStatus: Hashable, Sendable, Codable {
    /// By application name.
    public var applications: [String: ApplicationStatus]

    public init(applications: [String: ApplicationStatus]) {
        self.applications = applications
    }
}

public struct ApplicationStatus: Hashable, Sendable, Codable {
    public enum State: String, Hashable, Sendable, Codable {
        case deploying, running, unhealthy, deployFailed, deleting
    }

    public var name: String
    public var routePrefix: String?
    public var state: State
    /// Why the state is not `running`; empty otherwise.
    public var message: String
    public var deployments: [String: DeploymentStatus]

    public init(
        name: String,
        routePrefix: String?,
        state: State,
        message: String,
        deployments: [String: DeploymentStatus]
    ) {
        self.name = name
        self.routePrefix = routePrefix
        self.state = state
        self.message = message
        self.deployments = deployments
    }
}

public struct DeploymentStatus: Hashable, Sendable, Codable {
    public enum State: String, Hashable, Sendable, Codable {
        case updating, healthy, unhealthy, deployFailed, deleting
    }

    public var id: DeploymentID
    public var state: State
    /// The last failure's message while replicas fail; empty otherwise.
    public var message: String
    public var targetReplicas: Int
    public var options: DeploymentOptions
    public var replicas: [ReplicaStatus]

    public init(
        id: DeploymentID,
        state: State,
        message: String,
        targetReplicas: Int,
        options: DeploymentOptions,
        replicas: [ReplicaStatus]
    ) {
        self.id = id
        self.state = state
        self.message = message
        self.targetReplicas = targetReplicas
        self.options = options
        self.replicas = replicas
    }
}

public struct ReplicaStatus: Hashable, Sendable, Codable {
    public enum State: String, Hashable, Sendable, Codable {
        case starting, running, unhealthy, draining, stopping
    }

    public var id: ReplicaID
    public var state: State
    /// The machine it runs on, `local` for that of the controller; `nil` while it has no place.
    public var node: String?
    /// The process that hosts it; the caller's own for `inProcess` placement, `nil` while it is not known.
    public var processID: Int32?

    public init(id: ReplicaID, state: State, node: String? = nil, processID: Int32?) {
        self.id = id
        self.state = state
        self.node = node
        self.processID = processID
    }
}
