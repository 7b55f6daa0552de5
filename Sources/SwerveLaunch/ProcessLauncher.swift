package import SwerveCore

/// Starts the processes of replicas.
package protocol ProcessLauncher: Sendable {
    /// Starts a replica's process; returns at once.
    ///
    /// - Parameters:
    ///   - executable: the path of the program; `nil` for the launcher's own.
    ///   - environment: its variables and its folder.
    ///   - report: called on any thread: with `launched` when the process exists, and with `exited` once, when it has
    ///     ended or could not be started.
    func start(
        _ replica: ReplicaID,
        executable: String?,
        environment: LaunchEnvironment,
        report: @escaping @Sendable (ProcessEvent) -> Void
    )

    /// Kills the process at once; does nothing when it has already ended.
    func kill(_ replica: ReplicaID)
}

/// An event in the life of a process.
package enum ProcessEvent: Sendable {
    case launched(processID: Int32)
    /// - Parameter lastOutput: the last lines that the process wrote to its standard error; empty when unknown.
    case exited(reason: String, lastOutput: String = "")
}
