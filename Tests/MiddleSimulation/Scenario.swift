import Synchronization

/// One history of a world: applications are deployed, clients and handles send them requests, and faults happen. At the
/// end every request must have an answer and nothing may be left over.
public struct Scenario {
    /// What went wrong, with the seed that reproduces it.
    public struct Failure: Error, CustomStringConvertible {
        public let seed: UInt64
        public let reasons: [String]
        public var description: String { "seed \(seed): " + reasons.prefix(3).joined(separator: "; ") }
    }

    /// The number of worlds of earlier histories that something still holds.
    public static var worlds: Int { World.count.load(ordering: .relaxed) }

    /// How often things happened in all histories of this process.
    public static var counts: [String: Int] { Audit.counts.withLock { $0 } }

    /// Every fifth seed, from 4 on, is a history of a separate controller; the others are histories of requests.
    public static func run(seed: UInt64, prints: Bool = false) throws(Failure) {
        let history: History = seed % 5 == 4 ? ControlHistory(seed: seed) : RequestHistory(seed: seed)
        let world = history.world
        history.run()
        let reasons = world.failures
        if prints {
            for line in world.trace where !line.isEmpty { print(line) }
        }
        world.end()
        if !reasons.isEmpty { throw Failure(seed: seed, reasons: reasons) }
    }
}
