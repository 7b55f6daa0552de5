/// How a deployment is autoscaled at present.
public struct AutoscalingStatus: Hashable, Sendable, Codable {
    public var policy: String
    /// The fewest and the most replicas, after the instance's target capacity is applied.
    public var minReplicas: Int
    public var maxReplicas: Int
    /// The present load of all calling processes.
    public var load: Load
    /// How many replicas the load asks for. The target follows after the delays.
    public var wanted: Int
    /// In a dry run: the target that there would be.
    public var wouldBe: Int?
    /// The last change of the target, and why; empty before the first.
    public var lastDecision: String

    public init(
        policy: String,
        minReplicas: Int,
        maxReplicas: Int,
        load: Load,
        wanted: Int,
        wouldBe: Int? = nil,
        lastDecision: String = ""
    ) {
        self.policy = policy
        self.minReplicas = minReplicas
        self.maxReplicas = maxReplicas
        self.load = load
        self.wanted = wanted
        self.wouldBe = wouldBe
        self.lastDecision = lastDecision
    }
}
