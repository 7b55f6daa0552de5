/// The status of everything that runs, as `Serve.status()` returns it.
public struct ServeStatus: Hashable, Sendable, Codable {
    /// By application name.
    public var applications: [String: ApplicationStatus]

    public init(applications: [String: ApplicationStatus]) {
        self.applications = applications
    }
}

/// The observed state of one application.
public struct ApplicationStatus: Hashable, Sendable, Codable {
    /// The state of an application: that of its worst deployment. Open: later versions may add states.
    public struct State: RawRepresentable, Hashable, Sendable, Codable, CustomStringConvertible {
        public let rawValue: String
        public init(rawValue: String) {
            self.rawValue = rawValue
        }
        private init(_ rawValue: String) {
            self.rawValue = rawValue
        }
        public var description: String { rawValue }

        /// Not every deployment has all its replicas yet.
        public static let deploying = State("deploying")
        /// Every deployment is healthy.
        public static let running = State("running")
        /// A deployment lacks replicas because some failed.
        public static let unhealthy = State("unhealthy")
        /// A deployment could not be started as the latest deploy specifies.
        public static let deployFailed = State("deployFailed")
        /// It was deleted, but some replicas are not gone yet.
        public static let deleting = State("deleting")
    }

    public var name: String
    /// The path below which it answers HTTP; `nil` if it does not.
    public var routePrefix: String?
    public var state: State
    /// Why the state is not `running`; empty otherwise.
    public var message: String
    /// By deployment name.
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

/// The observed state of one deployment.
public struct DeploymentStatus: Hashable, Sendable, Codable {
    /// The state of a deployment. Open: later versions may add states.
    public struct State: RawRepresentable, Hashable, Sendable, Codable, CustomStringConvertible {
        public let rawValue: String
        public init(rawValue: String) {
            self.rawValue = rawValue
        }
        private init(_ rawValue: String) {
            self.rawValue = rawValue
        }
        public var description: String { rawValue }

        /// Replicas are still starting, or old ones still serve.
        public static let updating = State("updating")
        /// The target number of replicas is running, all of the latest revision.
        public static let healthy = State("healthy")
        /// Replicas are missing because some failed.
        public static let unhealthy = State("unhealthy")
        /// The latest deploy could not be started. The previous version serves, or nothing does.
        public static let deployFailed = State("deployFailed")
        /// Its application is being deleted or no longer includes it.
        public static let deleting = State("deleting")
    }

    public var id: DeploymentID
    public var state: State
    /// While replicas fail, the message of the last failure; empty otherwise.
    public var message: String
    /// How many replicas it should have, and who decided that; 0 replicas while it is being deleted.
    public var target: Target
    /// The options that the running version was deployed with. Their number of replicas may differ from ``target``.
    public var options: DeploymentOptions
    public var replicas: [ReplicaStatus]

    public init(
        id: DeploymentID,
        state: State,
        message: String,
        target: Target,
        options: DeploymentOptions,
        replicas: [ReplicaStatus]
    ) {
        self.id = id
        self.state = state
        self.message = message
        self.target = target
        self.options = options
        self.replicas = replicas
    }
}

/// The observed state of one replica.
public struct ReplicaStatus: Hashable, Sendable, Codable {
    /// Where a replica is in its life. Open: later versions may add states.
    public struct State: RawRepresentable, Hashable, Sendable, Codable, CustomStringConvertible {
        public let rawValue: String
        public init(rawValue: String) {
            self.rawValue = rawValue
        }
        private init(_ rawValue: String) {
            self.rawValue = rawValue
        }
        public var description: String { rawValue }

        /// Its process is starting or its initialiser is still running.
        public static let starting = State("starting")
        /// It takes requests.
        public static let running = State("running")
        /// It runs and changes to another user configuration; whether it takes requests meanwhile depends on the
        /// rollout rule.
        public static let reconfiguring = State("reconfiguring")
        /// It failed its health checks and is being stopped.
        public static let unhealthy = State("unhealthy")
        /// It finishes its ongoing requests and takes no new ones.
        public static let draining = State("draining")
        /// It was told to stop.
        public static let stopping = State("stopping")
    }

    public var id: ReplicaID
    public var state: State
    /// The machine it runs on, `local` for the controller's own; `nil` until it is placed.
    public var node: String?
    /// The process that hosts it: the caller's own for `inProcess` placement, `nil` while unknown.
    public var processID: Int32?
    /// How far its start has come, and how long the phases took.
    public var startUp: StartUp
    /// Why its last health check failed; empty if it passed.
    public var message: String

    public init(
        id: ReplicaID,
        state: State,
        node: String? = nil,
        processID: Int32?,
        startUp: StartUp = StartUp(),
        message: String = ""
    ) {
        self.id = id
        self.state = state
        self.node = node
        self.processID = processID
        self.startUp = startUp
        self.message = message
    }
}
