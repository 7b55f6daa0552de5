/// What a model in a replica's memory is worth: how often it was used lately, times what loading it again would cost.
///
/// A use counts half as much after every so many later uses of any model. So among models that cost the same and are
/// used now and then, the one that was used longest ago is worth least, as in an LRU cache. A model that takes ten times
/// as long to load is kept about three half-lives longer. And however popular a model was, its worth is gone soon after
/// its last use.
struct ModelWorth: Sendable {
    /// Loads that take less than this cost the same.
    static let leastCost = Duration.milliseconds(1)

    private let cost: Double
    private var uses = 0.0
    private(set) var lastUse: UInt64

    /// - Parameters:
    ///   - size: what the user says it takes, in any unit; at least 1.
    ///   - now: the number of uses of all models so far.
    init(loadTime: Duration, size: Int, now: UInt64) {
        cost = max(loadTime, Self.leastCost) / .milliseconds(1) / Double(max(size, 1))
        lastUse = now
    }

    /// - Parameter halfLife: in uses of any model.
    mutating func used(now: UInt64, halfLife: Double) {
        uses = 1 + decayedUses(now: now, halfLife: halfLife)
        lastUse = now
    }

    func value(now: UInt64, halfLife: Double) -> Double { decayedUses(now: now, halfLife: halfLife) * cost }

    private func decayedUses(now: UInt64, halfLife: Double) -> Double {
        uses * Decay.factor(Double(now - lastUse) / halfLife)
    }
}

/// What is left of something after so many half-lives.
enum Decay {
    static func factor(_ halfLives: Double) -> Double {
        let halvings = max(halfLives, 0).rounded(.down)
        // Between two halvings a straight line will do.
        return Double(sign: .plus, exponent: -Int(min(halvings, 1_000)), significand: 1)
            * (1 - (halfLives - halvings) / 2)
    }
}
