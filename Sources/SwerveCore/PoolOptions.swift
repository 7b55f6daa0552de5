/// What callers have to know of a deployment beside its replicas: how many requests may wait, and who is chosen.
///
/// It belongs to the deployment and not to a replica: replicas of two revisions serve under the same pool options, each
/// with its own limit of ongoing requests.
package struct PoolOptions: Hashable, Sendable, Codable {
    /// How many requests may wait in the queue of one calling process.
    package var maxQueuedRequests: Int
    /// Which replica a call goes to.
    package var routing: DeploymentOptions.Routing

    package init(maxQueuedRequests: Int, routing: DeploymentOptions.Routing) {
        self.maxQueuedRequests = maxQueuedRequests
        self.routing = routing
    }

    /// What `options` says of these.
    package init(_ options: DeploymentOptions = DeploymentOptions()) {
        self.init(maxQueuedRequests: options.maxQueuedRequests, routing: options.routing)
    }
}
