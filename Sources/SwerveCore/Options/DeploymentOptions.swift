/// How a deployment runs: how many replicas, where, and with which limits.
///
/// `@Deployment(...)` takes the same arguments; a deployment's `options(...)` overrides some of them.
///
/// Each option is declared once, here, with its documentation and default. `make options` generates the parameter lists
/// from these declarations. ``validate(deployment:)`` checks the values.
public struct DeploymentOptions: Hashable, Sendable, Codable {
    /// Where the replicas of a deployment run.
    public struct Placement: Hashable, Sendable, Codable, CustomStringConvertible {
        private enum Kind: String, Codable { case process, inProcess }
        private let kind: Kind
        /// Each replica has its own process, so a trap or a leak in one affects no other. The default.
        public static let process = Placement(kind: .process)
        /// In the caller's process: calls pass values without encoding them.
        public static let inProcess = Placement(kind: .inProcess)
        public var description: String { kind.rawValue }
    }

    /// Which threads a replica's requests begin on.
    public struct Execution: Hashable, Sendable, Codable, CustomStringConvertible {
        private enum Kind: String, Codable { case automatic, eventLoop }
        private let kind: Kind
        /// On the Swift pool, so that a handler that computes or blocks delays no other request. A replica with its own
        /// process switches to the event loop that read the request once its requests prove short. The default.
        public static let automatic = Execution(kind: .automatic)
        /// On the event loop that read the request, which saves a thread switch. Use it only for handlers that never
        /// block and never compute for long: in the caller's process, such a handler would delay every request on that
        /// loop, including those of other deployments.
        public static let eventLoop = Execution(kind: .eventLoop)
        public var description: String { kind.rawValue }
    }

    /// How nodes are chosen for the replicas of a deployment. On one node there is nothing to choose.
    public struct PlacementStrategy: Hashable, Sendable, Codable, CustomStringConvertible {
        package enum Kind: String, Codable, Sendable { case spread, pack }
        package let kind: Kind
        /// The node with the fewest replicas of the deployment, so that the loss of one node costs few. The default.
        public static let spread = PlacementStrategy(kind: .spread)
        /// The fullest node that has room, so that others stay free for replicas that need much.
        public static let pack = PlacementStrategy(kind: .pack)
        public var description: String { kind.rawValue }
    }

    /// The name within the application; `nil` means the type's name, numbered from the second deployment of that type
    /// on.
    public var name: String? = nil
    /// How many replicas a deploy asks for; 1 by default, at most ``maximumReplicas``. The deployment can be scaled
    /// later. With `.auto`, the load decides: from 1 to 100 replicas.
    public var numReplicas: Int = 1
    /// How the number of replicas follows the load; `nil`, the default, for a fixed number. Then `numReplicas` is left
    /// out.
    public var autoscaling: Autoscaling? = nil
    /// How many requests one replica handles at a time; 100 by default. Further requests wait in the callers' queues.
    /// Ray Serve calls this `max_ongoing_requests` and formerly called it `max_concurrent_queries`.
    public var maxOngoingRequests: Int = 100
    /// How many requests may wait, in all processes of the machine together; 10 000 by default. Further requests fail
    /// with ``ServeError/Code/queueFull`` (HTTP 503), unless they have a higher priority than one that waits in their
    /// process.
    public var maxQueuedRequests: Int = 10_000
    /// The resources that one replica reserves on its node; none by default.
    public var resources: Resources = Resources()
    /// What the replicas' processes run in, on top of what the application's environment says; nothing of its own by
    /// default. Not with the placement `inProcess`.
    public var runtimeEnvironment: RuntimeEnvironment? = nil
    /// Where the replicas run; each in its own process by default.
    public var placement: Placement = .process
    /// Whether the replicas' processes take the application's HTTP connections themselves, which saves the way through a
    /// proxy; they do not by default. Only for the ingress of an application with a route prefix, with the placement
    /// `process`.
    public var directIngress: Bool = false
    /// How nodes are chosen for the replicas; by default those with the fewest replicas of the deployment.
    public var placementStrategy: PlacementStrategy = .spread
    /// The most replicas that one node may have; no limit by default. Further replicas are pending.
    public var maxReplicasPerNode: Int? = nil
    /// Which replica a call goes to; by default the less busy of two chosen at random.
    public var routing: Routing = .powerOfTwoChoices
    /// Which requests are refused although the queue has a place for them; by default those that would probably not be
    /// answered before their deadline.
    public var admission: Admission = .meetingDeadlines
    /// How long a request may take, from its arrival until it is answered; no limit by default. A caller can set an
    /// earlier deadline. After it, the request fails with ``ServeError/Code/deadlineExceeded`` (HTTP 504).
    public var requestTimeout: Duration? = nil
    /// Which threads a replica's requests begin on; the Swift pool's by default.
    public var execution: Execution = .automatic
    /// How new replicas replace old ones when a deploy changes them; ``Rollout/startFirst`` by default.
    public var rollout: Rollout = .startFirst
    /// Whether answers to HTTP requests are compressed; by default with gzip, when the client accepts it and it pays.
    public var compression: Compression = .gzip()
    /// Whether coded content of HTTP requests is decoded; by default gzip and deflate are.
    public var requestDecoding: RequestDecoding = .on()
    /// How long a replica's process and initialiser may take to start before the start counts as failed; 10 minutes by
    /// default.
    public var startTimeout: Duration = .seconds(600)
    /// How long a rollout may go without progress before the last healthy version is brought back; 10 minutes by
    /// default, and at least ``startTimeout``. A replica that becomes ready or is reconfigured is progress. Without an
    /// earlier version, the deploy counts as failed, but goes on.
    public var progressDeadline: Duration = .seconds(600)
    /// How long a stopping replica has to finish its ongoing requests before it is killed; 20 seconds by default.
    public var gracefulShutdownTimeout: Duration = .seconds(20)
    /// How often a replica's health is checked; 10 seconds by default. The check asks whether its executor still runs
    /// work, and calls its `checkHealth()`.
    public var healthCheckPeriod: Duration = .seconds(10)
    /// How long a health check may take; 30 seconds by default. After three failures in a row the replica is replaced.
    public var healthCheckTimeout: Duration = .seconds(30)

    /// The largest accepted ``numReplicas``.
    public static let maximumReplicas = 10_000
    /// The largest accepted ``maxOngoingRequests`` and ``maxQueuedRequests``.
    public static let maximumRequests = 10_000_000

    /// Why replicas in the instance's process cannot have an environment.
    package static let sharedEnvironment =
        "its replicas run in the instance's own process, which has one environment for all; leave the runtime environment "
        + "out, or choose the placement process"

    /// - Throws: ``ServeError`` with code `invalidOptions`; the message names the option, its value and the accepted
    ///   range.
    package func validate(deployment: String) throws(ServeError) {
        func refuse(_ what: String) -> ServeError {
            ServeError(.invalidOptions, "deployment '\(deployment)': \(what)")
        }
        if let name, let problem = NameRule.problem(with: name) { throw refuse(problem) }
        if !(1...Self.maximumRequests).contains(maxOngoingRequests) {
            throw refuse("maxOngoingRequests is \(maxOngoingRequests); it must be from 1 to \(Self.maximumRequests)")
        }
        if !(0...Self.maximumRequests).contains(maxQueuedRequests) {
            throw refuse("maxQueuedRequests is \(maxQueuedRequests); it must be from 0 to \(Self.maximumRequests)")
        }
        if let most = maxReplicasPerNode, !(1...Self.maximumReplicas).contains(most) {
            throw refuse("maxReplicasPerNode is \(most); it must be from 1 to \(Self.maximumReplicas)")
        }
        let problem =
            replicasProblem() ?? resources.problem() ?? rollout.problem() ?? compression.problem()
            ?? requestDecoding.problem() ?? routing.problem() ?? admission.problem()
        if let problem { throw refuse(problem) }
        if directIngress, placement != .process {
            throw refuse("directIngress needs the placement process, but the placement is \(placement)")
        }
        if let problem = runtimeEnvironment?.problem() { throw refuse(problem) }
        if placement == .inProcess, let runtimeEnvironment, !runtimeEnvironment.isEmpty {
            throw refuse(Self.sharedEnvironment)
        }
        let times = [
            ("startTimeout", startTimeout), ("progressDeadline", progressDeadline),
            ("healthCheckPeriod", healthCheckPeriod), ("healthCheckTimeout", healthCheckTimeout),
        ]
        for (name, time) in times where time <= .zero { throw refuse("\(name) must be longer than zero") }
        if let requestTimeout, requestTimeout <= .zero { throw refuse("requestTimeout must be longer than zero") }
        if gracefulShutdownTimeout < .zero { throw refuse("gracefulShutdownTimeout must not be negative") }
    }
}

/// The rule that application and deployment names must follow.
package enum NameRule {
    package static let maximumLength = 200

    /// What is wrong with `name`, or `nil`.
    package static func problem(with name: String) -> String? {
        guard !name.isEmpty, name.utf8.count <= maximumLength else {
            return "the name '\(name)' must have 1 to \(maximumLength) characters"
        }
        let good = name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."):
                true
            default: byte >= 0x80
            }
        }
        return good ? nil : "the name '\(name)' may hold letters, digits, '_', '-' and '.' only"
    }
}
