internal import SwerveCore

/// The routing policy of a deployment, with its state.
enum ReplicaChoice: Sendable {
    case powerOfTwo(PowerOfTwoChoices)
    case roundRobin(RoundRobin)
    case leastLoaded(LeastLoaded)
    case consistentHash(ConsistentHash)
    case own(any RoutingPolicy)

    init(_ routing: DeploymentOptions.Routing) {
        switch routing.kind {
        case .powerOfTwoChoices: self = .powerOfTwo(PowerOfTwoChoices())
        case .roundRobin: self = .roundRobin(RoundRobin())
        case .leastLoaded: self = .leastLoaded(LeastLoaded())
        case .consistentHash: self = .consistentHash(ConsistentHash())
        case .own: self = routing.makeOwn().map(Self.own) ?? .powerOfTwo(PowerOfTwoChoices())
        }
    }

    /// Whether it makes a difference which request it is.
    @inline(__always)
    var heedsRequests: Bool {
        switch self {
        case .consistentHash, .own: true
        default: false
        }
    }

    /// Whether a replica with room may be preferred to the policy's choice.
    var mayPrefer: Bool { if case .powerOfTwo = self { true } else { false } }

    /// - Returns: the position of a replica with room; `nil` if the request has to wait.
    @inline(__always)
    mutating func choose(
        among replicas: [RoutingReplica],
        for request: RoutingRequest,
        using generator: inout SplitMix64
    ) -> Int? {
        switch self {
        case .powerOfTwo(let policy): return policy.choose(among: replicas, using: &generator)
        case .roundRobin(var policy):
            defer { self = .roundRobin(policy) }
            return policy.choose(among: replicas)
        case .leastLoaded: return replicas.leastLoaded
        case .consistentHash(let policy): return policy.choose(among: replicas, for: request, using: &generator)
        case .own(var policy):
            defer { self = .own(policy) }
            guard let position = policy.choose(among: replicas, for: request, using: &generator) else { return nil }
            return replicas.indices.contains(position) && replicas[position].hasRoom ? position : replicas.leastLoaded
        }
    }
}
