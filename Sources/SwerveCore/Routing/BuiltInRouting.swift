/// Of two replicas chosen at random, the one with fewer ongoing requests.
public struct PowerOfTwoChoices: RoutingPolicy {
    public init() {}

    public func choose(
        among replicas: [RoutingReplica],
        for request: RoutingRequest,
        using generator: inout SplitMix64
    ) -> Int? {
        choose(among: replicas, using: &generator)
    }

    package func choose(among replicas: [RoutingReplica], using generator: inout SplitMix64) -> Int? {
        let first = generator.next(below: replicas.count)
        var second = generator.next(below: replicas.count - 1)
        if second >= first { second += 1 }
        let isFirstBetter = replicas[first].ongoing <= replicas[second].ongoing
        let (better, other) = isFirstBetter ? (first, second) : (second, first)
        if replicas[better].hasRoom { return better }
        return replicas[other].hasRoom ? other : replicas.leastLoaded
    }
}

/// Each replica in turn, without those that have no room.
public struct RoundRobin: RoutingPolicy {
    private var next = 0

    public init() {}

    public mutating func choose(
        among replicas: [RoutingReplica],
        for request: RoutingRequest,
        using generator: inout SplitMix64
    ) -> Int? {
        choose(among: replicas)
    }

    package mutating func choose(among replicas: [RoutingReplica]) -> Int? {
        for step in replicas.indices {
            let position = (next + step) % replicas.count
            if replicas[position].hasRoom {
                next = position + 1
                return position
            }
        }
        return nil
    }
}

/// The replica with the fewest ongoing requests of this process; the first of several.
public struct LeastLoaded: RoutingPolicy {
    public init() {}

    public func choose(
        among replicas: [RoutingReplica],
        for request: RoutingRequest,
        using generator: inout SplitMix64
    ) -> Int? {
        replicas.leastLoaded
    }
}

/// Requests with the same session key go to the same replica, as long as that has not much more to do than the others.
/// Requests without a key go to the less busy of two.
///
/// A key prefers the replicas in an order of its own, which a hash gives (Thaler and Ravishankar's highest random
/// weight). So a replica that leaves moves only its own keys, and a new one takes its share from all. A replica is
/// passed over while it has ``loadFactor`` times the mean of ongoing requests, and at least ``minimumBound`` of them
/// (Mirrokni, Thorup and Zadimoghaddam's bounded loads).
public struct ConsistentHash: RoutingPolicy {
    /// How much of the mean load a replica takes before its sessions spill: 1.25 times.
    public static let loadFactor = 1.25
    /// Up to how many ongoing requests a session never spills: 4.
    public static let minimumBound = 4

    public init() {}

    public func choose(
        among replicas: [RoutingReplica],
        for request: RoutingRequest,
        using generator: inout SplitMix64
    ) -> Int? {
        guard let key = request.sessionKey else {
            return PowerOfTwoChoices().choose(among: replicas, using: &generator)
        }
        let bound = Self.bound(ongoing: replicas.reduce(0) { $0 + $1.ongoing }, replicas: replicas.count)
        let hash = Self.hash(key)
        var best: (position: Int, weight: UInt64)?
        for (position, replica) in replicas.enumerated() where replica.hasRoom && replica.ongoing < bound {
            let weight = Self.weight(hash, replica.id.number)
            if best.map({ weight > $0.weight }) ?? true { best = (position, weight) }
        }
        return best?.position ?? replicas.leastLoaded
    }

    /// How many ongoing requests a replica has before the next one with a key goes elsewhere.
    package static func bound(ongoing: Int, replicas: Int) -> Int {
        max(Int((loadFactor * Double(ongoing + 1) / Double(replicas)).rounded(.up)), minimumBound)
    }

    /// FNV-1a: the same in every process, unlike Swift's own hashes.
    package static func hash(_ key: String) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in key.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return hash
    }

    /// How much a key with this hash prefers a replica.
    package static func weight(_ hash: UInt64, _ replica: UInt64) -> UInt64 {
        var generator = SplitMix64(seed: hash ^ (replica &* 0x9E37_79B9_7F4A_7C15))
        return generator.next()
    }
}

extension [RoutingReplica] {
    /// The position of the least busy replica with room.
    package var leastLoaded: Int? {
        var best: Int?
        for position in indices where self[position].hasRoom {
            if best.map({ self[position].ongoing < self[$0].ongoing }) ?? true { best = position }
        }
        return best
    }
}
