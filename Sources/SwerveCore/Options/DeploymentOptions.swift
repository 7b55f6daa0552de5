/// How a deployment runs: how many replicas, where, and with which limits.
///
/// `@Deployment(...)` takes the same arguments, and `options(...)` of a deployment overrides some of them.
///
/// Each option is declared here once, with its documentation and default; `make options` writes the parameter lists that
/// follow. ``validate(deployment:)`` says which values are accepted.
public struct DeploymentOptions: Hashable, Sendable, Codable {
    /// Where the replicas of a deployment run.
    public struct Placement: Hashable, Sendable, Codable, CustomStringConvertible {
        private enum Kind: String, Codable { case process, inProcess }
        private let kind: Kind
        /// Each replica in a process of its own: a trap or a leak in one hurts nobody else. The default.
        public static let process = Placement(kind: .process)
        /// In the caller's process: calls pass values, nothing is encoded.
        public static let inProcess = Placement(kind: .inProcess)
        public var description: String { kind.rawValue }
    }

    /// Which threads a replica's requests begin on.
    public struct Execution: Hashable, Sendable, Codable, CustomStringConvertible {
        private enum Kind: String, Codable { case automatic, eventLoop }
        private let kind: Kind
        /// On the Swift pool, so that a handler which computes or blocks holds nobody else up. In a process of its own a
        /// replica whose requests are seen to be short begins them on the event loop that read them. The default.
        public static let automatic = Execution(kind: .automatic)
        /// On the event loop that read the request, which spares a thread switch. For handlers that never block and never
        /// compute for long: in the caller's process they would hold up every request of that loop, of other deployments
        /// as well.
        public static let eventLoop = Execution(kind: .eventLoop)
        public var description: String { kind.rawValue }
    }

    /// Which replica a call goes to.
    public struct Routing: Hashable, Sendable, Codable, CustomStringConvertible {
        package enum Kind: String, Codable, Sendable { case powerOfTwoChoices, roundRobin }
        package let kind: Kind
        /// Of two replicas chosen at random, the one with fewer outstanding requests. The default.
        public static let powerOfTwoChoices = Routing(kind: .powerOfTwoChoices)
        /// Each replica in turn; a full one is passed over.
        public static let roundRobin = Routing(kind: .roundRobin)
        public var description: String { kind.rawValue }
    }

    /// The name within the application; `nil` means the type's name, with a number for the second and later ones.
    public var name: String? = nil
    /// How many replicas a deploy asks for; 1 by default, at most ``maximumReplicas``. The deployment may be scaled later.
    public var numReplicas: Int = 1
    /// How many requests one replica works on at a time; 100 by default. More wait in the callers' queues. Ray Serve calls
    /// it `max_ongoing_requests`, and once called it `max_concurrent_queries`.
    public var maxOngoingRequests: Int = 100
    /// How many requests may wait in the queue of one calling process; 10 000 by default. One more is refused with
    /// ``ServeError/Code/queueFull`` (HTTP 503).
    public var maxQueuedRequests: Int = 10_000
    /// What one replica needs of a node.
    public var resources: Resources = Resources()
    /// Where the replicas run; each in a process of its own by default.
    public var placement: Placement = .process
    /// Which replica a call goes to; by default the less busy of two that are chosen at random.
    public var routing: Routing = .powerOfTwoChoices
    /// Which threads a replica's requests begin on; those of the Swift pool by default.
    public var execution: Execution = .automatic
    /// How new replicas take the place of old ones when a deploy changes them; ``Rollout/startFirst`` by default.
    public var rollout: Rollout = .startFirst
    /// How long a replica's process start and initialiser may take before it counts as failed; 10 minutes by default.
    public var startTimeout: Duration = .seconds(600)
    /// How long a stopping replica may finish its ongoing requests before it is killed; 20 seconds by default.
    public var gracefulShutdownTimeout: Duration = .seconds(20)
    /// How often a replica is asked whether its executor still runs work; 10 seconds by default.
    public var healthCheckPeriod: Duration = .seconds(10)
    /// How long a replica may take to answer a health check. After three misses in a row it is replaced; 30 seconds by
    /// default.
    public var healthCheckTimeout: Duration = .seconds(30)

    /// The largest ``numReplicas`` that is accepted.
    public static let maximumReplicas = 10_000
    /// The largest ``maxOngoingRequests`` and ``maxQueuedRequests`` that are accepted.
    public static let maximumRequests = 10_000_000

    /// - Throws: ``ServeError`` with code `invalidOptions` that names the option, its value and what is accepted.
    package func validate(deployment: String) throws(ServeError) {
        func refuse(_ what: String) -> ServeError {
            ServeError(.invalidOptions, "deployment '\(deployment)': \(what)")
        }
        if let name, let problem = NameRule.problem(with: name) { throw refuse(problem) }
        if !(0...Self.maximumReplicas).contains(numReplicas) {
            throw refuse("numReplicas is \(numReplicas); it must be from 0 to \(Self.maximumReplicas)")
        }
        if !(1...Self.maximumRequests).contains(maxOngoingRequests) {
            throw refuse("maxOngoingRequests is \(maxOngoingRequests); it must be from 1 to \(Self.maximumRequests)")
        }
        if !(0...Self.maximumRequests).contains(maxQueuedRequests) {
            throw refuse("maxQueuedRequests is \(maxQueuedRequests); it must be from 0 to \(Self.maximumRequests)")
        }
        if let problem = resources.problem() ?? rollout.problem() { throw refuse(problem) }
        let times = [
            ("startTimeout", startTimeout), ("healthCheckPeriod", healthCheckPeriod),
            ("healthCheckTimeout", healthCheckTimeout),
        ]
        for (name, time) in times where time <= .zero { throw refuse("\(name) must be longer than zero") }
        if gracefulShutdownTimeout < .zero { throw refuse("gracefulShutdownTimeout must not be negative") }
    }
}

/// What application and deployment names may look like.
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
