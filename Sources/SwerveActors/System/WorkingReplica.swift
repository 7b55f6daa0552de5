package import SwerveCore

/// Which replica the current task works for, where a process hosts several; for logs.
package enum WorkingReplica {
    /// `nil` in a process that hosts one, which knows it anyway, and outside requests.
    @TaskLocal package static var current: ReplicaID?
}
