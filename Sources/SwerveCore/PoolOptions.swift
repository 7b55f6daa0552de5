/// What callers need to know about a deployment besides its replicas: how many requests may wait, and how to choose a
/// replica.
///
/// The options belong to the deployment, not to a replica: replicas of two revisions serve under the same pool options,
/// each with its own limit of ongoing requests.
package struct PoolOptions: Hashable, Sendable, Codable {
    /// How many requests may wait in all processes of the machine together.
    package var maxQueuedRequests: Int
    /// Which replica a call goes to.
    package var routing: DeploymentOptions.Routing
    /// Which requests are refused although there is a place in the queue.
    package var admission: DeploymentOptions.Admission
    /// How long a request may take.
    package var requestTimeout: Duration?
    /// Whether the calling processes report their load to the controller.
    package var reportsLoad: Bool

    package init(
        maxQueuedRequests: Int,
        routing: DeploymentOptions.Routing = .powerOfTwoChoices,
        admission: DeploymentOptions.Admission = .meetingDeadlines,
        requestTimeout: Duration? = nil,
        reportsLoad: Bool = false
    ) {
        self.maxQueuedRequests = maxQueuedRequests
        self.routing = routing
        self.admission = admission
        self.requestTimeout = requestTimeout
        self.reportsLoad = reportsLoad
    }

    /// Takes the pool's share of a deployment's options.
    package init(_ options: DeploymentOptions = DeploymentOptions()) {
        self.init(
            maxQueuedRequests: options.maxQueuedRequests,
            routing: options.routing,
            admission: options.admission,
            requestTimeout: options.requestTimeout,
            reportsLoad: options.scaling != nil
        )
    }
}
