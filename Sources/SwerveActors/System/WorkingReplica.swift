package import SwerveCore
package import SwerveMetrics

/// The replica that the current task works for, where a process hosts several: for logs, and for who makes a call.
package final class WorkingReplica: Sendable {
    package let id: ReplicaID
    /// Who makes the calls of its code.
    let caller: MetricCaller

    /// - Parameter process: what the process counts.
    package init(_ id: ReplicaID, in process: ProcessMetrics) {
        self.id = id
        self.caller = process.caller(of: id)
    }

    /// `nil` in a process that hosts one, which knows it anyway, and in code of no replica.
    @TaskLocal package static var current: WorkingReplica?

    /// Does work for a replica, or for none.
    package static func with<Result>(
        _ replica: WorkingReplica?,
        _ work: () async throws -> Result
    ) async rethrows -> Result {
        // Nearly always it is so already.
        if replica === current { return try await work() }
        return try await $current.withValue(replica, operation: work)
    }
}
