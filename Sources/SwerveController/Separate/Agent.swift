package import Logging
package import NIOCore
internal import SwerveControl
package import SwerveCore
package import SwerveLaunch
package import SwerveTransport
internal import Synchronization

/// The part of an instance that stays when its separate controller is lost: it has the replicas, callers and proxies,
/// does what the controller says, and starts another controller when that one ends.
///
/// A new controller gets the ``Inventory`` and continues. Nothing that serves notices: publications, routes and
/// connections stay as they are. What callers have asked and not been answered is asked again.
package final class Agent: Sendable {
    private let launcher: any ReplicaLauncher
    private let callers: any PublicationTarget
    private let exposeRoutes: @Sendable ([RouteEntry]) -> Void
    private let nodes: [String: NodeResources]
    let processes: any ProcessLauncher
    private let clock: any EventLoop
    private let logger: Logger
    /// The settings of a controller with this token, whose replicas have at least this number.
    private let settings: @Sendable (String, UInt64) -> ControllerSettings
    private let secret: @Sendable () -> UInt64
    let state: Mutex<AgentState>

    /// A controller that does not answer for this long is killed, and another one takes its place. It is asked three
    /// times as often.
    private let patience: Duration
    package static let patience = Duration.seconds(15)
    /// How long to wait before another controller starts: not at all the first time, then ever longer.
    private static let longestBackOff = Duration.seconds(5)

    /// - Parameters:
    ///   - launcher: of the replicas.
    ///   - callers: those of this process.
    ///   - nodes: what replicas can reserve, by the nodes' names.
    ///   - processes: starts the controller.
    ///   - clock: the event loop whose time and timers are used.
    ///   - firstNumber: the number of the first replica, unless the controller knows of higher ones.
    ///   - patience: how long a controller may not answer.
    ///   - secret: makes the numbers by which controllers are told apart.
    ///   - settings: what a controller's process is told.
    package init(
        launcher: any ReplicaLauncher,
        callers: any PublicationTarget,
        nodes: [String: NodeResources],
        processes: any ProcessLauncher,
        clock: any EventLoop,
        firstNumber: UInt64,
        patience: Duration = Agent.patience,
        secret: @escaping @Sendable () -> UInt64 = { .random(in: .min ... .max) },
        logger: Logger,
        exposeRoutes: @escaping @Sendable ([RouteEntry]) -> Void,
        settings: @escaping @Sendable (_ token: String, _ firstNumber: UInt64) -> ControllerSettings
    ) {
        self.launcher = launcher
        self.callers = callers
        self.nodes = nodes
        self.processes = processes
        self.clock = clock
        self.patience = patience
        self.secret = secret
        self.logger = logger
        self.exposeRoutes = exposeRoutes
        self.settings = settings
        self.state = Mutex(AgentState(nextReplica: firstNumber, now: clock.now))
    }

    // MARK: The controller's process

    /// Starts the controller.
    ///
    /// - Parameter needed: what must exist until ``shutdown(within:)``, even if nobody else holds it.
    package func begin(holding needed: any Sendable) {
        state.withLock { $0.needed = needed }
        begin()
    }

    private func begin() {
        let next = state.withLock { state -> (UInt64, String, UInt64)? in
            if state.isEnding { return nil }
            state.hasProcess = true
            state.attempt += 1
            state.token = "\(secret())-\(state.attempt)"
            state.started = clock.now
            return (state.attempt, state.token, state.nextReplica)
        }
        guard let (attempt, token, first) = next else { return }
        let environment = LaunchEnvironment([WorkerSettings.variable: settings(token, first).text])
        processes.start(Self.process(attempt), executable: nil, environment: environment) { event in
            switch event {
            case .launched(let processID):
                self.state.withLock { $0.processID = processID }
                self.logger.debug("controller started", metadata: ["process": "\(processID)"])
            case .exited(let reason, let output): self.exited(output.isEmpty ? reason : "\(reason); last: \(output)")
            }
        }
        clock.scheduleTask(in: .nanoseconds(patience.nanoseconds)) { self.endIfSilent(attempt) }
    }

    /// The name under which the launcher of processes knows a controller. No application's name is empty.
    static func process(_ attempt: UInt64) -> ReplicaID {
        ReplicaID(deployment: DeploymentID(application: "", deployment: "controller"), number: attempt)
    }

    private func exited(_ reason: String) {
        let (connection, ended, wait) = state.withLock { state in
            defer {
                state.connection = nil
                state.processID = nil
                state.hasProcess = false
            }
            if state.isEnding { return (state.connection, state.waitingForEnd.take(), Duration.zero) }
            return (state.connection, nil, state.backOff(now: clock.now, longest: Self.longestBackOff))
        }
        connection?.peerIsGone(reason)
        if let ended { return ended.resume() }
        logger.warning("controller ended; another one starts", metadata: ["reason": "\(reason)"])
        clock.scheduleTask(in: .nanoseconds(wait.nanoseconds)) { self.begin() }
    }

    /// Kills a controller that did not connect, or does not answer.
    private func endIfSilent(_ attempt: UInt64) {
        let isSilent = state.withLock { $0.attempt == attempt && $0.isSilent(now: clock.now, patience) }
        if isSilent {
            logger.warning("controller does not answer and is killed")
            processes.kill(Self.process(attempt))
        }
    }

    private func ping(_ attempt: UInt64) {
        let connection = state.withLock { $0.attempt == attempt ? $0.connection : nil }
        guard let connection else { return }
        connection.send(.relaying(ControllerInput.ping))
        endIfSilent(attempt)
        clock.scheduleTask(in: .nanoseconds((patience / 3).nanoseconds)) { self.ping(attempt) }
    }

    // MARK: Requests

    func ask(_ request: ControllerInput.Request) async throws -> AgentState.Answer {
        try await withCheckedThrowingContinuation { continuation in
            let isOver = state.withLock { state in
                if state.isEnding { return true }
                state.ask(request, .once(continuation))
                return false
            }
            if isOver { continuation.resume(throwing: ServeError(.shutDown, "the instance is shut down")) }
        }
    }

    // MARK: What the controller says

    private func follow(_ output: ControllerOutput) {
        switch output {
        case .hello, .pong: break
        case .start(let replica, let spec, let reservation):
            let isNew = state.withLock { $0.started(replica, spec, reservation, by: launcher) }
            guard isNew else { return }
            launcher.start(replica, spec, on: reservation) { event in
                let now = MonotonicTime(nanoseconds: Int64(clamping: self.clock.now.uptimeNanoseconds))
                self.state.withLock { $0.reported(event, of: replica, now: now) }
            }
        case .drain(let replica):
            state.withLock { $0.told(replica, .draining) }
            launcher.drain(replica)
        case .probe(let replica): launcher.probe(replica)
        case .reconfigure(let replica, let spec, let number):
            state.withLock { $0.reconfiguring(replica, spec, number) }
            launcher.reconfigure(replica, spec, number: number)
        case .stop(let replica):
            state.withLock { $0.told(replica, .stopping) }
            launcher.stop(replica)
        case .publish(let message, let deployment):
            state.withLock { $0.published[deployment] = message }
            switch message {
            case .publish(let id, let replicas, let options): callers.publish(id, replicas, options)
            case .withdraw(let id, let error): callers.withdraw(id, error)
            default: return
            }
            launcher.publish(message, of: deployment)
        case .exposeRoutes(let routes):
            state.withLock { $0.routes = routes }
            exposeRoutes(routes)
        case .stored(let number): state.withLock { $0.wasStored(number) }
        case .done(let number): state.withLock { $0.answer(number) }?(.success(.done))
        case .failed(let number, let error): state.withLock { $0.answer(number) }?(.failure(error))
        case .plan(let number, let plan): state.withLock { $0.answer(number) }?(.success(.plan(plan)))
        case .status(let number, let status):
            state.withLock { $0.answer(number) }?(.success(.status(status)))
        }
    }
}

/// What the controller sends over its connection.
extension Agent: PeerDelegate {
    package func received(_ hello: Hello, on connection: PeerConnection) {}

    package func received(_ message: ControlMessage, on connection: PeerConnection) {
        guard case .relayed(let bytes) = message,
            let output = try? ControlMessage.relayed(bytes, as: ControllerOutput.self, connection.system)
        else { return connection.close(because: "unexpected control message: only a controller connects here") }
        if case .hello(let token) = output { return greet(token, connection) }
        // Messages of a controller that was given up are late.
        guard state.withLock({ $0.heard(from: connection, now: clock.now) }) else { return }
        follow(output)
    }

    private func greet(_ token: String, _ connection: PeerConnection) {
        let attempt = state.withLock { state -> UInt64? in
            guard state.token == token, state.connection == nil, !state.isEnding else { return nil }
            state.connect(connection, nodes, now: clock.now)
            return state.attempt
        }
        guard let attempt else { return connection.close(because: "this controller is not expected") }
        clock.scheduleTask(in: .nanoseconds((patience / 3).nanoseconds)) { self.ping(attempt) }
    }

    package func closed(_ connection: PeerConnection, reason: String) {
        let attempt = state.withLock { state -> UInt64? in
            guard state.connection === connection else { return nil }
            state.connection = nil
            return state.attempt
        }
        // The process is ending or can no longer be reached; its exit is what counts.
        if let attempt { processes.kill(Self.process(attempt)) }
    }
}
