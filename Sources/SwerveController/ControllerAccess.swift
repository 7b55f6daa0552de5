package import SwerveCore

/// What an instance asks its controller, wherever that runs.
package protocol ControllerAccess: Sendable {
    /// Returns when the application runs. Cancelling the caller ends the wait; the application is still deployed.
    func deploy(_ spec: ApplicationSpec) async throws
    /// What deploying the application would change now.
    ///
    /// - Parameter leaving: applications that are deleted before the deploy.
    func plan(_ spec: ApplicationSpec, without leaving: Set<String>) async throws -> DeployPlan
    /// Returns when nothing of the application is left.
    func delete(_ application: String) async throws
    /// Sets how many replicas a deployment should have, until the next deploy sets it anew. Returns when the number is
    /// set; the replicas follow.
    ///
    /// - Throws: ``ServeError`` with code `invalidOptions` when the number is out of range, and `notFound` when
    ///   there is no such deployment.
    func scale(_ deployment: DeploymentID, to replicas: Int, by decider: Target.Decider) async throws
    /// Sets which percentage of their replicas autoscaled deployments have; `nil` for all.
    ///
    /// - Throws: ``ServeError`` with code `invalidOptions` when the number is not from 0 to 100.
    func setTargetCapacity(_ percent: Int?) async throws
    func status() async -> ServeStatus
    /// Tells the watcher the status now and after each change, and finishes it when the instance is shut down.
    func watch(_ watcher: AsyncStream<ServeStatus>.Continuation)
    /// The controller's own process; `nil` if it has none, or none at the moment.
    var processID: Int32? { get }
    /// Ends all replicas; refuses everything from now on.
    ///
    /// - Parameter limit: how long ongoing requests may take; `nil` for as long as each deployment's options say.
    func shutdown(within limit: Duration?) async
}

extension ControllerAccess {
    package func plan(_ spec: ApplicationSpec) async throws -> DeployPlan { try await plan(spec, without: []) }
}
