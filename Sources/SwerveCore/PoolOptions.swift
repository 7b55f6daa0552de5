/// What callers need to know about a deployment besides its replicas: how many requests may wait, and how to choose a
/// replica.
///
/// The options belong to the deployment, not to a replica: replicas of two revisions serve under the same pool options,
/// each with its own limit of ongoing requests.
package struct PoolOptions: Hashable, Sendable, Codable {
    /// How many requests may wait in the queue of one calling process.
    package var maxQueuedRequests: Int
    /// Which replica a call goes to.
    package var routing: DeploymentOptions.Routing

    /// Whether the calling processes report their load to the controller.
    package var reportsLoad: Bool

    package init(maxQueuedRequests: Int, routing: DeploymentOptions.Routing, reportsLoad: Bool = false) {
        self.maxQueuedRequests = maxQueuedRequests
        self.routing = routing
        self.reportsLoad = reportsLoad
    }

    /// Takes the pool's share of a deployment's options.
    package init(_ options: DeploymentOptions = DeploymentOptions()) {
        self.init(
            maxQueuedRequests: options.maxQueuedRequests,
            routing: options.routing,
            reportsLoad: options.scaling != nil
        )
    }
}
