internal import Logging
internal import NIOCore
internal import NIOPosix
internal import SwerveActors
internal import SwerveCore
internal import SwerveTransport
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// What a worker is told at its start, in the variable `SWERVE_WORKER`.
struct WorkerSettings {
    static let variable = "SWERVE_WORKER"

    var controllerAddress: String
    var replica: ReplicaID

    var text: String { "\(replica.number)\n\(replica.deployment)\n\(controllerAddress)" }

    init(controllerAddress: String, replica: ReplicaID) {
        self.controllerAddress = controllerAddress
        self.replica = replica
    }

    init?(_ text: String) {
        let lines = text.split(separator: "\n", maxSplits: 2)
        guard lines.count == 3, let number = UInt64(lines[0]), let deployment = DeploymentID(String(lines[1])) else {
            return nil
        }
        self.replica = ReplicaID(deployment: deployment, number: number)
        self.controllerAddress = String(lines[2])
    }

    /// Where the processes of an instance listen: sockets in one directory.
    static func address(of replica: ReplicaID, beside controllerAddress: String) -> String {
        sibling(of: controllerAddress, "replica-\(replica.number).sock")
    }
    static func board(of replica: ReplicaID, beside controllerAddress: String) -> String {
        sibling(of: controllerAddress, "replica-\(replica.number).board")
    }
    private static func sibling(of path: String, _ name: String) -> String {
        "\(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])/\(name)"
    }
}

/// Starts the life of a replica's process; called before `main` when `SWERVE_WORKER` is set.
@_cdecl("swerve_worker_main")
public func swerveWorkerMain() {
    guard let text = getenv(WorkerSettings.variable).map({ String(cString: $0) }),
        let settings = WorkerSettings(text)
    else {
        let message = "swerve: \(WorkerSettings.variable) is set but holds no worker settings\n"
        _ = message.withCString { write(STDERR_FILENO, $0, strlen($0)) }
        exit(64)
    }
    // Processes that user code starts must not become workers.
    unsetenv(WorkerSettings.variable)
    // Signals to the process group are the controller's business: it drains first, and the end of the connection to it
    // ends this process.
    signal(SIGINT, SIG_IGN)
    signal(SIGTERM, SIG_IGN)
    signal(SIGPIPE, SIG_IGN)
    // Before anybody asks for the group: one event loop serves one replica's connections.
    NIOSingletons.groupLoopCountSuggestion = 1
    // Unstructured: this is the process's main task.
    Task {
        await WorkerProcess(settings).run()
    }

}

/// A process that hosts one replica.
final class WorkerProcess: PeerDelegate {
    private let settings: WorkerSettings
    private let hosted = HostedReplicas()
    private let peers: Peers
    private let board: SharedBoard?
    private let nextBoardSlot = Mutex(1)
    private let controller = Mutex<PeerConnection?>(nil)
    /// The other processes that call this replica.
    private let callers = Mutex<[ObjectIdentifier: PeerConnection]>([:])
    private let listener = Mutex<PeerListener?>(nil)
    private let logger: Logger
    private let group = MultiThreadedEventLoopGroup.singleton

    init(_ settings: WorkerSettings) {
        self.settings = settings
        var logger = Logger(label: "swerve.replica")
        logger[metadataKey: "replica"] = "\(settings.replica)"
        self.logger = logger
        let boardPath = WorkerSettings.board(of: settings.replica, beside: settings.controllerAddress)
        do {
            self.board = try SharedBoard(path: boardPath, create: true)
        } catch {
            // Without it every request that is under way when this process dies counts as begun.
            logger.warning("no shared board", metadata: ["error": "\(error)"])
            self.board = nil
        }
        self.peers = Peers(
            group: group,
            hosted: hosted,
            hello: Hello(replica: settings.replica, processID: getpid(), boardPath: nil, boardSlot: 0),
            logger: logger
        )
    }

    func run() async {
        peers.takeOverRoutes()
        do {
            let address = WorkerSettings.address(of: settings.replica, beside: settings.controllerAddress)
            let listener = try PeerSocket.listen(
                at: address,
                on: group,
                delegate: CallerDelegate(self),
                hosted: hosted
            )
            self.listener.withLock { $0 = listener }
            hosted.kept.listen(at: address)
            let connection = try await PeerSocket.connect(
                to: settings.controllerAddress,
                on: group,
                delegate: self,
                hosted: hosted
            )
            controller.withLock { $0 = connection }
            if let board { connection.setOwnBoard(board, slot: 0) }
            connection.send(helloWithBoard(slot: 0))
            peers.adopt(connection, address: settings.controllerAddress)
        } catch {
            logger.error("the replica cannot reach its controller", metadata: ["error": "\(error)"])
            exit(1)
        }
    }

    fileprivate func helloWithBoard(slot: Int) -> Hello {
        Hello(
            replica: settings.replica,
            processID: getpid(),
            boardPath: board == nil || slot >= SharedBoard.slots
                ? nil : WorkerSettings.board(of: settings.replica, beside: settings.controllerAddress),
            boardSlot: slot
        )
    }

    /// Another process that calls this replica.
    fileprivate func greet(_ connection: PeerConnection) {
        let slot = nextBoardSlot.withLock { next in
            defer { next += 1 }
            return next
        }
        if let board, slot < SharedBoard.slots { connection.setOwnBoard(board, slot: slot) }
        connection.send(helloWithBoard(slot: slot))
        callers.withLock { $0[ObjectIdentifier(connection)] = connection }
    }

    fileprivate func forget(_ connection: PeerConnection) {
        callers.withLock { $0[ObjectIdentifier(connection)] = nil }
    }

    // MARK: The controller's messages

    func received(_ hello: Hello, on connection: PeerConnection) {}

    func received(_ message: ControlMessage, on connection: PeerConnection) {
        switch message {
        case .start(let spec): start(spec, connection)
        case .publish(let id, let replicas, let options): peers.publish(id, replicas, options)
        case .withdraw(let id, let error): peers.withdraw(id, error)
        case .drain(let id): drain(id, connection)
        case .probe: hosted[settings.replica]?.probe { connection.send(.probeAnswered) }
        case .stop: stop(connection)
        case .ready, .initializationFailed, .drained, .probeAnswered:
            connection.close(because: "a replica's message to a replica")
        }
    }

    private func start(_ spec: DeploymentSpec, _ connection: PeerConnection) {
        // Unstructured: started by a message on an event loop; the process ends with it or after it.
        Task {
            do {
                hosted.add(try await HostedReplica.make(settings.replica, spec))
                connection.send(.ready)
            } catch {
                connection.send(.initializationFailed(message: "\(error)"))
            }
        }
    }

    private func drain(_ id: ReplicaID, _ connection: PeerConnection) {
        guard let replica = hosted[id] else { return connection.send(.drained(id)) }
        replica.drain { connection.send(.drained(id)) }
    }

    /// Exits when the answers that were given are on their way. The controller kills a process that takes long over it.
    private func stop(_ connection: PeerConnection) {
        let sent = (callers.withLock { Array($0.values) } + [connection]).map { $0.sent() }
        EventLoopFuture.andAllComplete(sent, on: connection.eventLoop).whenComplete { _ in
            fflush(nil)
            _exit(0)
        }
    }

    func closed(_ connection: PeerConnection, reason: String) {
        fflush(nil)
        _exit(0)
    }
}

private final class CallerDelegate: PeerDelegate {
    private let worker: WorkerProcess
    init(_ worker: WorkerProcess) {
        self.worker = worker
    }
    func received(_ hello: Hello, on connection: PeerConnection) {
        worker.greet(connection)
    }
    func received(_ message: ControlMessage, on connection: PeerConnection) {
        connection.close(because: "a control message from a process that is not the controller")
    }
    func closed(_ connection: PeerConnection, reason: String) {
        worker.forget(connection)
    }
}
