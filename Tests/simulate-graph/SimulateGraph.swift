import Foundation
import GraphSimulation

/// Runs random graphs, compares them with their definition, and exits with status 1 at the first difference.
///
/// `SWERVE_SEEDS` is the number of graphs, `SWERVE_FIRST_SEED` the first seed.
@main
struct SimulateGraph {
    // Unsafe: written by the only thread of this program, and read by its trap handler.
    nonisolated(unsafe) private static var seed: UInt64 = 0

    static func main() {
        for trap in [SIGILL, SIGTRAP] {
            signal(trap) { trap in
                print(
                    "seed \(SimulateGraph.seed): a run trapped; its graph is\n\(RandomGraph(seed: SimulateGraph.seed))"
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
            \(seeds.count) graphs from seed \(seeds.lowerBound) in \(Int(seconds.rounded())) s: all as defined.
            \(summary.values) have a value, \(summary.failures) failed, \(summary.ended) were cancelled.
            \(summary.computed) nodes were computed; \(summary.neededAgain) times a node was needed again.
            """
        )
    }
}
