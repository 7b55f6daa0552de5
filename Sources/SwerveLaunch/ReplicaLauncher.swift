package import SwerveCore

/// Gives replicas a place to run. The controller does not know which kind of launcher does it.
package protocol ReplicaLauncher: Sendable {
    /// Starts a replica's process; returns at once.
    ///
    /// - Parameters:
    ///   - environment: variables that the process needs besides those of this one.
    ///   - report: called with `launched` when the process is there, and with `exited` once when it is gone or could not
    ///     be started; on any thread.
    func start(
        _ replica: ReplicaID,
        environment: [String: String],
        report: @escaping @Sendable (LaunchEvent) -> Void
    )

    /// Ends the process at once; nothing happens when it is gone.
    func kill(_ replica: ReplicaID)
}

package enum LaunchEvent: Sendable {
    case launched(processID: Int32)
    case exited(reason: String)
}
