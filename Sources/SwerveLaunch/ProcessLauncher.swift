package import SwerveCore

/// Starts the processes of replicas.
package protocol ProcessLauncher: Sendable {
    /// Starts a replica's process; returns at once.
    ///
    /// - Parameters:
    ///   - environment: variables that the process needs besides those of this one.
    ///   - report: called with `launched` when the process is there, and with `exited` once when it is gone or could not
    ///     be started; on any thread.
    func start(
        _ replica: ReplicaID,
        environment: [String: String],
        report: @escaping @Sendable (ProcessEvent) -> Void
    )

    /// Ends the process at once; nothing happens when it is gone.
    func kill(_ replica: ReplicaID)
}

/// What becomes of a process.
package enum ProcessEvent: Sendable {
    case launched(processID: Int32)
    /// - Parameter lastOutput: what the process wrote last to its standard error; empty when that is not known.
    case exited(reason: String, lastOutput: String = "")
}
