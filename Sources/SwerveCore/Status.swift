/// What `Serve.status()` says of everything that runs.
public struct ServeStatus: Hashable, Sendable, Codable {
    /// By application name.
    public var applications: [String: ApplicationStatus]

    public init(applications: [String: ApplicationStatus]) {
        self.applications = applications
    }
}

/// What is known of one application.
public struct ApplicationStatus: Hashable, Sendable, Codable {
    /// How an application is: as the worst of its deployments. Open: later versions may add states.
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
        /// A deployment misses replicas because some failed.
        public static let unhealthy = State("unhealthy")
        /// A deployment cannot be started as the latest deploy wants it.
        public static let deployFailed = State("deployFailed")
        /// It was deleted, and some replicas are not gone yet.
        public static let deleting = State("deleting")
    }

    public var name: String
    /// The path below which it answers HTTP; `nil` when it does not.
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

/// What is known of one deployment.
public struct DeploymentStatus: Hashable, Sendable, Codable {
    /// How a deployment is. Open: later versions may add states.
    public struct State: RawRepresentable, Hashable, Sendable, Codable, CustomStringConvertible {
        public let rawValue: String
        public init(rawValue: String) {
            self.rawValue = rawValue
        }
        private init(_ rawValue: String) {
            self.rawValue = rawValue
        }
        public var description: String { rawValue }

        /// Replicas are on their way, or old ones still serve.
        public static let updating = State("updating")
        /// The target count of replicas runs, all of the latest revision.
        public static let healthy = State("healthy")
        /// Replicas are missing because some failed.
        public static let unhealthy = State("unhealthy")
        /// The latest deploy could not be started; the previous version serves, or none.
        public static let deployFailed = State("deployFailed")
        /// It goes with its application, or the application no longer has it.
        public static let deleting = State("deleting")
    }

    public var id: DeploymentID
    public var state: State
    /// The last failure's message while replicas fail; empty otherwise.
    public var message: String
    /// How many replicas it should have, and who decided so; no replicas while it is being deleted.
    public var target: Target
    /// What the running version was deployed with. The number of replicas in there may differ from ``target``.
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

/// What is known of one replica.
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

        /// Its process or its initialiser is not done yet.
        public static let starting = State("starting")
        /// It takes requests.
        public static let running = State("running")
        /// It did not answer its health checks and is being ended.
        public static let unhealthy = State("unhealthy")
        /// It finishes its ongoing requests and takes no new ones.
        public static let draining = State("draining")
        /// It was told to end.
        public static let stopping = State("stopping")
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
