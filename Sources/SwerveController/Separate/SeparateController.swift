package import Logging
package import NIOCore
package import SwerveControl
internal import SwerveCore
package import SwerveTransport
internal import Synchronization

/// A controller in a process of its own: it takes over what an earlier one left, and controls the agent's replicas and
/// proxies over one connection. It ends with the connection.
package final class SeparateController: PeerDelegate {
    private let loop: any EventLoop
    private let settings: ControllerSettings
    private let store: any GoalStore
    private let goal: GoalState
    private let isFolderKept: @Sendable (String) -> Bool
    private let logger: Logger
    /// Where the controller's loop and its answers run; `nil` is the Swift pool.
    private let executor: (any TaskExecutor)?
    private let exit: @Sendable (Int32) -> Void
    private let controller = Mutex<Controller?>(nil)

    /// - Parameters:
    ///   - goal: as the store has it.
    ///   - isFolderKept: whether there is a copy of the working directory with a digest.
    ///   - executor: where the controller's loop and its answers run; `nil` for the Swift pool.
    ///   - exit: ends the process.
    package init(
        _ settings: ControllerSettings,
        loop: any EventLoop,
        store: any GoalStore,
        goal: GoalState,
        isFolderKept: @escaping @Sendable (String) -> Bool = { _ in true },
        logger: Logger,
        executor: (any TaskExecutor)? = nil,
        exit: @escaping @Sendable (Int32) -> Void
    ) {
        self.settings = settings
        self.loop = loop
        self.store = store
        self.goal = goal.numbered(from: settings.firstNumber)
        self.isFolderKept = isFolderKept
        self.logger = logger
        self.executor = executor
        self.exit = exit
    }

    package func run(_ network: any PeerNetwork, hosted: HostedReplicas, processID: Int32) {
        network.connect(to: settings.agentAddress, on: loop, delegate: self, hosted: hosted).whenComplete { result in
            switch result {
            case .success(let connection):
                connection.send(Hello(replica: nil, processID: processID))
                connection.send(.relaying(ControllerOutput.hello(token: self.settings.token)))
            case .failure(let error):
                self.logger.error("the controller cannot reach its instance", metadata: ["error": "\(error)"])
                self.exit(1)
            }
        }
    }

    // MARK: The agent's messages

    package func received(_ hello: Hello, on connection: PeerConnection) {}

    package func received(_ message: ControlMessage, on connection: PeerConnection) {
        guard case .relayed(let bytes) = message,
            let input = try? ControlMessage.relayed(bytes, as: ControllerInput.self, connection.system)
        else { return connection.close(because: "unexpected control message: this is a controller") }
        switch input {
        case .begin(let inventory, let nodes): begin(inventory, nodes, connection)
        case .replica(let event, let replica): controller.withLock { $0 }?.report(event, of: replica)
        case .load(let loads): controller.withLock { $0 }?.report(loads, from: .instance)
        case .ping: connection.send(.relaying(ControllerOutput.pong))
        case .request(let number, let request):
            guard let controller = controller.withLock({ $0 }) else { return }
            answer(number, request, controller, connection)
        }
    }

    private func begin(_ inventory: Inventory, _ nodes: [String: NodeResources], _ connection: PeerConnection) {
        let plane = RemotePlane(connection)
        let controller = Controller(
            clock: loop,
            launcher: plane,
            nodes: nodes,
            callers: plane,
            store: store,
            logger: logger,
            exposeRoutes: { connection.send(.relaying(ControllerOutput.exposeRoutes($0))) }
        )
        self.controller.withLock { $0 = controller }
        var goal = goal
        goal.keep(except: Set(inventory.replicas.map(\.id.deployment.application)), folders: isFolderKept)
        let started = goal
        // Unstructured: runs until the process ends.
        Task(executorPreference: executor) { await controller.run(started, inventory) }
    }

    /// Passes a request on at once, so that the controller gets requests in the order in which they came.
    private func answer(
        _ number: UInt64,
        _ request: ControllerInput.Request,
        _ controller: Controller,
        _ connection: PeerConnection
    ) {
        @Sendable func send(_ output: ControllerOutput) { connection.send(.relaying(output)) }
        @Sendable func refuse(_ error: any Error) {
            send(.failed(number, error as? ServeError ?? ServeError(.system, "\(error)")))
        }
        @Sendable func stored() { send(.stored(number)) }
        let done: Controller.Reply<Void> = { result in
            switch result {
            case .success: send(.done(number))
            case .failure(let error): refuse(error)
            }
        }
        switch request {
        case .deploy(let spec): controller.send(.deploy(spec, stored: stored, done))
        case .awaitDeploy(let application): controller.send(.awaitDeploy(application, done))
        case .delete(let application): controller.send(.delete(application, stored: stored, done))
        case .scale(let deployment, let replicas, let decider):
            controller.send(.scale(deployment, to: replicas, by: decider, done))
        case .targetCapacity(let percent): controller.send(.targetCapacity(percent, done))
        case .status: controller.send(.status { send(.status(number, $0)) })
        case .plan(let spec, let leaving):
            controller.send(
                .plan(spec, without: leaving) { result in
                    switch result {
                    case .success(let plan): send(.plan(number, plan))
                    case .failure(let error): refuse(error)
                    }
                }
            )
        case .watch:
            let (updates, watcher) = AsyncStream.makeStream(
                of: ServeStatus.self,
                bufferingPolicy: .bufferingNewest(1)
            )
            controller.watch(watcher)
            // Unstructured: runs until the instance ends.
            Task(executorPreference: executor) { for await status in updates { send(.status(number, status)) } }
        case .shutdown(let limit):
            // Unstructured: takes as long as the replicas do.
            Task(executorPreference: executor) {
                await controller.shutdown(within: limit)
                send(.done(number))
            }
        }
    }

    package func closed(_ connection: PeerConnection, reason: String) { exit(0) }
}

/// The agent's replicas, callers and proxies, as a separate controller sees them.
private final class RemotePlane: ReplicaLauncher, PublicationTarget {
    private let connection: PeerConnection

    init(_ connection: PeerConnection) {
        self.connection = connection
    }

    private func send(_ output: ControllerOutput) { connection.send(.relaying(output)) }

    /// The reports come as messages of the agent's, also about replicas that an earlier controller started.
    func start(
        _ replica: ReplicaID,
        _ spec: DeploymentSpec,
        on reservation: Reservation,
        report: @escaping @Sendable (ReplicaEvent) -> Void
    ) {
        send(.start(replica, spec, on: reservation))
    }
    func drain(_ replica: ReplicaID) { send(.drain(replica)) }
    func probe(_ replica: ReplicaID) { send(.probe(replica)) }
    func reconfigure(_ replica: ReplicaID, _ spec: DeploymentSpec, number: Int) {
        send(.reconfigure(replica, spec, number: number))
    }
    /// The agent's own launcher waits for the callers, before it drains.
    func afterCallersKnow(_ done: @escaping @Sendable () -> Void) { done() }
    func stop(_ replica: ReplicaID) { send(.stop(replica)) }
    func publish(_ message: ControlMessage, of deployment: DeploymentID) { send(.publish(message, of: deployment)) }

    // The agent passes each message to its own callers, too.
    func publish(_ id: DeploymentID, _ replicas: [PublishedReplica], _ options: PoolOptions) {}
    func withdraw(_ id: DeploymentID, _ error: ServeError) {}
}
