package import SwerveCore

/// The first message on a connection.
package struct Hello: Codable, Sendable {
    package static let currentVersion = 2
    package var version = Hello.currentVersion
    /// The worker's replica; `nil` for other processes.
    package var replica: ReplicaID?
    package var processID: Int32
    /// Where the sender's board is and which word of it belongs to this connection; `nil` when it has none.
    package var boardPath: String?
    package var boardSlot: Int

    package init(replica: ReplicaID?, processID: Int32, boardPath: String?, boardSlot: Int) {
        self.replica = replica
        self.processID = processID
        self.boardPath = boardPath
        self.boardSlot = boardSlot
    }
}

/// What controller and replica processes tell each other apart from requests.
package enum ControlMessage: Codable, Sendable {
    /// Make the actor. Controller to worker, once.
    case start(DeploymentSpec)
    case ready
    case initializationFailed(message: String)
    /// The routable replicas of a deployment and the sockets of their processes. Controller to every process.
    case publish(DeploymentID, [PublishedReplica], DeploymentOptions)
    case withdraw(DeploymentID, ServeError)
    /// Take no more requests, and say so when the ongoing ones are over.
    case drain(ReplicaID)
    case drained(ReplicaID)
    /// Answer by way of the executor that runs requests.
    case probe
    case probeAnswered
    /// Exit now.
    case stop
}

package struct PublishedReplica: Codable, Sendable {
    package var id: ReplicaID
    /// The socket of the process that hosts it.
    package var address: String

    package init(id: ReplicaID, address: String) {
        self.id = id
        self.address = address
    }
}
