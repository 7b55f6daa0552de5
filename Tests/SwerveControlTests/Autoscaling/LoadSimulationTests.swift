import Foundation
import SwerveControl
import SwerveCore
import Testing

/// Histories of loads that depend only on a seed; `SIMULATION_SEEDS` sets how many.
@Suite("Simulation of loads")
struct LoadSimulationTests {
    /// Seeds that failed once. Add the seed of a failure here when it is fixed.
    static let pastFailures: [UInt64] = []

    @Test(
        "The target stays within its bounds, reaches what the load needs, and does not flap; no running replica leaves while another starts"
    )
    func simulate() {
        let seeds = ProcessInfo.processInfo.environment["SIMULATION_SEEDS"].flatMap { UInt64($0) } ?? 100
        for seed in Self.pastFailures + Array(0..<seeds) {
            var simulation = LoadSimulation(seed: seed)
            do { try simulation.run() } catch {
                Issue.record("seed \(seed): \(error)")
                return
            }
        }
    }
}
