import Foundation
import GraphSimulation

/// Runs random graphs beside their definition, and ends with status 1 at the first one that differs.
///
/// `SWERVE_SEEDS` says how many, `SWERVE_FIRST_SEED` where to begin.
@main
struct SimulateGraph {
    // Unsafe: written by the one thread of this program, and read by the handler of its traps.
    nonisolated(unsafe) private static var seed: UInt64 = 0

    static func main() {
        for trap in [SIGILL, SIGTRAP] {
            signal(trap) { trap in
                print(
                    "seed \(SimulateGraph.seed): the machine trapped; its graph is\n\(RandomGraph(seed: SimulateGraph.seed))"
                )
                signal(trap, SIG_DFL)
            }
        }
        let seeds = SeedRange.fromEnvironment(count: 1_000_000)
        var summary = GraphSimulation.Summary()
        let start = ContinuousClock.now
        for seed in seeds {
            Self.seed = seed
            do {
                try GraphSimulation.run(seed: seed, summary: &summary)
            } catch {
                print("\(error)\nAfter \(seed - seeds.lowerBound) seeds.")
                exit(1)
            }
        }
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        print(
            """
            \(seeds.count) graphs from seed \(seeds.lowerBound) on, in \(Int(seconds.rounded())) s: all are as defined.
            \(summary.values) have a value, \(summary.failures) failed, \(summary.ended) were cancelled.
            \(summary.computed) nodes were computed; \(summary.neededAgain) times one was needed again.
            """
        )
    }
}
