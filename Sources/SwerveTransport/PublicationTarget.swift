package import SwerveCore

/// Who is told which replicas calls may go to.
package protocol PublicationTarget: Sendable {
    func publish(_ id: DeploymentID, _ replicas: [PublishedReplica], _ options: PoolOptions)
    func withdraw(_ id: DeploymentID, _ error: ServeError)
}
