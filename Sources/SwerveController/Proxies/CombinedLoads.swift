package import SwerveCore

/// The load on each deployment from several processes together.
///
/// A process's load is a step function of time. Their sum is one, too, so the controller may take the processes for one.
package struct CombinedLoads<Source: Hashable & Sendable>: Sendable {
    private var loads: [Source: [DeploymentID: Load]] = [:]

    package init() {}

    /// A process reports its loads, as far as they have changed.
    ///
    /// - Returns: the sums that this changes.
    package mutating func report(_ changed: [DeploymentID: Load], from source: Source) -> [DeploymentID: Load] {
        loads[source, default: [:]].merge(changed) { _, new in new }
        return sums(of: changed.keys)
    }

    /// A process is gone.
    ///
    /// - Returns: the sums that this changes.
    package mutating func forget(_ source: Source) -> [DeploymentID: Load] {
        guard let gone = loads.removeValue(forKey: source) else { return [:] }
        return sums(of: gone.keys)
    }

    private func sums(of deployments: some Sequence<DeploymentID>) -> [DeploymentID: Load] {
        var sums: [DeploymentID: Load] = [:]
        for id in deployments {
            sums[id] = loads.values.reduce(into: Load()) { sum, loads in
                guard let load = loads[id] else { return }
                sum.queued = sum.queued.addingReportingOverflow(load.queued).partialValue
                sum.ongoing = sum.ongoing.addingReportingOverflow(load.ongoing).partialValue
            }
        }
        return sums
    }
}
