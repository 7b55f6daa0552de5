package import SwerveCore
package import SwerveTransport

/// Processes that call replicas and host none themselves: proxies, and clients outside of the instance.
package protocol CallerGroup: Sendable {
    /// Tells each of them where the replicas of a deployment are; those that come later get the latest message.
    func publish(_ message: ControlMessage, of deployment: DeploymentID)

    /// Calls `done` once each of them has acted on what was published before.
    func afterCallersKnow(_ done: @escaping @Sendable () -> Void)
}
