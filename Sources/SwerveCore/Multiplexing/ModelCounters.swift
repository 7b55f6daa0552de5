/// What became of the calls and the models of a `@Multiplexed` loader in one replica.
public struct ModelCounters: Hashable, Sendable, Codable {
    /// Calls that found their model.
    public private(set) var hits = 0
    /// Calls that had to wait for their model.
    public private(set) var misses = 0
    /// Loads that began.
    public private(set) var loads = 0
    /// Loads that failed or were cancelled.
    public private(set) var failedLoads = 0
    /// Models that were unloaded to make room for others.
    public private(set) var evictions = 0

    public init() {}

    package mutating func hit() { hits += 1 }
    package mutating func miss() { misses += 1 }
    package mutating func loadBegan() { loads += 1 }
    package mutating func loadFailed() { failedLoads += 1 }
    package mutating func evicted() { evictions += 1 }
}
