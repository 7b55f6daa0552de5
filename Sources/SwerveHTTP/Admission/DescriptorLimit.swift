internal import SwerveSystem

/// How many files and sockets the process may have open at a time.
package enum DescriptorLimit {
    /// No server needs more, and some programs loop over every number up to the limit when they start.
    private static let most = 1 << 20
    /// The system hands out the lowest free number, so a process that has just begun has all its descriptors below
    /// this.
    private static let looked = 4096

    /// Raises the process's own limit as far as the system allows, to at most 1 048 576.
    ///
    /// - Returns: the limit from now on; `nil` if the system does not report it.
    @discardableResult
    package static func raise() -> Int? {
        Descriptors.raiseLimit(to: most)
    }

    /// How many descriptors are open. Correct for a process that has just begun: only the lowest 4096 are checked.
    package static func inUse(limit: Int) -> Int {
        Descriptors.countOpen(below: min(limit, looked))
    }
}
