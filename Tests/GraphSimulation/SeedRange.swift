import Foundation

/// The seeds of a simulation: `SWERVE_SEEDS` is their number, `SWERVE_FIRST_SEED` the first.
package enum SeedRange {
    /// - Parameter count: the number of seeds if the environment does not set it.
    package static func fromEnvironment(count: Int) -> Range<UInt64> {
        let first = number("SWERVE_FIRST_SEED") ?? 0
        return first..<first + (number("SWERVE_SEEDS") ?? UInt64(count))
    }

    private static func number(_ name: String) -> UInt64? {
        guard let text = ProcessInfo.processInfo.environment[name], !text.isEmpty else { return nil }
        guard let number = UInt64(text), number <= 1 << 48 else {
            fatalError("\(name) is not a number of seeds: \(text)")
        }
        return number
    }
}

extension Range<UInt64> {
    /// The range split into parts of `count`, as the arguments of a test.
    package func parts(of count: UInt64) -> [Range<UInt64>] {
        stride(from: lowerBound, to: upperBound, by: Int(count)).map { $0..<Swift.min($0 + count, upperBound) }
    }
}
