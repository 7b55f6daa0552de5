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
        /// It is healthy with the replicas that it has, and more are starting because the load grew.
        public static let upscaling = State("upscaling")
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
    /// While replicas fail, the message of the last failure; while some are pending, what they lack; empty otherwise.
    public var message: String
    /// How many replicas it should have, and who decided that; 0 replicas while it is being deleted.
    public var target: Target
    /// The options that the running version was deployed with. Their number of replicas may differ from ``target``.
    public var options: DeploymentOptions
    /// `nil` if the number of replicas is fixed.
    public var autoscaling: AutoscalingStatus?
    public var replicas: [ReplicaStatus]
    /// The replicas that wait for resources, which ``replicas`` does not have yet; `nil` if there are none.
    public var pending: PendingReplicas?

    public init(
        id: DeploymentID,
        state: State,
        message: String,
        target: Target,
        options: DeploymentOptions,
        autoscaling: AutoscalingStatus? = nil,
        replicas: [ReplicaStatus],
        pending: PendingReplicas? = nil
    ) {
        self.id = id
        self.state = state
        self.message = message
        self.target = target
        self.options = options
        self.autoscaling = autoscaling
        self.replicas = replicas
        self.pending = pending
    }

    /// What became of the calls of its `@Batched` methods in all ``replicas`` together, by the method's full name. A
    /// replica that is gone counts no more.
    public var batches: [String: BatchCounters] {
        replicas.reduce(into: [:]) { sums, replica in sums.merge(replica.batches ?? [:], uniquingKeysWith: +) }
    }
}

/// Replicas that cannot start yet because no node has as much free as they reserve.
public struct PendingReplicas: Hashable, Sendable, Codable {
    public var count: Int
    /// What the next of them lacks and who holds it, such as "needs 0.3 gpu; node local has 0.2 of 1 free; held by
    /// seg/Segmenter#1 0.3, seg/Segmenter#2 0.5".
    public var reason: String
    /// Since when replicas of the deployment have been waiting, on the clock of the controller's machine.
    public var since: MonotonicTime

    public init(count: Int, reason: String, since: MonotonicTime) {
        self.count = count
        self.reason = reason
        self.since = since
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
    /// What it holds of its node, from the decision to start it until it is gone; `nil` if it reserved nothing.
    public var reservation: Reservation?
    /// How its memory is limited to what it reserved; `nil` if it reserved none, or is not placed.
    public var memoryLimit: MemoryLimit?
    /// The models that it has; `nil` if it has no `@Multiplexed` loader.
    public var models: ReplicaModels?
    /// What became of the calls of its `@Batched` methods, as of a second ago at most: by the method's full name, such as
    /// `segment(batch:)`, once it was called. `nil` if it has no such methods, or is still starting.
    public var batches: [String: BatchCounters]?

    public init(
        id: ReplicaID,
        state: State,
        node: String? = nil,
        processID: Int32?,
        startUp: StartUp = StartUp(),
        message: String = "",
        reservation: Reservation? = nil,
        memoryLimit: MemoryLimit? = nil,
        models: ReplicaModels? = nil,
        batches: [String: BatchCounters]? = nil
    ) {
        self.id = id
        self.state = state
        self.node = node
        self.processID = processID
        self.startUp = startUp
        self.message = message
        self.reservation = reservation
        self.memoryLimit = memoryLimit
        self.models = models
        self.batches = batches
    }
}
