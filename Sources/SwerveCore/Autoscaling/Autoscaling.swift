/// How the number of a deployment's replicas follows its load: between which bounds, towards which load of one replica,
/// and how fast.
///
/// ```swift
/// @Deployment(autoscaling: Autoscaling(minReplicas: 2, maxReplicas: 3))
/// ```
/// The defaults react to a burst within half a second and remove replicas after 60 seconds with less load.
/// ``ray(minReplicas:initialReplicas:maxReplicas:targetOngoingRequests:)`` has the numbers of Ray Serve. The load is the
/// number of ongoing and queued requests of all calling processes.
public struct Autoscaling: Hashable, Sendable, Codable {
    /// The fewest replicas; 1 by default. With 0, the first request waits for a replica to start and is then served.
    public var minReplicas: Int
    /// How many replicas the first deploy starts; ``minReplicas`` by default. They stay for at least ``downscaleDelay``.
    public var initialReplicas: Int?
    /// The most replicas; 100 by default.
    public var maxReplicas: Int
    /// How many ongoing requests one replica should have on average; 2 by default. A replica never counts for more than
    /// its `maxOngoingRequests`.
    public var targetOngoingRequests: Double
    /// How long the load must ask for more replicas before they start; 100 ms by default.
    public var upscaleDelay: Duration
    /// How long the load must ask for fewer replicas before some leave; 60 seconds by default. The number falls only to
    /// the highest number that the load asked for in this time.
    public var downscaleDelay: Duration
    /// The same for the last replica, when ``minReplicas`` is 0; ``downscaleDelay`` by default.
    public var downscaleToZeroDelay: Duration?
    /// How much of a missing number of replicas is added at once; 1 by default. With 0.5, half of it is.
    public var upscalingFactor: Double
    /// How much of a surplus of replicas is removed at once; 1 by default.
    public var downscalingFactor: Double
    /// The time over which the load is aggregated; 500 ms by default. With zero, only the present load counts.
    public var lookBack: Duration
    /// How the load over ``lookBack`` becomes one number; the time-weighted mean by default.
    public var aggregation: Aggregation
    /// Whether one replica starts without delay when requests wait although all replicas run; `true` by default.
    public var startsForQueue: Bool
    /// Whether nothing is scaled and the status only tells what would be; `false` by default. The number of replicas is
    /// then `numReplicas`.
    public var isDryRun: Bool
    /// Who decides how many replicas the load needs; ``ConcurrencyPolicy`` by default.
    public var policy: Policy

    public init(
        minReplicas: Int = 1,
        initialReplicas: Int? = nil,
        maxReplicas: Int = 100,
        targetOngoingRequests: Double = 2,
        upscaleDelay: Duration = .milliseconds(100),
        downscaleDelay: Duration = .seconds(60),
        downscaleToZeroDelay: Duration? = nil,
        upscalingFactor: Double = 1,
        downscalingFactor: Double = 1,
        lookBack: Duration = .milliseconds(500),
        aggregation: Aggregation = .mean,
        startsForQueue: Bool = true,
        isDryRun: Bool = false,
        policy: Policy = .concurrency
    ) {
        self.minReplicas = minReplicas
        self.initialReplicas = initialReplicas
        self.maxReplicas = maxReplicas
        self.targetOngoingRequests = targetOngoingRequests
        self.upscaleDelay = upscaleDelay
        self.downscaleDelay = downscaleDelay
        self.downscaleToZeroDelay = downscaleToZeroDelay
        self.upscalingFactor = upscalingFactor
        self.downscalingFactor = downscalingFactor
        self.lookBack = lookBack
        self.aggregation = aggregation
        self.startsForQueue = startsForQueue
        self.isDryRun = isDryRun
        self.policy = policy
    }

    /// What `numReplicas: .auto` means: from 1 to 100 replicas with 2 ongoing requests each, as in Ray Serve, and
    /// Swerve's delays.
    public static let auto = Autoscaling()

    /// Ray Serve's numbers: the mean load of 30 seconds, 30 seconds until replicas start and 600 until they leave, and
    /// no replica ahead of that for a queue. Ray's own default for `max_replicas` is 1.
    public static func ray(
        minReplicas: Int = 1,
        initialReplicas: Int? = nil,
        maxReplicas: Int = 100,
        targetOngoingRequests: Double = 2
    ) -> Autoscaling {
        Autoscaling(
            minReplicas: minReplicas,
            initialReplicas: initialReplicas,
            maxReplicas: maxReplicas,
            targetOngoingRequests: targetOngoingRequests,
            upscaleDelay: .seconds(30),
            downscaleDelay: .seconds(600),
            lookBack: .seconds(30),
            startsForQueue: false
        )
    }

    /// How the load of the look-back becomes one number.
    public struct Aggregation: Hashable, Sendable, Codable, CustomStringConvertible {
        package enum Kind: String, Codable, Sendable { case mean, max, min }
        package let kind: Kind
        /// Weighted by time.
        public static let mean = Aggregation(kind: .mean)
        public static let max = Aggregation(kind: .max)
        public static let min = Aggregation(kind: .min)
        public var description: String { kind.rawValue }
    }

    /// Names a type of policy.
    public struct Policy: Hashable, Sendable, Codable, CustomStringConvertible {
        /// The mangled name by which the controller finds the type; `nil` if it has none.
        let typeName: String?
        public let description: String

        /// As many replicas as bring the ongoing requests of each to ``Autoscaling/targetOngoingRequests``.
        public static let concurrency = Policy.type(ConcurrencyPolicy.self)

        /// A type of the program, which the instance's process makes with its `init()`.
        public static func type<Own: AutoscalingPolicy>(_ type: Own.Type) -> Policy {
            Policy(typeName: _mangledTypeName(type), description: "\(type)")
        }

        /// A new policy of that type; `nil` if this process has no such type.
        package func make() -> (any AutoscalingPolicy)? {
            guard let typeName, let type = _typeByName(typeName) as? any AutoscalingPolicy.Type else { return nil }
            return type.init()
        }
    }
}

extension Autoscaling {
    /// The largest accepted ``lookBack``.
    public static let longestLookBack = Duration.seconds(3600)

    /// What is wrong with the values, or `nil`.
    package func problem() -> String? {
        let most = DeploymentOptions.maximumReplicas
        if !(0...most).contains(minReplicas) { return "minReplicas is \(minReplicas); it must be from 0 to \(most)" }
        if !(max(1, minReplicas)...most).contains(maxReplicas) {
            return "maxReplicas is \(maxReplicas); it must be from \(max(1, minReplicas)) to \(most)"
        }
        if let initialReplicas, !(minReplicas...maxReplicas).contains(initialReplicas) {
            return "initialReplicas is \(initialReplicas); it must be from \(minReplicas) to \(maxReplicas)"
        }
        let numbers = [
            ("targetOngoingRequests", targetOngoingRequests), ("upscalingFactor", upscalingFactor),
            ("downscalingFactor", downscalingFactor),
        ]
        for (name, number) in numbers where !(number > 0 && number.isFinite) {
            return "\(name) is \(number); it must be more than 0"
        }
        let delays = [
            ("upscaleDelay", upscaleDelay), ("downscaleDelay", downscaleDelay),
            ("downscaleToZeroDelay", downscaleToZeroDelay ?? .zero),
        ]
        for (name, delay) in delays where delay < .zero { return "\(name) must not be negative" }
        if !(.zero...Self.longestLookBack).contains(lookBack) {
            return "lookBack must be from 0 to \(Self.longestLookBack)"
        }
        return policy.make() == nil ? "this program has no policy '\(policy)'; a local type cannot be one" : nil
    }
}

extension Int {
    /// As a deployment's `numReplicas`: ``Autoscaling/auto``.
    public static var auto: Int { .min }
}
