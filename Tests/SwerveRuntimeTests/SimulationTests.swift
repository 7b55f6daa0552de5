import Foundation
import MiddleSimulation
import Testing

/// The real proxy, pools, connections, replicas and controller, joined over simulated sockets and a simulated clock.
@Suite struct SimulationTests {
    private static func number(_ name: String, _ otherwise: UInt64) -> UInt64 {
        ProcessInfo.processInfo.environment[name].flatMap(UInt64.init) ?? otherwise
    }

    @Test func `every request ends once, with the right bytes, and nothing is left`() throws {
        let first = Self.number("SWERVE_FIRST_SEED", 0)
        for seed in first..<(first + Self.number("SWERVE_SEEDS", 50)) { try Scenario.run(seed: seed) }
    }
}
