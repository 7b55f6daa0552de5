/// Decides which replica of a deployment a request goes to. Each calling process has one value for each deployment.
///
/// The router asks it while it holds a lock, so it must return soon. It is not asked where there is nothing to choose:
/// when no replica runs, or only one.
/// ```swift
/// struct Sticky: RoutingPolicy {
///     mutating func choose(
///         among replicas: [RoutingReplica],
///         for request: RoutingRequest,
///         using generator: inout SplitMix64
///     ) -> Int? {
///         replicas.firstIndex { $0.hasRoom }
///     }
/// }
/// @Deployment(numReplicas: 4, routing: .type(Sticky.self))
/// ```
public protocol RoutingPolicy: Sendable {
    init()

    /// Chooses a replica for a request.
    ///
    /// - Parameters:
    ///   - replicas: those that take requests, at least two, in the order of their numbers. Some may have no room.
    ///   - generator: the source of all randomness, so that tests can repeat a run.
    /// - Returns: a position in `replicas`, or `nil` to let the request wait until a request ends or the replicas
    ///   change. If the chosen replica has no room, the request goes to the least busy one that has some, or waits.
    mutating func choose(
        among replicas: [RoutingReplica],
        for request: RoutingRequest,
        using generator: inout SplitMix64
    ) -> Int?
}

/// What a policy knows about a replica.
public struct RoutingReplica: Hashable, Sendable {
    public let id: ReplicaID
    /// The requests of this process that the replica works on.
    public package(set) var ongoing: Int
    /// How many it may work on at a time.
    public package(set) var limit: Int
    /// Whether it refused a request a moment ago, because other processes keep it busy.
    public package(set) var isPaused: Bool

    public init(id: ReplicaID, ongoing: Int = 0, limit: Int, isPaused: Bool = false) {
        self.id = id
        self.ongoing = ongoing
        self.limit = limit
        self.isPaused = isPaused
    }

    /// Whether the replica can take a request now.
    public var hasRoom: Bool { ongoing < limit && !isPaused }
}

/// What a policy knows about a request.
public struct RoutingRequest: Hashable, Sendable {
    public var priority: RequestPriority
    public var sessionKey: String?
    public var modelID: String?
    /// When the answer becomes useless.
    public var deadline: MonotonicTime?

    public init(
        priority: RequestPriority = .normal,
        sessionKey: String? = nil,
        modelID: String? = nil,
        deadline: MonotonicTime? = nil
    ) {
        self.priority = priority
        self.sessionKey = sessionKey
        self.modelID = modelID
        self.deadline = deadline
    }

    package init(_ attributes: RequestAttributes?, deadline: MonotonicTime?) {
        self.init(
            priority: attributes?.priority ?? .normal,
            sessionKey: attributes?.sessionKey,
            modelID: attributes?.modelID,
            deadline: deadline
        )
    }
}
