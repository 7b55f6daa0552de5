package import SwerveCore

/// What a ``ControllerState`` wants done. The shell does the actions of one list in their order.
package enum ControlAction: Hashable, Sendable {
    /// Start this replica; the spec may be an earlier one than the latest. It reports `.placed` and `.launched`, then
    /// `.ready` or `.initializationFailed`, or `.exited`.
    case start(ReplicaID, DeploymentSpec)
    /// The whole set of replicas that calls may go to, sorted, with what callers have to know of the deployment. An empty
    /// set means that calls wait. It also revives a deployment that was withdrawn.
    case publish(DeploymentID, [ServingReplica], PoolOptions)
    /// From now on calls to this deployment fail at once with `reason`, until it is published again.
    case withdraw(DeploymentID, reason: ServeError)
    /// The whole table of HTTP routes, sorted by prefix.
    case exposeRoutes([RouteEntry])
    /// No new requests; the replica reports `.drained` when its ongoing ones are done.
    case drain(ReplicaID)
    /// Terminate the replica now; it reports `.exited` when it is gone. Repeated when that report does not come.
    case stop(ReplicaID)
    /// Ask whether the replica still runs work; it reports `.probeAnswered`.
    case probe(ReplicaID)
    /// Every deployment of the latest spec is as it should be. Callers that wait for a deploy may go on.
    case applicationRunning(String)
    /// The latest deploy ended without success. Callers that wait for it get the error.
    case applicationFailed(String, ServeError)
    /// All that ran when the application was deleted is gone, or could not be ended within a minute. Callers that wait for the delete may go on.
    case applicationDeleted(String)
}

/// A replica that calls may go to.
package struct ServingReplica: Hashable, Sendable {
    package var id: ReplicaID
    /// How many requests it works on at a time: what the revision says that it was started with.
    package var maxOngoingRequests: Int

    package init(id: ReplicaID, maxOngoingRequests: Int) {
        self.id = id
        self.maxOngoingRequests = maxOngoingRequests
    }
}

/// What a replica, or whoever watches it, reports to a ``ControllerState``.
package enum ReplicaEvent: Hashable, Sendable {
    /// The replica has a place to run.
    case placed(ReplicaPlace)
    /// It runs there; the process is `nil` while it is not known.
    case launched(processID: Int32?)
    /// The initialiser returned: the replica can take requests.
    case ready
    /// The initialiser threw.
    case initializationFailed(message: String)
    /// The process is gone or the connection to it is lost, in whatever state the replica was.
    case exited(reason: String)
    /// The answer to a `.probe`.
    case probeAnswered
    /// The ongoing requests that the replica had when it was asked to drain are done.
    case drained
}

/// Where a replica runs.
package struct ReplicaPlace: Hashable, Sendable {
    /// The machine.
    package var node: String
    /// Where callers reach it.
    package var address: String

    package init(node: String = ReplicaPlace.local, address: String) {
        self.node = node
        self.address = address
    }

    /// The name of the machine on which the controller runs.
    package static let local = "local"
}
