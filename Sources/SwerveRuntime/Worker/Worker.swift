package import Logging
package import NIOCore
package import SwerveActors
package import SwerveController
internal import SwerveCore
package import SwerveReplica
package import SwerveTransport
internal import Synchronization

/// What a worker gets from the operating system, or from a simulation.
package struct WorkerEnvironment: Sendable {
    package var processID: Int32
    /// The process's event loop.
    package var loop: any EventLoop
    package var network: any PeerNetwork
    package var system: ServeSystem
    package var factory: ReplicaFactory
    /// What the process shares with others; `nil` for nothing.
    package var memory: SharedMemory?
    /// The shared board on which the worker records its progress. Without one (`nil`), every ongoing request counts as
    /// begun when the process dies.
    package var board: (path: String, board: SharedBoard)?
    /// Takes HTTP connections, if the replica is a direct one.
    package var server: ProxyServer?
    package var logger: Logger
    /// Ends the process.
    package var exit: @Sendable (Int32) -> Void

    package init(
        processID: Int32,
        loop: any EventLoop,
        network: any PeerNetwork,
        system: ServeSystem,
        factory: ReplicaFactory,
        memory: SharedMemory?,
        board: (path: String, board: SharedBoard)?,
        server: ProxyServer? = nil,
        logger: Logger,
        exit: @escaping @Sendable (Int32) -> Void
    ) {
        self.processID = processID
        self.loop = loop
        self.network = network
        self.system = system
        self.factory = factory
        self.memory = memory
        self.board = board
        self.server = server
        self.logger = logger
        self.exit = exit
    }
}

/// A process that hosts one replica: carries out the controller's messages and accepts connections from other callers.
package final class Worker: PeerDelegate {
    private let settings: WorkerSettings
    private let environment: WorkerEnvironment
    package let hosted: HostedReplicas
    private let peers: Peers
    private let state = Mutex(State())

    private struct State {
        /// The other processes that call this replica.
        var callers: [(connection: PeerConnection, slot: BoardSlot?)] = []
        /// How long the replica may take to end; `nil` before it was told what it is.
        var drainTime: Duration?
        /// Whether the replica drains.
        var isDraining = false
        /// Whether requests to the replica's deployment have somewhere to go.
        var hasPublished = false
    }

    package init(_ settings: WorkerSettings, _ environment: WorkerEnvironment) {
        self.settings = settings
        self.environment = environment
        self.hosted = HostedReplicas(environment.system, memory: environment.memory)
        self.peers = Peers(
            loops: [environment.loop],
            network: environment.network,
            pools: environment.system.pools,
            hosted: hosted,
            hello: Hello(replica: settings.replica, processID: environment.processID),
            logger: environment.logger
        )
    }

    /// The delegate of the connections that other processes make to ``WorkerSettings/address``.
    package var callerDelegate: any PeerDelegate { CallerDelegate(self) }

    package func run() {
        peers.takeOverPools()
        hosted.kept.listen(at: settings.address)
        environment.network.connect(
            to: settings.controllerAddress,
            on: environment.loop,
            delegate: self,
            hosted: hosted
        ).whenComplete { result in
            switch result {
            case .success(let connection): self.connected(connection)
            case .failure(let error):
                self.environment.logger.error(
                    "the replica cannot reach its controller",
                    metadata: ["error": "\(error)"]
                )
                self.environment.exit(1)
            }
        }
    }

    private func connected(_ connection: PeerConnection) {
        greet(connection)
        environment.system.pools.loads.report { connection.send(.load($0)) }
        hosted.batches.report { connection.send(.batches($0, $1)) }
        peers.adopt(connection, address: settings.controllerAddress)
    }

    /// Introduces this worker on a connection to the controller or a caller.
    fileprivate func greet(_ connection: PeerConnection) {
        let slot = environment.board?.board.claim()
        if let slot { connection.setOwnBoard(slot) }
        state.withLock { $0.callers.append((connection, slot)) }
        let board = environment.board.flatMap { board in slot.map { Hello.Board(path: board.path, slot: $0) } }
        connection.send(Hello(replica: settings.replica, processID: environment.processID, board: board))
        hosted.models.tell(connection)
    }

    fileprivate func forget(_ connection: PeerConnection) {
        let slot = state.withLock { state -> BoardSlot? in
            guard let index = state.callers.firstIndex(where: { $0.connection === connection }) else { return nil }
            return state.callers.remove(at: index).slot
        }
        if let slot { environment.board?.board.giveBack(slot) }
        peers.forget(connection)
    }

    // MARK: The controller's messages

    package func received(_ hello: Hello, on connection: PeerConnection) {}

    package func received(_ message: ControlMessage, on connection: PeerConnection) {
        switch message {
        case .start(let spec): start(spec, connection)
        case .publish(let id, let replicas, let options):
            peers.publish(id, replicas, options)
            guard id == settings.replica.deployment else { return }
            state.withLock { $0.hasPublished = !replicas.isEmpty }
            refuseIfAlone()
        case .withdraw(let id, let error): peers.withdraw(id, error)
        case .drain(let id):
            // Requests that have already arrived on other connections are read first.
            connection.eventLoop.execute { self.drain(id, connection) }
        case .models(let replica, let models): peers.know(models, of: replica, from: connection)
        case .fence(let number): connection.send(.fenced(number))
        case .probe: probe(connection)
        case .reconfigure(let spec, let number): reconfigure(spec, number, connection)
        case .stop: stop(connection)
        case .routes(let routes): environment.server?.expose(routes)
        case .announceDrain: environment.server?.announceDrain()
        case .takeConnections(let takes):
            environment.server?.take(takes) { connection.send(.takesConnections(takes)) }
        case .drainConnections(let limit):
            // Unstructured: ends with the connections.
            Task {
                await environment.server?.drain(within: limit)
                connection.send(.connectionsDrained)
            }
        case .ready, .initializationFailed, .drained, .fenced, .probeAnswered, .checkPassed, .checkFailed,
            .reconfigured, .reconfigurationFailed, .load, .batches, .relayed, .takesConnections,
            .connectionsDrained, .catalog:
            connection.close(because: "unexpected control message: only a replica sends this kind")
        }
    }

    private func start(_ spec: DeploymentSpec, _ connection: PeerConnection) {
        state.withLock { $0.drainTime = spec.options.gracefulShutdownTimeout }
        // Requests of the process's own connections need not leave it.
        if environment.server != nil { environment.system.pools.pool(spec.id).prefer(settings.replica) }
        _ = environment.factory.make(settings.replica, spec, gpus: settings.gpus) { result in
            switch result {
            case .success(let replica):
                self.hosted.add(replica)
                self.ready(connection)
            case .failure(let error): connection.send(.initializationFailed(message: "\(error)"))
            }
        }
    }

    private func ready(_ connection: PeerConnection) {
        guard let server = environment.server else { return connection.send(.ready) }
        // Unstructured: ends with the start of the server.
        Task {
            do {
                try await server.start()
                connection.send(.ready)
            } catch {
                connection.send(.initializationFailed(message: "\(error)"))
            }
        }
    }

    private func probe(_ connection: PeerConnection) {
        hosted[settings.replica]?.probe { report in
            switch report {
            case .alive: connection.send(.probeAnswered)
            case .passed: connection.send(.checkPassed)
            case .failed(let message): connection.send(.checkFailed(message: message))
            }
        }
    }

    private func reconfigure(_ spec: DeploymentSpec, _ number: Int, _ connection: PeerConnection) {
        hosted[settings.replica]?.reconfigure(spec) { error in
            if let error {
                connection.send(.reconfigurationFailed(number: number, message: "\(error)"))
            } else {
                connection.send(.reconfigured(number: number))
            }
        }
    }

    /// A replica is drained when its requests have ended and its kept results were fetched or released.
    private func drain(_ id: ReplicaID, _ connection: PeerConnection) {
        guard let replica = hosted[id] else { return connection.send(.drained(id)) }
        let hosted = hosted
        guard let server = environment.server else {
            return replica.drain { hosted.kept.whenEmpty { connection.send(.drained(id)) } }
        }
        let limit = state.withLock { state in
            state.isDraining = true
            return state.drainTime ?? .zero
        }
        refuseIfAlone()
        // Unstructured: ends with the connections, which the time bounds.
        Task {
            async let closed: Void = server.drain(within: limit)
            await withCheckedContinuation { continuation in
                replica.drain { hosted.kept.whenEmpty { continuation.resume() } }
            }
            await closed
            connection.send(.drained(id))
        }
    }

    /// Nobody is left to take the requests of a direct replica's connections, and they cannot wait here for the next
    /// replica, which may need what this one holds.
    private func refuseIfAlone() {
        guard state.withLock({ $0.isDraining && !$0.hasPublished }) else { return }
        let id = settings.replica.deployment
        environment.system.pools.pool(id).withdraw(
            ServeError(
                .unavailable,
                "the replica of this connection ends, and no other one is ready; try again on a new connection",
                deployment: id,
                retryAfter: .seconds(1)
            )
        )
    }

    /// Exits once all answers are sent. The controller kills a process that takes too long.
    private func stop(_ connection: PeerConnection) {
        let sent = state.withLock { $0.callers.map(\.connection) }.map { $0.sent() }
        let exit = environment.exit
        EventLoopFuture.andAllComplete(sent, on: connection.eventLoop).whenComplete { _ in exit(0) }
    }

    package func closed(_ connection: PeerConnection, reason: String) {
        forget(connection)
        environment.exit(0)
    }
}

private final class CallerDelegate: PeerDelegate {
    private let worker: Worker
    init(_ worker: Worker) {
        self.worker = worker
    }
    func received(_ hello: Hello, on connection: PeerConnection) {
        worker.greet(connection)
    }
    func received(_ message: ControlMessage, on connection: PeerConnection) {
        connection.close(because: "unexpected control message: only the controller sends this kind")
    }
    func closed(_ connection: PeerConnection, reason: String) {
        worker.forget(connection)
    }
}
