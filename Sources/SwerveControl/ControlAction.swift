package import SwerveCore

/// What a ``ControllerState`` wants done. The shell carries out the actions of one list in order.
package enum ControlAction: Hashable, Sendable {
    /// Start this replica with what it holds of its node; the spec is not always the latest. The replica reports
    /// `.placed` and `.launched`, then `.ready` or `.initializationFailed`, or `.exited`.
    case start(ReplicaID, DeploymentSpec, on: Reservation = Reservation(node: ReplicaPlace.local))
    /// Tell the operator that replicas of the deployment cannot start because resources are missing. Once, until they
    /// all could start.
    case waitForResources(DeploymentID, reason: String)
    /// Publish the whole set of replicas that calls may go to, sorted, with the deployment's pool options. With an
    /// empty set, calls wait. A publication also revives a withdrawn deployment.
    case publish(DeploymentID, [ServingReplica], PoolOptions)
    /// Make calls to this deployment fail at once with `reason`, until it is published again.
    case withdraw(DeploymentID, reason: ServeError)
    /// Put this table of HTTP routes in force: all of them, sorted by prefix.
    case exposeRoutes([RouteEntry])
    /// Send the replica no new requests; it reports `.drained` when its ongoing ones are done.
    case drain(ReplicaID)
    /// Terminate the replica now; it reports `.exited` when it is gone. Repeated until that report comes.
    case stop(ReplicaID)
    /// Check the replica's health: it reports `.probeAnswered` if it still runs work, and `.checkPassed` or
    /// `.checkFailed` if the user's code checks more.
    case probe(ReplicaID)
    /// Give the running replica the configuration of this spec; it reports `.reconfigured` or `.reconfigurationFailed`
    /// with the number.
    case reconfigure(ReplicaID, DeploymentSpec, number: Int)
    /// Tell the operator that a replica has been starting for a while, and for how long it has been in its phase.
    case reportSlowStart(ReplicaID, StartUp.Phase, Duration)
    /// Every deployment of the latest spec is healthy. Callers waiting for a deploy return.
    case applicationRunning(String)
    /// The latest deploy failed. Callers waiting for it get the error.
    case applicationFailed(String, ServeError)
    /// Every replica that existed when the application was deleted is gone, or did not stop within a minute. Callers
    /// waiting for the delete return.
    case applicationDeleted(String)
}

/// A replica that calls may go to.
package struct ServingReplica: Hashable, Sendable {
    package var id: ReplicaID
    /// How many requests it handles at a time, as set by the configuration that it runs with.
    package var maxOngoingRequests: Int

    package init(id: ReplicaID, maxOngoingRequests: Int) {
        self.id = id
        self.maxOngoingRequests = maxOngoingRequests
    }
}

/// What a replica, or its supervisor, reports to a ``ControllerState``.
package enum ReplicaEvent: Hashable, Sendable, Codable {
    /// The replica has a place to run.
    case placed(ReplicaPlace)
    /// It runs there; the process is `nil` while unknown.
    case launched(processID: Int32?)
    /// The process can be talked to, and its initialiser begins.
    case connected
    /// The initialiser returned, the user configuration was taken over and the first check passed: the replica can take
    /// requests.
    case ready
    /// One of those threw.
    case initializationFailed(message: String)
    /// The process is gone or the connection to it is lost. Possible in every state.
    case exited(reason: String)
    /// The answer to a `.probe`: the replica runs work, or is seen to be busy.
    case probeAnswered
    /// The user's check returned.
    case checkPassed
    /// The user's check threw, or takes too long.
    case checkFailed(message: String)
    /// The change with this number is done.
    case reconfigured(number: Int)
    /// The change with this number failed, and the replica's configuration is unknown.
    case reconfigurationFailed(number: Int, message: String)
    /// The ongoing requests that the replica had when it was asked to drain are done.
    case drained
    /// What the replica's process asks of other deployments has changed.
    case loadChanged([DeploymentID: Load])
    /// The models that the replica has, or their number, has changed.
    case modelsChanged(ReplicaModels)
    /// More calls of the replica's `@Batched` methods have ended.
    case batchesChanged([String: BatchCounters])
}

/// Where a replica runs.
package struct ReplicaPlace: Hashable, Sendable, Codable {
    /// The machine.
    package var node: String
    /// Where callers reach it.
    package var address: String
    /// How its memory is limited; `nil` if it reserved none.
    package var memoryLimit: MemoryLimit?

    package init(node: String = ReplicaPlace.local, address: String, memoryLimit: MemoryLimit? = nil) {
        self.node = node
        self.address = address
        self.memoryLimit = memoryLimit
    }

    /// The name of the machine on which the controller runs.
    package static let local = "local"
}
