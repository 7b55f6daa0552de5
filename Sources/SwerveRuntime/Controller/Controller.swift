package import Logging
package import NIOCore
package import SwerveActors
package import SwerveControl
package import SwerveCore
package import SwerveLaunch
internal import SwerveTransport

/// The one place that holds the goal state: the shell of ``ControllerState``.
///
/// Everything that happens becomes an event in one stream; one task takes them in order, asks the state machine and
/// carries out its actions.
package final class Controller: Sendable {
    enum Event: Sendable {
        case deploy(ApplicationSpec, DeployWaiter)
        case delete(String, CheckedContinuation<Void, any Error>)
        case shutdown(CheckedContinuation<Void, Never>)
        case status(CheckedContinuation<ServeStatus, Never>)
        case replica(ReplicaEvent, ReplicaID)
        /// The initialiser of a replica of this process returned.
        case made(ReplicaID, HostedReplica)
        case connected(ReplicaID, PeerConnection)
        case disconnected(PeerConnection, String)
        case tick
    }

    private let events: AsyncStream<Event>
    private let report: AsyncStream<Event>.Continuation
    private let clock: any EventLoop
    private let factory: ReplicaFactory
    private let launcher: any ReplicaLauncher
    private let peers: Peers
    private let address: String
    private let exposeRoutes: @Sendable ([RouteEntry]) -> Void
    private let logger: Logger

    /// - Parameters:
    ///   - clock: the event loop whose time and timers the controller uses.
    ///   - factory: makes the replicas of this process.
    ///   - address: where this process listens.
    package init(
        clock: any EventLoop,
        factory: ReplicaFactory,
        launcher: any ReplicaLauncher,
        peers: Peers,
        address: String,
        logger: Logger,
        exposeRoutes: @escaping @Sendable ([RouteEntry]) -> Void
    ) {
        (self.events, self.report) = AsyncStream.makeStream(of: Event.self)
        self.clock = clock
        self.factory = factory
        self.launcher = launcher
        self.peers = peers
        self.address = address
        self.logger = logger
        self.exposeRoutes = exposeRoutes
    }

    // MARK: Requests to the controller

    /// Returns when the application runs. A caller that is cancelled waits no more; the application goes on.
    package func deploy(_ spec: ApplicationSpec) async throws {
        let waiter = DeployWaiter()
        send(.deploy(spec, waiter))
        try await waiter.wait()
    }
    /// Returns when everything of the application is gone.
    func delete(_ application: String) async throws {
        try await withCheckedThrowingContinuation { send(.delete(application, $0)) }
    }
    package func shutdown() async {
        await withCheckedContinuation { send(.shutdown($0)) }
    }
    func status() async -> ServeStatus {
        await withCheckedContinuation { send(.status($0)) }
    }
    /// A connection of a worker ended.
    func forget(_ connection: PeerConnection, _ reason: String) {
        peers.forget(connection)
        send(.disconnected(connection, reason))
    }
    func send(_ event: Event) {
        if case .terminated = report.yield(event) { Self.refuse(event) }
    }

    private static func refuse(_ event: Event) {
        let error = ServeError(.shutDown, "the instance is shut down")
        switch event {
        case .deploy(_, let waiter): waiter.end(.failure(error))
        case .delete(_, let caller): caller.resume(throwing: error)
        case .shutdown(let caller): caller.resume()
        case .status(let caller): caller.resume(returning: ServeStatus(applications: [:]))
        case .replica, .made, .connected, .disconnected, .tick: break
        }
    }

    // MARK: The loop

    /// What only the loop touches.
    private struct LoopState {
        var machine = ControllerState()
        var connections: [ReplicaID: PeerConnection] = [:]
        /// Replicas that are to be started, with their specs, until their process connects.
        var specs: [ReplicaID: DeploymentSpec] = [:]
        var published: [DeploymentID: ControlMessage] = [:]
        var stopped: Set<ReplicaID> = []
        /// The initialisers of replicas of this process.
        var initializers: [ReplicaID: Task<Void, Never>] = [:]
        var waitingForRun: [String: [DeployWaiter]] = [:]
        var waitingForDelete: [String: [CheckedContinuation<Void, any Error>]] = [:]
        var waitingForShutdown: [CheckedContinuation<Void, Never>] = []
        var scheduledTick: MonotonicTime?
    }

    /// Runs until ``shutdown()`` is done.
    package func run() async {
        var state = LoopState()
        for await event in events {
            let now = now()
            perform(handle(event, &state, now), &state)
            scheduleTick(&state, now)
            if !state.waitingForShutdown.isEmpty, state.machine.status().applications.isEmpty {
                report.finish()
                for caller in state.waitingForShutdown { caller.resume() }
                state.waitingForShutdown = []
            }
        }
    }

    private func handle(_ event: Event, _ state: inout LoopState, _ now: MonotonicTime) -> [ControlAction] {
        switch event {
        case .deploy(let spec, let caller):
            do {
                let actions = try state.machine.deploy(spec, now: now)
                state.waitingForRun[spec.name, default: []].append(caller)
                return actions
            } catch {
                caller.end(.failure(error))
                return []
            }
        case .delete(let name, let caller):
            do {
                let actions = try state.machine.delete(application: name, now: now)
                state.waitingForDelete[name, default: []].append(caller)
                let error = ServeError(.deleted, "the application '\(name)' was deleted before it ran")
                for waiter in state.waitingForRun.removeValue(forKey: name) ?? [] { waiter.end(.failure(error)) }
                return actions
            } catch {
                caller.resume(throwing: error)
                return []
            }
        case .shutdown(let caller):
            state.waitingForShutdown.append(caller)
            return state.machine.shutdown(now: now)
        case .status(let caller):
            caller.resume(returning: state.machine.status())
            return []
        case .replica(let event, let replica):
            if case .exited(let reason) = event { forget(replica, reason, &state) }
            return state.machine.handle(event, of: replica, now: now)
        case .made(let replica, let hosted):
            // One that was stopped meanwhile is not kept.
            guard state.initializers.removeValue(forKey: replica) != nil else { return [] }
            peers.hosted.add(hosted)
            return state.machine.handle(.ready, of: replica, now: now)
        case .connected(let replica, let connection):
            connect(replica, connection, &state)
            return []
        case .disconnected(let connection, let reason):
            // The process is ending, or cannot be reached any more, which comes to the same. Its end is what counts.
            if let replica = state.connections.first(where: { $0.value === connection })?.key {
                logger.debug("connection to replica lost", metadata: ["replica": "\(replica)", "reason": "\(reason)"])
                launcher.kill(replica)
            }
            return []
        case .tick:
            state.scheduledTick = nil
            return state.machine.tick(now: now)
        }
    }

    private func scheduleTick(_ state: inout LoopState, _ now: MonotonicTime) {
        guard let wakeUp = state.machine.nextWakeUp else { return }
        if let scheduled = state.scheduledTick, scheduled <= wakeUp { return }
        state.scheduledTick = wakeUp
        // Too early does no harm, and a wake-up may be at the end of time.
        let delay = min(
            max(wakeUp.nanoseconds.subtractingReportingOverflow(now.nanoseconds).partialValue, 0),
            Self.longestWait
        )
        clock.scheduleTask(in: .nanoseconds(delay)) { self.send(.tick) }
    }

    private static let longestWait: Int64 = 3_600_000_000_000

    private func now() -> MonotonicTime {
        MonotonicTime(nanoseconds: Int64(truncatingIfNeeded: clock.now.uptimeNanoseconds))
    }

    // MARK: Actions

    private func perform(_ actions: [ControlAction], _ state: inout LoopState) {
        for action in actions {
            switch action {
            case .start(let replica, let spec): start(replica, spec, &state)
            case .publish(let id, let replicas, let options): publish(id, replicas, options, &state)
            case .withdraw(let id, let reason):
                peers.withdraw(id, reason)
                broadcast(.withdraw(id, reason), for: id, &state)
            case .exposeRoutes(let routes): exposeRoutes(routes)
            case .drain(let replica): drain(replica, state)
            case .stop(let replica): stop(replica, &state)
            case .probe(let replica): probe(replica, state)
            case .applicationRunning(let name):
                for waiter in state.waitingForRun.removeValue(forKey: name) ?? [] { waiter.end(.success(())) }
            case .applicationFailed(let name, let error):
                logger.error("application failed", metadata: ["application": "\(name)", "error": "\(error)"])
                for waiter in state.waitingForRun.removeValue(forKey: name) ?? [] { waiter.end(.failure(error)) }
            case .applicationDeleted(let name):
                for caller in state.waitingForDelete.removeValue(forKey: name) ?? [] { caller.resume() }
            }
        }
    }

    private func start(_ replica: ReplicaID, _ spec: DeploymentSpec, _ state: inout LoopState) {
        if spec.options.placement == .inProcess {
            send(.replica(.launched(processID: processID()), replica))
            state.initializers[replica] = factory.make(replica, spec) { result in
                switch result {
                case .success(let hosted): self.send(.made(replica, hosted))
                case .failure(let error):
                    self.send(.replica(.initializationFailed(message: "\(error)"), replica))
                }
            }
            return
        }
        state.specs[replica] = spec
        let settings = WorkerSettings(controllerAddress: address, replica: replica)
        launcher.start(replica, environment: [WorkerSettings.variable: settings.text]) { event in
            switch event {
            case .launched(let processID): self.send(.replica(.launched(processID: processID), replica))
            case .exited(let reason): self.send(.replica(.exited(reason: reason), replica))
            }
        }
    }

    private func connect(_ replica: ReplicaID, _ connection: PeerConnection, _ state: inout LoopState) {
        guard let spec = state.specs.removeValue(forKey: replica) else {
            return connection.close(because: "no replica \(replica) is expected")
        }
        state.connections[replica] = connection
        peers.adopt(connection, address: WorkerSettings.address(of: replica, beside: address))
        for (_, message) in state.published { connection.send(message) }
        connection.send(.start(spec))
    }

    private func forget(_ replica: ReplicaID, _ reason: String, _ state: inout LoopState) {
        if !state.stopped.contains(replica) {
            logger.warning("replica ended", metadata: ["replica": "\(replica)", "reason": "\(reason)"])
        }
        state.connections.removeValue(forKey: replica)?.peerIsGone(reason)
        state.specs[replica] = nil
        state.stopped.remove(replica)
        removeFiles(of: replica)
    }

    private func publish(
        _ id: DeploymentID,
        _ replicas: [ReplicaID],
        _ options: DeploymentOptions,
        _ state: inout LoopState
    ) {
        let published = replicas.map { replica in
            PublishedReplica(
                id: replica,
                address: options.placement == .inProcess
                    ? address : WorkerSettings.address(of: replica, beside: address)
            )
        }
        peers.publish(id, published, options)
        broadcast(.publish(id, published, options), for: id, &state)
    }

    private func broadcast(_ message: ControlMessage, for id: DeploymentID, _ state: inout LoopState) {
        state.published[id] = message
        for connection in state.connections.values { connection.send(message) }
    }

    private func drain(_ replica: ReplicaID, _ state: LoopState) {
        if let connection = state.connections[replica] {
            connection.send(.drain(replica))
        } else if let local = peers.hosted[replica] {
            local.drain { self.send(.replica(.drained, replica)) }
        } else {
            send(.replica(.drained, replica))
        }
    }

    /// Asked for once, a process is told to end itself; asked for again, or when it cannot be told, it is killed.
    private func stop(_ replica: ReplicaID, _ state: inout LoopState) {
        let isFirst = state.stopped.insert(replica).inserted
        if let connection = state.connections[replica], isFirst {
            connection.send(.stop)
        } else if let local = peers.hosted[replica] {
            local.drain {}
            peers.hosted.remove(replica)
            send(.replica(.exited(reason: "it was stopped"), replica))
        } else if state.specs.removeValue(forKey: replica) != nil || state.connections[replica] != nil {
            launcher.kill(replica)
        } else {
            // In this process, and still in its initialiser or failed in it: nothing is left to end.
            state.initializers.removeValue(forKey: replica)?.cancel()
            send(.replica(.exited(reason: "it was stopped"), replica))
        }
    }

    private func probe(_ replica: ReplicaID, _ state: LoopState) {
        if let connection = state.connections[replica] {
            connection.send(.probe)
        } else {
            peers.hosted[replica]?.probe { self.send(.replica(.probeAnswered, replica)) }
        }
    }

    private func removeFiles(of replica: ReplicaID) {
        InstanceDirectory.remove(WorkerSettings.address(of: replica, beside: address))
        InstanceDirectory.remove(WorkerSettings.board(of: replica, beside: address))
    }
}
