internal import CSwerveSystem

/// How many files and sockets the process may have open at a time.
package enum DescriptorLimit {
    /// No server has more, and some programs look at every number up to the limit when they start.
    private static let most: Int64 = 1 << 20
    /// Descriptors are given out from the lowest number on: a process that begins has them all below this.
    private static let looked: Int64 = 4096

    /// Raises the process's own limit to what the system allows it, at most 1 048 576.
    ///
    /// - Returns: the limit from now on; `nil` when the system does not tell.
    @discardableResult
    package static func raise() -> Int? {
        let limit = swerve_descriptor_limit_raise(most)
        return limit > 0 ? Int(limit) : nil
    }

    /// How many are open, as far as a process that has just begun is concerned.
    package static func inUse(limit: Int) -> Int {
        Int(swerve_descriptors_in_use(min(Int64(limit), looked)))
    }
}
