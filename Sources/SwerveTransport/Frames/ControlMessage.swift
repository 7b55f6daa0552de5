package import SwerveCore

/// The first message on a connection.
package struct Hello: Codable, Sendable {
    /// The version of all that processes tell each other: frames, messages, specifications, a worker's settings. Raise
    /// it when any of them changes: a worker may run the kept executable of an earlier build.
    package static let currentVersion = 16
    package var version = Hello.currentVersion
    /// The build of the sender's program.
    package var build = BuildID.own
    /// The worker's replica; `nil` for other processes.
    package var replica: ReplicaID?
    package var processID: Int32
    /// The sender's board and the word on it that belongs to this connection; `nil` when it has none.
    package var board: Board?

    package struct Board: Codable, Sendable {
        package var path: String
        package var slot: Int
        package var generation: UInt16

        package init(path: String, slot: BoardSlot) {
            self.path = path
            self.slot = slot.index
            self.generation = slot.generation
        }

        /// Maps the word into this process. `nil` when that fails; every request then counts as started.
        package func open() -> BoardSlot? {
            guard let board = try? SharedBoard(path: path, create: false) else { return nil }
            return BoardSlot(board, index: slot, generation: generation)
        }
    }

    package init(replica: ReplicaID?, processID: Int32, board: Board? = nil) {
        self.replica = replica
        self.processID = processID
        self.board = board
    }
}

/// What controller and replica processes tell each other, apart from requests.
package enum ControlMessage: Codable, Sendable {
    /// Make the actor. Controller to worker, once.
    case start(DeploymentSpec)
    case ready
    case initializationFailed(message: String)
    /// The routable replicas of a deployment and the sockets of their processes. Controller to every process.
    case publish(DeploymentID, [PublishedReplica], PoolOptions)
    case withdraw(DeploymentID, ServeError)
    /// Take no more requests, and report when the ongoing ones are over.
    case drain(ReplicaID)
    case drained(ReplicaID)
    /// Confirm that all earlier messages were acted on. Controller to every process, before a replica drains.
    case fence(UInt64)
    case fenced(UInt64)
    /// Answer through the executor that runs requests, and check what the user's code checks.
    case probe
    case probeAnswered
    case checkPassed
    case checkFailed(message: String)
    /// Take over the configuration of this spec. Controller to worker.
    case reconfigure(DeploymentSpec, number: Int)
    case reconfigured(number: Int)
    case reconfigurationFailed(number: Int, message: String)
    /// The loads of this process on deployments, as far as they have changed. Worker to controller.
    case load([DeploymentID: Load])
    /// Which models a replica has. From its process to every process that calls it.
    case models(ReplicaID, ReplicaModels)
    /// What became of the calls of a replica's batched methods. Worker to controller.
    case batches(ReplicaID, [String: BatchCounters])
    /// Exit as soon as the answers already given have been sent.
    case stop
    /// The whole table of HTTP routes. To a proxy, which is ready with the first table, and to a direct replica.
    case routes([RouteEntry])
    /// Say on the page of its health that it drains. To a proxy or a direct replica.
    case announceDrain
    /// Take connections from the listening socket, or leave them to others. To a proxy, which takes them at first, and to
    /// a direct replica, which does not, and which answers with the next message.
    case takeConnections(Bool)
    /// Connections are taken from now on, or are not. From a direct replica.
    case takesConnections(Bool)
    /// Take no more connections, and finish the open ones within this time. A proxy exits then; a direct replica answers
    /// with the next message.
    case drainConnections(within: Duration)
    /// No connection is left. From a direct replica.
    case connectionsDrained
    /// Which applications run. To a client outside of the instance, which is connected with the first one.
    case catalog(Catalog)
    /// What a separate controller and the process that started it tell each other, encoded.
    case relayed([UInt8])
}

/// A replica that calls may go to.
package struct PublishedReplica: Codable, Sendable {
    package var id: ReplicaID
    /// The socket of the process that hosts it.
    package var address: String
    /// How many requests it executes at a time.
    package var maxOngoingRequests: Int

    package init(id: ReplicaID, address: String, maxOngoingRequests: Int) {
        self.id = id
        self.address = address
        self.maxOngoingRequests = maxOngoingRequests
    }
}
