/// Decides how many replicas the load of a deployment needs. The controller keeps one value for each autoscaled
/// deployment, from the deploy of its options on until its process ends.
///
/// Around the policy, the controller applies factors, bounds and delays of ``Autoscaling``, and starts the first replica
/// of a deployment at zero. A policy must return soon: the controller does nothing else in the meantime.
/// ```swift
/// struct Nightly: AutoscalingPolicy {
///     func replicas(_ context: AutoscalingContext) -> Double { isNight() ? 1 : ConcurrencyPolicy().replicas(context) }
///     var period: Duration? { .seconds(60) }
/// }
/// @Deployment(autoscaling: Autoscaling(policy: .type(Nightly.self)))
/// ```
public protocol AutoscalingPolicy: Sendable {
    init()

    /// The number of replicas that the load needs. A fraction is rounded up once factors are applied; a value that is
    /// not a number keeps the present one.
    mutating func replicas(_ context: AutoscalingContext) -> Double

    /// After which time it is asked again although the load does not change; `nil`, the default, for never.
    var period: Duration? { get }
}

extension AutoscalingPolicy {
    public var period: Duration? { nil }
}

/// What a policy knows about its deployment.
public struct AutoscalingContext: Hashable, Sendable {
    public var deployment: DeploymentID
    public var settings: Autoscaling
    /// The replicas that take requests.
    public var running: Int
    /// The replicas that are wanted now.
    public var target: Int
    /// The present load.
    public var current: Load
    /// Queued and ongoing requests, aggregated over ``Autoscaling/lookBack``.
    public var load: Double
    /// The load that one replica should have: ``Autoscaling/targetOngoingRequests``, or the deployment's
    /// `maxOngoingRequests` if that is less.
    public var targetOngoingRequests: Double
    /// The bounds that the number will be limited to.
    public var bounds: ClosedRange<Int>
    public var lastUpscale: MonotonicTime?
    public var lastDownscale: MonotonicTime?
    /// The present time.
    public var time: MonotonicTime

    public init(
        deployment: DeploymentID,
        settings: Autoscaling,
        running: Int,
        target: Int,
        current: Load,
        load: Double,
        targetOngoingRequests: Double,
        bounds: ClosedRange<Int>,
        lastUpscale: MonotonicTime? = nil,
        lastDownscale: MonotonicTime? = nil,
        time: MonotonicTime
    ) {
        self.deployment = deployment
        self.settings = settings
        self.running = running
        self.target = target
        self.current = current
        self.load = load
        self.targetOngoingRequests = targetOngoingRequests
        self.bounds = bounds
        self.lastUpscale = lastUpscale
        self.lastDownscale = lastDownscale
        self.time = time
    }
}

/// As many replicas as bring each to its target of ongoing requests.
public struct ConcurrencyPolicy: AutoscalingPolicy {
    public init() {}

    public func replicas(_ context: AutoscalingContext) -> Double { context.load / context.targetOngoingRequests }
}

/// The requests of one deployment, from one calling process or from all.
public struct Load: Hashable, Sendable, Codable, CustomStringConvertible {
    /// Requests that wait for a replica.
    public var queued: Int
    /// Requests that a replica works on.
    public var ongoing: Int

    public init(queued: Int = 0, ongoing: Int = 0) {
        self.queued = queued
        self.ongoing = ongoing
    }

    public var total: Int { queued + ongoing }
    public var description: String { "\(ongoing) ongoing, \(queued) queued" }
}
