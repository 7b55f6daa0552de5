internal import NIOCore
internal import SwerveControl
internal import SwerveCore
internal import SwerveTransport

/// What an ``Agent`` knows. Everything that goes to the controller is sent from here, under the agent's lock, so that
/// the inventory and the reports after it fit together.
struct AgentState {
    enum Answer: Sendable {
        case done
        case status(ServeStatus)
        case plan(DeployPlan)
    }
    /// Who gets the answers to a request.
    enum Caller: Sendable {
        case once(CheckedContinuation<Answer, any Error>)
        case deploy(DeployWaiter)
        case stream(AsyncStream<ServeStatus>.Continuation)
    }
    private struct Pending {
        var request: ControllerInput.Request
        let caller: Caller
        /// Whether it is a deploy of an application that was deleted since, or the other way round.
        var isOutdated = false
        /// Whether a controller has stored it.
        var isStored = false
        /// How many controllers were asked.
        var asked = 0

        /// Whether there is nothing left to ask: the application was deleted, or is deployed again.
        var isOver: Bool {
            if case .delete = request { isOutdated && isStored } else { isOutdated }
        }
    }
    private struct Replica {
        let spec: DeploymentSpec
        /// `nil` after a change that failed.
        var configuration: Configuration?
        let reservation: Reservation
        /// The change of its configuration that the present controller ordered last.
        var change: (spec: DeploymentSpec, number: Int)?
        var phase = Inventory.Replica.Phase.starting
        var place: ReplicaPlace?
        var processID: Int32?
        /// What its process asks of other deployments.
        var loads: [DeploymentID: Load] = [:]
        var models: ReplicaModels?
        var batches: [String: BatchCounters]?
        /// That its initialiser failed, or that it has drained. The replica says so once, so each new controller is told.
        var lastWord: ReplicaEvent?
    }

    /// What the instance needs as long as it runs, also when nobody else holds it.
    var needed: (any Sendable)?
    /// Counts the controllers.
    var attempt: UInt64 = 0
    var token = ""
    /// Whether a controller was started and has not ended.
    var hasProcess = false
    var processID: Int32?
    var started: NIODeadline
    var connection: PeerConnection?
    private var heard = NIODeadline.uptimeNanoseconds(0)
    private var failures = 0
    var isEnding = false
    var waitingForEnd: CheckedContinuation<Void, Never>?
    /// The lowest number that no replica has.
    private(set) var nextReplica: UInt64
    private var replicas: [ReplicaID: Replica] = [:]
    var published: [DeploymentID: ControlMessage] = [:]
    var routes: [RouteEntry] = []
    /// What the agent's own process asks of deployments.
    private var loads: [DeploymentID: Load] = [:]
    private var pending: [UInt64: Pending] = [:]
    private var nextRequest: UInt64 = 1

    init(nextReplica: UInt64, now: NIODeadline) {
        self.nextReplica = nextReplica
        self.started = now
    }

    // MARK: The controller

    /// Gives a new controller the inventory, and asks what is not answered yet.
    mutating func connect(_ connection: PeerConnection, _ nodes: [String: NodeResources], now: NIODeadline) {
        self.connection = connection
        heard = now
        // Another controller counts its changes anew, so reports about earlier ones mean nothing to it.
        for id in replicas.keys { replicas[id]?.change = nil }
        connection.send(.relaying(ControllerInput.begin(inventory, nodes: nodes)))
        if !loads.isEmpty { connection.send(.relaying(ControllerInput.load(loads))) }
        for (id, replica) in replicas where !replica.loads.isEmpty {
            connection.send(.relaying(ControllerInput.replica(.loadChanged(replica.loads), id)))
        }
        for (id, replica) in replicas {
            if let models = replica.models {
                connection.send(.relaying(ControllerInput.replica(.modelsChanged(models), id)))
            }
            if let batches = replica.batches {
                connection.send(.relaying(ControllerInput.replica(.batchesChanged(batches), id)))
            }
            if let word = replica.lastWord { connection.send(.relaying(ControllerInput.replica(word, id))) }
        }
        for number in pending.keys.sorted() {
            if pending[number]?.isOver == true { endOutdated(number) } else { send(number) }
        }
    }

    private var inventory: Inventory {
        var serving: Set<ReplicaID> = []
        var deployments: [DeploymentID] = []
        for case .publish(let id, let replicas, _) in published.values {
            deployments.append(id)
            serving.formUnion(replicas.map(\.id))
        }
        let found = replicas.map { id, replica in
            Inventory.Replica(
                id: id,
                spec: replica.spec,
                configuration: replica.configuration,
                reservation: replica.reservation,
                phase: replica.phase,
                isPublished: serving.contains(id),
                place: replica.place,
                processID: replica.processID
            )
        }
        return Inventory(replicas: found.sorted { $0.id < $1.id }, routes: routes, published: deployments.sorted())
    }

    /// - Returns: whether the connection is the controller's.
    mutating func heard(from connection: PeerConnection, now: NIODeadline) -> Bool {
        guard self.connection === connection else { return false }
        heard = now
        return true
    }

    func isSilent(now: NIODeadline, _ patience: Duration) -> Bool {
        !isEnding && now - max(started, heard) >= .nanoseconds(patience.nanoseconds)
    }

    /// How long to wait before the next controller starts. One that lasted for a while ended for another reason.
    mutating func backOff(now: NIODeadline, longest: Duration) -> Duration {
        if now - started > .seconds(10) { failures = 0 }
        defer { failures += 1 }
        return failures == 0 ? .zero : min(.milliseconds(100) * (1 << min(failures - 1, 10)), longest)
    }

    // MARK: Replicas

    /// - Returns: whether the replica must be started; `false` if an earlier order did it.
    mutating func started(
        _ replica: ReplicaID,
        _ spec: DeploymentSpec,
        _ reservation: Reservation,
        by launcher: any ReplicaLauncher
    ) -> Bool {
        guard replicas[replica] == nil else { return false }
        nextReplica = max(nextReplica, replica.number + 1)
        replicas[replica] = Replica(spec: spec, configuration: spec.configuration, reservation: reservation)
        return true
    }

    mutating func reconfiguring(_ replica: ReplicaID, _ spec: DeploymentSpec, _ number: Int) {
        replicas[replica]?.change = (spec, number)
    }

    mutating func told(_ replica: ReplicaID, _ phase: Inventory.Replica.Phase) { replicas[replica]?.phase = phase }

    mutating func reported(_ event: ReplicaEvent, of replica: ReplicaID, now: MonotonicTime) {
        switch event {
        case .placed(let place): replicas[replica]?.place = place
        case .launched(let processID): replicas[replica]?.processID = processID
        case .ready: if replicas[replica]?.phase == .starting { told(replica, .running(since: now)) }
        case .exited: replicas[replica] = nil
        case .modelsChanged(let models): replicas[replica]?.models = models
        case .batchesChanged(let batches): replicas[replica]?.batches = batches
        case .loadChanged(let loads): replicas[replica]?.loads.merge(loads) { _, new in new }
        case .reconfigured(let number):
            guard let change = replicas[replica]?.change, change.number == number else { return }
            replicas[replica]?.configuration = change.spec.configuration
        case .reconfigurationFailed(let number, _):
            guard replicas[replica]?.change?.number == number else { return }
            replicas[replica]?.configuration = nil
        case .initializationFailed, .drained: replicas[replica]?.lastWord = event
        case .connected, .probeAnswered, .checkPassed, .checkFailed: break
        }
        connection?.send(.relaying(ControllerInput.replica(event, replica)))
    }

    mutating func reported(_ loads: [DeploymentID: Load]) {
        self.loads.merge(loads) { _, new in new }
        connection?.send(.relaying(ControllerInput.load(loads)))
    }

    // MARK: Requests

    mutating func ask(_ request: ControllerInput.Request, _ caller: Caller) {
        outdate(by: request)
        pending[nextRequest] = Pending(request: request, caller: caller)
        send(nextRequest)
        nextRequest += 1
    }

    private mutating func send(_ number: UInt64) {
        guard let connection, let entry = pending[number] else { return }
        connection.send(.relaying(ControllerInput.request(number, entry.request)))
        pending[number]?.asked += 1
    }

    /// Notes which requests a later one undoes.
    private mutating func outdate(by request: ControllerInput.Request) {
        for (number, entry) in pending {
            switch (request, entry.request) {
            case (.deploy(let spec), .delete(let name)), (.delete(let name), .deploy(let spec)):
                if spec.name == name { pending[number]?.isOutdated = true }
            case (.delete(let name), .awaitDeploy(let other)) where name == other: pending[number]?.isOutdated = true
            default: break
            }
        }
    }

    /// What is stored is not done again after the loss of a controller, because that would undo later changes. What is
    /// not stored is done again, in the same order, and so are those later changes.
    mutating func wasStored(_ number: UInt64) {
        pending[number]?.isStored = true
        // Only the outcome is asked for from now on.
        if case .deploy(let spec) = pending[number]?.request { pending[number]?.request = .awaitDeploy(spec.name) }
    }

    private mutating func endOutdated(_ number: UInt64) {
        guard let entry = pending.removeValue(forKey: number) else { return }
        switch entry.caller {
        case .once(let continuation): continuation.resume(returning: .done)
        case .deploy(let waiter):
            waiter.end(.failure(ServeError(.deleted, "the application was deleted before it ran")))
        case .stream: break
        }
    }

    /// - Returns: passes the answer on, outside the lock; `nil` for an answer that nobody waits for.
    mutating func answer(_ number: UInt64) -> (@Sendable (Result<Answer, ServeError>) -> Void)? {
        guard let entry = pending[number] else { return nil }
        switch entry.caller {
        case .once(let continuation):
            pending[number] = nil
            let wasDone = if case .delete = entry.request { entry.asked > 1 } else { false }
            return { result in
                if case .failure(let error) = result, wasDone, error.code == .notFound {
                    return continuation.resume(returning: .done)
                }
                continuation.resume(with: result.mapError { $0 as any Error })
            }
        case .deploy(let waiter):
            pending[number] = nil
            return { waiter.end($0.map { _ in () }.mapError { $0 as any Error }) }
        case .stream(let watcher):
            return { if case .success(.status(let status)) = $0 { watcher.yield(status) } }
        }
    }

    /// Ends everything that waits for an answer, as the instance does.
    mutating func endPending() {
        let error = ServeError(.shutDown, "the instance is shut down")
        for entry in pending.values {
            switch entry.caller {
            case .once(let continuation): continuation.resume(throwing: error)
            case .deploy(let waiter): waiter.end(.failure(error))
            case .stream(let watcher): watcher.finish()
            }
        }
        pending = [:]
    }
}
