package import Logging
package import NIOCore
internal import SwerveControl
package import SwerveCore
package import SwerveLaunch
package import SwerveTransport
internal import Synchronization

/// The proxy processes of an instance: the shell of ``ProxyFleetState``.
///
/// All proxies accept connections from one listening socket. This process keeps the socket open, so connections that
/// nobody accepts yet wait in its queue, whatever happens to the proxies. Each proxy gets the routes and publications,
/// confirms fences and reports its load over a connection that it makes.
package final class ProxyFleet: CallerGroup {
    private let wanted: Int
    private let drainTimeout: Duration
    private let clock: any EventLoop
    private let logger: Logger
    private let ended: @Sendable (UInt64) -> Void
    private let settings: @Sendable (UInt64) -> ProxySettings
    private let state = Mutex(State())

    private struct State {
        /// `nil` before ``ProxyFleet/begin(_:)``.
        var machine: ProxyFleetState?
        var processes: (any ProcessLauncher)?
        var callers = CallerTable(of: "proxy")
        var routes: [RouteEntry] = []
        /// Whether the proxies take connections. They do unless direct replicas do.
        var takesConnections = true
        var timer: (time: MonotonicTime, scheduled: Scheduled<Void>)?
        var waitingForAll: [CheckedContinuation<Void, any Error>] = []
        var waitingForReplacement: [CheckedContinuation<Void, any Error>] = []
        var waitingForEnd: [CheckedContinuation<Void, Never>] = []
    }

    /// - Parameters:
    ///   - wanted: how many proxies should serve; at least 1.
    ///   - drainTimeout: how long a proxy may take to finish its connections.
    ///   - clock: the event loop whose time and timers are used.
    ///   - ended: called when the process of the proxy with this number has ended.
    ///   - settings: what the process of the proxy with this number is told.
    package init(
        wanted: Int,
        drainTimeout: Duration,
        clock: any EventLoop,
        logger: Logger,
        ended: @escaping @Sendable (UInt64) -> Void = { _ in },
        settings: @escaping @Sendable (UInt64) -> ProxySettings
    ) {
        self.wanted = wanted
        self.drainTimeout = drainTimeout
        self.clock = clock
        self.logger = logger
        self.ended = ended
        self.settings = settings
    }

    /// The proxies that exist, in the order of their starts.
    package var status: [ProxyStatus] { state.withLock { $0.machine?.status ?? [] } }

    // MARK: Start and end

    /// Starts the proxies; returns when all serve.
    ///
    /// - Parameter processes: starts processes that have the listening socket as their standard input.
    /// - Throws: ``ServeError`` with code `startFailed` when proxies keep ending before they serve. None is left then.
    package func begin(_ processes: any ProcessLauncher) async throws {
        do {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                change { state in
                    state.processes = processes
                    state.waitingForAll.append(continuation)
                    state.machine = ProxyFleetState(wanted: wanted, drainTimeout: drainTimeout)
                    return state.machine?.begin(now: now) ?? []
                }
            }
        } catch {
            await end()
            throw error
        }
        probe()
    }

    /// Replaces every proxy by a new one, one at a time, without losing a new connection; returns when the old ones have
    /// finished theirs and are gone.
    ///
    /// - Throws: ``ServeError`` with code `startFailed` when new proxies keep ending before they serve: the old ones stay;
    ///   `notRunning` when there are none.
    package func replaceAll() async throws {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            change { state in
                guard state.machine != nil else {
                    continuation.resume(throwing: ServeError(.notRunning, "no proxy process runs"))
                    return []
                }
                state.waitingForReplacement.append(continuation)
                return state.machine?.replaceAll(now: now) ?? []
            }
        }
    }

    /// Lets the proxies take connections, or leave them to others.
    package func takeConnections(_ takes: Bool) {
        state.withLock { state in
            state.takesConnections = takes
            state.callers.send(.takeConnections(takes))
        }
    }

    /// Makes the proxies say on the page of their health that they drain.
    package func announceDrain() {
        state.withLock { $0.callers.send(.announceDrain) }
    }

    /// Lets the proxies finish their connections, and ends them.
    package func end() async {
        await withCheckedContinuation { continuation in
            change { state in
                guard state.machine != nil else {
                    continuation.resume()
                    return []
                }
                state.waitingForEnd.append(continuation)
                return state.machine?.end(now: now) ?? []
            }
        }
    }

    // MARK: What the proxies are told

    package func expose(_ routes: [RouteEntry]) {
        // Under the lock, so that every proxy gets the tables in the same order.
        state.withLock { state in
            state.routes = routes
            state.callers.send(.routes(routes))
        }
    }

    package func publish(_ message: ControlMessage, of deployment: DeploymentID) {
        state.withLock { $0.callers.publish(message, of: deployment) }
    }

    /// Calls `done` once every proxy has acted on what was published and exposed before.
    package func afterCallersKnow(_ done: @escaping @Sendable () -> Void) {
        if state.withLock({ $0.callers.fence(done) }) == nil { done() }
    }

    private func probe() {
        let goesOn = state.withLock { state in
            state.callers.send(.probe)
            return state.machine != nil
        }
        guard goesOn else { return }
        clock.scheduleTask(in: .nanoseconds(ProxyFleetState.probePeriod.nanoseconds)) { self.probe() }
    }

    // MARK: The load

    /// Reports the load of the proxies and of this process together to `receiver` from now on.
    package func reportLoads(to receiver: @escaping @Sendable ([DeploymentID: Load]) -> Void) {
        state.withLock { $0.callers.reportLoads(to: receiver) }
    }

    /// A proxy reports its load, or this process does (`nil`).
    package func report(_ loads: [DeploymentID: Load], from proxy: UInt64? = nil) {
        state.withLock { $0.callers.report(loads, from: proxy) }
    }

    // MARK: The machine

    private var now: MonotonicTime { MonotonicTime(nanoseconds: Int64(clamping: clock.now.uptimeNanoseconds)) }

    private func change(_ event: (inout State) -> [ProxyFleetState.Action]) {
        let actions = state.withLock { state in
            let actions = event(&state)
            scheduleTick(&state)
            return actions
        }
        for action in actions { perform(action) }
    }

    private func scheduleTick(_ state: inout State) {
        guard let time = state.machine?.nextWakeUp else { return }
        if let timer = state.timer, timer.time <= time { return }
        state.timer?.scheduled.cancel()
        let deadline = NIODeadline.uptimeNanoseconds(UInt64(clamping: time.nanoseconds))
        let scheduled = clock.scheduleTask(deadline: deadline) {
            self.change { state in
                state.timer = nil
                return state.machine?.tick(now: self.now) ?? []
            }
        }
        state.timer = (time, scheduled)
    }

    /// The name under which the launcher of processes knows a proxy.
    package static func process(_ number: UInt64) -> ReplicaID { CallerTable.process(number, of: "proxy") }

    private func perform(_ action: ProxyFleetState.Action) {
        switch action {
        case .start(let number): start(number)
        case .drain(let number):
            state.withLock { $0.callers.connections[number] }?.send(.drainConnections(within: drainTimeout))
        case .kill(let number): state.withLock { $0.processes }?.kill(Self.process(number))
        case .complete: for caller in state.withLock({ take(&$0.waitingForAll) }) { caller.resume() }
        case .replaced: for caller in state.withLock({ take(&$0.waitingForReplacement) }) { caller.resume() }
        case .failed(let reason):
            logger.error("proxies cannot be started", metadata: ["reason": "\(reason)"])
            let error = ServeError(.startFailed, "proxy processes cannot be started: \(reason)")
            let waiting = state.withLock { take(&$0.waitingForAll) + take(&$0.waitingForReplacement) }
            for caller in waiting { caller.resume(throwing: error) }
        case .ended:
            let (waiting, callers) = state.withLock { state in
                state.machine = nil
                state.timer?.scheduled.cancel()
                state.timer = nil
                return (take(&state.waitingForEnd), take(&state.waitingForAll) + take(&state.waitingForReplacement))
            }
            for caller in callers { caller.resume(throwing: ServeError(.shutDown, "the instance is shut down")) }
            for caller in waiting { caller.resume() }
        }
    }

    private func start(_ number: UInt64) {
        let environment = LaunchEnvironment([WorkerSettings.variable: settings(number).text])
        state.withLock { $0.processes }?.start(Self.process(number), executable: nil, environment: environment) {
            event in
            switch event {
            case .launched(let processID):
                self.change { state in
                    state.machine?.launched(number, processID: processID)
                    return []
                }
                self.logger.debug("proxy started", metadata: ["proxy": "\(number)", "process": "\(processID)"])
            case .exited(let reason, let output):
                self.exited(number, output.isEmpty ? reason : "\(reason); its last output:\n\(output)")
            }
        }
    }

    private func exited(_ number: UInt64, _ reason: String) {
        ended(number)
        let (connection, passed, wasDraining) = state.withLock { state in
            (
                state.callers.connections[number],
                state.callers.remove(number),
                state.machine?.status.contains { $0.number == number && $0.state == .draining } ?? true
            )
        }
        if !wasDraining {
            logger.warning("proxy ended", metadata: ["proxy": "\(number)", "reason": "\(reason)"])
        }
        connection?.peerIsGone(reason)
        for done in passed { done() }
        change { $0.machine?.exited(number, reason: reason, now: now) ?? [] }
    }
}

/// What proxies send over the connections that they make to this process.
extension ProxyFleet: PeerDelegate {
    package func received(_ hello: Hello, on connection: PeerConnection) {
        let isExpected = state.withLock { state in
            guard let number = hello.replica?.number, hello.replica == Self.process(number),
                state.callers.connections[number] == nil,
                state.machine?.status.contains(where: { $0.number == number && $0.state == .starting }) == true
            else { return false }
            state.callers.add(number, connection)
            if !state.takesConnections { connection.send(.takeConnections(false)) }
            connection.send(.routes(state.routes))
            return true
        }
        if !isExpected { connection.close(because: "no such proxy is expected") }
    }

    package func received(_ message: ControlMessage, on connection: PeerConnection) {
        guard let number = number(of: connection) else {
            return connection.close(because: "a message before the hello")
        }
        switch message {
        case .ready: change { $0.machine?.serves(number, now: now) ?? [] }
        case .probeAnswered:
            change { state in
                state.machine?.heard(number, now: now)
                return []
            }
        case .fenced(let fence):
            for done in state.withLock({ $0.callers.passed(fence, by: number) }) { done() }
        case .load(let loads): report(loads, from: number)
        default: connection.close(because: "unexpected control message: a proxy does not send this kind")
        }
    }

    package func closed(_ connection: PeerConnection, reason: String) {
        // The process is ending or can no longer be reached; its exit is what counts.
        guard let number = number(of: connection) else { return }
        state.withLock { $0.processes }?.kill(Self.process(number))
    }

    private func number(of connection: PeerConnection) -> UInt64? {
        state.withLock { $0.callers.number(of: connection) }
    }
}

/// Empties the list.
private func take<Element>(_ list: inout [Element]) -> [Element] {
    defer { list = [] }
    return list
}
