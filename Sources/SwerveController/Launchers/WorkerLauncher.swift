package import Logging
package import NIOCore
package import SwerveControl
package import SwerveCore
package import SwerveLaunch
internal import SwerveLogs
package import SwerveSystem
package import SwerveTransport
internal import Synchronization

/// Runs each replica in a worker, a process of its own, and talks to it over the connection that the worker makes.
package final class WorkerLauncher: ReplicaLauncher {
    private let processes: any ProcessLauncher
    /// The direct replicas; `nil` where there is no way in for their connections.
    private let direct: DirectReplicas?
    private let peers: Peers
    private let clock: any EventLoop
    private let files: WorkerFiles
    private let processorTime: @Sendable (Int32) -> Duration?
    private let groups: ProcessGroups
    private let kept: @Sendable (String) -> String?
    private let metricsEnd: @Sendable (String) -> Void
    private let folder: @Sendable (String) -> String?
    private let logger: Logger
    private let state = Mutex(State())

    private typealias Report = @Sendable (ReplicaEvent) -> Void

    private struct Replica {
        let spec: DeploymentSpec
        /// What started its process.
        let processes: any ProcessLauncher
        let limits: WorkerLimits
        let report: Report
        var connection: PeerConnection?
        /// Ends the wait for the connection.
        var timeout: Scheduled<Void>?
        /// Whether it was told to stop.
        var isStopped = false
        /// Whether it was killed because it did not connect.
        var isSilent = false
        var processID: Int32?
        /// What was seen when the oldest probe without an answer was sent.
        var unanswered: Progress?
    }
    private struct State {
        var replicas: [ReplicaID: Replica] = [:]
        /// The latest message about each deployment.
        var published: [DeploymentID: ControlMessage] = [:]
        var fences = Fences()
    }

    /// How long a replica's process may take from its start to its connection, which it makes before any user code
    /// runs: 10 seconds. After that, the start has failed.
    package static let connectTimeout = Duration.seconds(10)

    /// - Parameters:
    ///   - front: where direct replicas take connections from; `nil` if there are none.
    ///   - peers: also gets the connections, for requests.
    ///   - clock: the event loop whose timers are used.
    ///   - files: where this process and its workers listen.
    ///   - groups: makes the control groups that limit workers.
    ///   - metricsEnd: told the file in which a process has counted that has ended, before it is removed.
    ///   - kept: where the executable of another build of the program is; `nil` if it is not kept.
    ///   - folder: where the working directory with a digest is; `nil` if it is not kept.
    package init(
        processes: any ProcessLauncher,
        front: (any DirectFront)? = nil,
        peers: Peers,
        clock: any EventLoop,
        files: WorkerFiles,
        groups: ProcessGroups = .own,
        kept: @escaping @Sendable (String) -> String? = { _ in nil },
        metricsEnd: @escaping @Sendable (String) -> Void = { _ in },
        folder: @escaping @Sendable (String) -> String? = { _ in nil },
        logger: Logger,
        processorTime: @escaping @Sendable (Int32) -> Duration? = { ProcessTime.used(by: $0) }
    ) {
        self.processes = processes
        self.direct = front.map(DirectReplicas.init)
        self.peers = peers
        self.clock = clock
        self.files = files
        self.processorTime = processorTime
        self.groups = groups
        self.kept = kept
        self.metricsEnd = metricsEnd
        self.folder = folder
        self.logger = logger
    }

    // MARK: What the controller wants

    package func start(
        _ replica: ReplicaID,
        _ spec: DeploymentSpec,
        on reservation: Reservation,
        report: @escaping @Sendable (ReplicaEvent) -> Void
    ) {
        let executable = spec.isOfThisBuild ? nil : kept(spec.build)
        guard spec.isOfThisBuild || executable != nil else {
            return report(.exited(reason: "the executable of build \(spec.build) is not kept"))
        }
        let folder = spec.workingDirectory.flatMap { self.folder($0) }
        if let digest = spec.workingDirectory, folder == nil {
            return report(
                .exited(
                    reason:
                        "its working directory, with the content \(digest.prefix(12)), is not kept any more; deploy the "
                        + "application again"
                )
            )
        }
        var settings = files.settings(of: replica)
        settings.limits = spec.environment?.limits ?? ProcessLimits()
        settings.logs = settings.logs.with(spec.environment?.logs)
        var processes = processes
        if spec.options.directIngress {
            guard let front = direct?.front, let other = front.processes else {
                return report(.exited(reason: "there is no listening socket for a direct replica"))
            }
            settings.http = front.settings
            processes = other
        }
        let limits = WorkerLimits(for: reservation, group: files.group(of: replica), groups)
        limits.apply(to: &settings)
        state.withLock {
            $0.replicas[replica] = Replica(spec: spec, processes: processes, limits: limits, report: report)
        }
        report(.placed(ReplicaPlace(address: settings.address, memoryLimit: limits.memory)))
        // What the instance says of devices and of itself comes last.
        var environment = LaunchEnvironment(
            (spec.environment?.variables ?? [:]).merging(reservation.environment) { _, own in own },
            inherits: spec.environment?.inherits ?? .all,
            workingDirectory: folder
        )
        environment.variables[WorkerSettings.variable] = settings.text
        processes.start(replica, executable: executable, environment: environment) { event in
            switch event {
            case .launched(let processID):
                self.state.withLock { $0.replicas[replica]?.processID = processID }
                report(.launched(processID: processID))
            case .exited(let reason, let output):
                self.exited(replica, output.isEmpty ? reason : "\(reason); its last output:\n\(output)")
            }
        }
        let timeout = clock.scheduleTask(in: .nanoseconds(Self.connectTimeout.nanoseconds)) {
            self.endIfSilent(replica)
        }
        let isWaiting = state.withLock { state in
            guard let entry = state.replicas[replica], entry.connection == nil else { return false }
            state.replicas[replica]?.timeout = timeout
            return true
        }
        if !isWaiting { timeout.cancel() }
    }

    private func endIfSilent(_ replica: ReplicaID) {
        let isSilent = state.withLock { state in
            guard let entry = state.replicas[replica], entry.connection == nil, !entry.isStopped else { return false }
            state.replicas[replica]?.isSilent = true
            return true
        }
        if isSilent { kill(replica) }
    }

    private func kill(_ replica: ReplicaID) { state.withLock { $0.replicas[replica]?.processes }?.kill(replica) }

    private func exited(_ replica: ReplicaID, _ reason: String) {
        let (gone, passed) = state.withLock { state in
            (state.replicas.removeValue(forKey: replica), state.fences.remove(replica))
        }
        for done in passed { done() }
        guard let entry = gone else { return }
        if entry.spec.options.directIngress { direct?.gone(replica) }
        entry.timeout?.cancel()
        var reason = entry.limits.ended(reason)
        if entry.isSilent { reason = "it did not connect within \(Self.connectTimeout): \(reason)" }
        if !entry.isStopped {
            logger.warning("replica ended", metadata: ["replica": "\(replica)", "reason": "\(reason)"])
        }
        entry.connection?.peerIsGone(reason)
        metricsEnd(WorkerFiles.metricsPath(beside: files.settings(of: replica).address))
        files.remove(of: replica)
        entry.report(.exited(reason: reason))
    }

    package func drain(_ replica: ReplicaID) {
        let (connection, report) = state.withLock { ($0.replicas[replica]?.connection, $0.replicas[replica]?.report) }
        if let connection { connection.send(.drain(replica)) } else { report?(.drained) }
    }

    package func reconfigure(_ replica: ReplicaID, _ spec: DeploymentSpec, number: Int) {
        state.withLock { $0.replicas[replica]?.connection }?.send(.reconfigure(spec, number: number))
    }

    package func probe(_ replica: ReplicaID) {
        let now = clock.now
        let (connection, process, since) = state.withLock { state in
            let entry = state.replicas[replica]
            return (entry?.connection, entry?.processID, entry?.unanswered)
        }
        let used = process.flatMap { processorTime($0) }
        let progress = Progress(time: now, used: used)
        // A process that computes cannot answer, and must be left to finish.
        if let since, progress.isBusy(since: since) {
            state.withLock { $0.replicas[replica]?.unanswered = progress }
            report(.probeAnswered, of: replica)
        } else if since == nil {
            state.withLock { $0.replicas[replica]?.unanswered = progress }
        }
        connection?.send(.probe)
    }

    private func report(_ event: ReplicaEvent, of replica: ReplicaID) {
        state.withLock { $0.replicas[replica]?.report }?(event)
    }

    package func afterCallersKnow(_ done: @escaping @Sendable () -> Void) { fence(done) { _ in true } }

    private func fence(_ done: @escaping @Sendable () -> Void, of isConcerned: (DeploymentSpec) -> Bool) {
        // Under the lock, so that the fence follows what was published before.
        let isPassed = state.withLock { state in
            let callers = state.replicas.filter { _, entry in
                entry.connection != nil && !entry.isStopped && isConcerned(entry.spec)
            }
            guard let number = state.fences.add(Set(callers.keys), done) else { return true }
            for entry in callers.values { entry.connection?.send(.fence(number)) }
            return false
        }
        if isPassed { done() }
    }

    package func stop(_ replica: ReplicaID) {
        let (isFirst, connection) = state.withLock { state -> (Bool, PeerConnection?) in
            guard let entry = state.replicas[replica] else { return (false, nil) }
            state.replicas[replica]?.isStopped = true
            return (!entry.isStopped, entry.connection)
        }
        // A process that was told to exit may no longer answer.
        for done in state.withLock({ $0.fences.remove(replica) }) { done() }
        direct?.gone(replica)
        if let connection, isFirst { connection.send(.stop) } else { kill(replica) }
    }

    package func publish(_ message: ControlMessage, of deployment: DeploymentID) {
        // Under the lock, so that every worker gets the messages about a deployment in the same order.
        state.withLock { state in
            state.published[deployment] = message
            for entry in state.replicas.values { entry.connection?.send(message) }
        }
        direct?.published(message, of: deployment)
    }

    // MARK: Direct replicas

    /// Tells the direct replicas the table of HTTP routes.
    package func expose(_ routes: [RouteEntry]) { direct?.expose(routes) }

    /// Makes the direct replicas say on the page of their health that they drain.
    package func announceDrain() { direct?.announceDrain() }

    /// Calls `done` once every direct replica has acted on what was published and exposed before.
    package func afterDirectReplicasKnow(_ done: @escaping @Sendable () -> Void) {
        fence(done) { $0.options.directIngress }
    }

    /// Lets the direct replicas finish their connections. They take no more, and so the instance's front does.
    package func drainConnections(within limit: Duration) { direct?.drain(within: limit) }

    /// Returns when the direct replicas have no connection left.
    package func connectionsDrained() async { await direct?.drained() }

    /// The direct replicas that take connections, in order, for tests.
    package var takingConnections: [ReplicaID] { direct?.taking ?? [] }
}

/// What workers send over the connections that they make to this process.
extension WorkerLauncher: PeerDelegate {
    package func received(_ hello: Hello, on connection: PeerConnection) {
        // Not a worker, but a proxy, which calls this process's own replicas.
        guard let replica = hello.replica else {
            connection.send(peers.hello)
            return peers.hosted.models.tell(connection)
        }
        if let slot = hello.board?.open() { connection.setPeerBoard(slot) }
        let isExpected = state.withLock { state in
            guard let entry = state.replicas[replica], entry.connection == nil, !entry.isStopped, !entry.isSilent else {
                return false
            }
            guard entry.spec.isOf(hello.build) else { return false }
            state.replicas[replica]?.connection = connection
            entry.timeout?.cancel()
            for message in state.published.values { connection.send(message) }
            // First, so that the replica does not begin to take connections without knowing their routes.
            if entry.spec.options.directIngress { direct?.connected(replica, connection) }
            connection.send(.start(entry.spec))
            return true
        }
        guard isExpected else {
            return connection.close(because: "no replica \(replica) of build \(hello.build) is expected")
        }
        report(.connected, of: replica)
        peers.hosted.models.tell(connection)
        peers.adopt(connection, address: files.settings(of: replica).address)
    }

    package func received(_ message: ControlMessage, on connection: PeerConnection) {
        guard let (replica, report) = entry(of: connection) else {
            return connection.close(because: "unexpected control message: only a worker sends any")
        }
        switch message {
        case .ready: report(.ready)
        case .initializationFailed(let message): report(.initializationFailed(message: message))
        case .drained: report(.drained)
        case .probeAnswered:
            state.withLock { $0.replicas[replica]?.unanswered = nil }
            report(.probeAnswered)
        case .checkPassed: report(.checkPassed)
        case .checkFailed(let message): report(.checkFailed(message: message))
        case .reconfigured(let number): report(.reconfigured(number: number))
        case .reconfigurationFailed(let number, let message):
            report(.reconfigurationFailed(number: number, message: message))
        case .fenced(let number):
            for done in state.withLock({ $0.fences.passed(number, by: replica) }) { done() }
        case .load(let loads): report(.loadChanged(loads))
        case .takesConnections(let takes): direct?.takes(replica, takes)
        case .connectionsDrained: direct?.drained(replica)
        case .models(replica, let models):
            peers.know(models, of: replica, from: connection)
            report(.modelsChanged(models))
        case .batches(replica, let batches): report(.batchesChanged(batches))
        case .models, .batches, .start, .publish, .withdraw, .drain, .fence, .probe, .reconfigure, .stop, .relayed,
            .routes, .announceDrain, .takeConnections, .drainConnections, .catalog:
            connection.close(because: "unexpected control message: only the controller sends this kind")
        }
    }

    package func closed(_ connection: PeerConnection, reason: String) {
        peers.forget(connection)
        // The process is ending or can no longer be reached; either way it must end. Its exit is what gets reported.
        guard let (replica, _) = entry(of: connection) else { return }
        logger.debug("connection to replica lost", metadata: ["replica": "\(replica)", "reason": "\(reason)"])
        kill(replica)
    }

    private func entry(of connection: PeerConnection) -> (ReplicaID, Report)? {
        state.withLock { state in
            state.replicas.first { $0.value.connection === connection }.map { ($0.key, $0.value.report) }
        }
    }
}
