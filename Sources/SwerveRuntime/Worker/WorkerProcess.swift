internal import Dispatch
internal import Logging
internal import NIOCore
internal import NIOPosix
internal import SwerveActors
internal import SwerveController
internal import SwerveCore
internal import SwerveHTTP
internal import SwerveLogs
internal import SwerveReplica
internal import SwerveSystem
internal import SwerveTracing
internal import SwerveTransport

/// The life of a process of a replica, a proxy or a separate controller; called in the place of `main` when
/// `SWERVE_WORKER` is set.
@_cdecl("swerve_worker_main")
public func swerveWorkerMain() {
    let text = ThisProcess.environmentVariable(WorkerSettings.variable) ?? ""
    let (worker, controller, proxy) = (WorkerSettings(text), ControllerSettings(text), ProxySettings(text))
    guard worker != nil || controller != nil || proxy != nil else {
        StandardError.write("swerve: \(WorkerSettings.variable) is set but holds no worker settings\n")
        ThisProcess.exit(64)
    }
    // Processes that user code starts must not become workers.
    ThisProcess.removeEnvironmentVariable(WorkerSettings.variable)
    ProcessSignal.brokenPipe.discard()
    do throws(ServeError) {
        try worker?.limitThisProcess()
    } catch {
        StandardError.write("swerve: \(error.message)\n")
        ThisProcess.exit(1)
    }
    // Before anybody asks for the group: one event loop serves one replica's connections.
    NIOSingletons.groupLoopCountSuggestion = 1
    IdleMemory.limitHeaps()
    // A pipe is no terminal, but what user code prints should be seen at once.
    ThisProcess.writeLinesAtOnce()
    Watchdog.start(parent: ThisProcess.parentID)
    if let worker { WorkerProcess.start(worker) }
    if let controller { ControllerProcess.start(controller) }
    if let proxy { ProxyProcess.start(proxy) }
    // Runs the main actor.
    dispatchMain()
}

/// Runs a ``Worker`` in its own process.
enum WorkerProcess {
    static func start(_ settings: WorkerSettings) {
        ServeLogging.hosts(settings.replica)
        // Unless it is left to the application's code.
        if settings.logs.bootstraps { settings.logs.bootstrap() }
        var logger = Logger(label: "swerve.replica")
        logger[metadataKey: "replica"] = "\(settings.replica)"
        let loop = MultiThreadedEventLoopGroup.singleton.any()
        let metrics = MetricFiles.make(
            WorkerFiles.metricsPath(beside: settings.address),
            caller: "\(settings.replica.deployment)",
            replica: settings.replica,
            logger
        )
        if settings.bootstrapsMetrics { UserMetrics.bootstrap(for: (settings.replica, metrics)) }
        let system = ServeSystem(settings.instance, clock: loop, seed: .random(in: .min ... .max), metrics: metrics)
        shareQueues(of: system.pools, beside: settings.controllerAddress, create: false, logger)
        let tracing = system.pools.tracing
        if let settings = settings.tracing { ProcessTracing.begin(settings, ofReplicaIn: tracing, logger: logger) }
        let server = settings.http.map { makeServer(system.pools, $0, settings.logs, loop, logger) }
        let environment = WorkerEnvironment(
            processID: ThisProcess.id,
            loop: loop,
            network: UnixSocketNetwork(),
            system: system,
            factory: ReplicaFactory(system, isAlone: true),
            memory: SharedMemory(
                // Mappings of the peers' memory would count as the replica's own.
                SharedMemoryLimits(totalBytes: settings.memory > 0 ? 0 : settings.maxSharedBytes),
                processID: ThisProcess.id,
                clock: loop,
                logger: logger
            ),
            board: board(settings, logger),
            server: server,
            logger: logger,
            exit: { status in ProcessTracing.end(in: tracing) { ThisProcess.flushAndExit(status) } }
        )
        let worker = Worker(settings, environment)
        do {
            // Kept, so that it listens as long as the process lives.
            listener = try UnixSocketNetwork.listen(
                at: settings.address,
                on: loop,
                delegate: worker.callerDelegate,
                hosted: worker.hosted
            )
        } catch {
            logger.error("the replica cannot listen", metadata: ["error": "\(error)"])
            ThisProcess.exit(1)
        }
        worker.run()
        // Unstructured: runs as long as the process lives.
        Task { await IdleMemory.watch(LoopClock(loop)) }
    }

    // Written once, before the process does anything else.
    nonisolated(unsafe) private static var listener: SocketAcceptor?

    /// The server of a direct replica.
    private static func makeServer(
        _ pools: PoolTable,
        _ settings: HTTPSettings,
        _ logs: LogSettings,
        _ loop: any EventLoop,
        _ logger: Logger
    ) -> ProxyServer {
        do {
            let socket = try ListeningSocket(try Descriptors.takeStandardInput())
            return ProxyServer(
                socket,
                settings,
                pools: pools,
                on: loop,
                shared: nil,
                takes: false,
                logsRequests: logs.accessLog,
                logger
            )
        } catch {
            logger.error("the replica has no socket to take connections from", metadata: ["error": "\(error)"])
            ThisProcess.exit(1)
        }
    }

    private static func board(_ settings: WorkerSettings, _ logger: Logger) -> (String, SharedBoard)? {
        do {
            return (settings.boardPath, try SharedBoard(path: settings.boardPath, create: true))
        } catch {
            logger.warning("no shared board", metadata: ["error": "\(error)"])
            return nil
        }
    }
}

/// Ends a worker whose instance is gone, independently of the event loop: a loop blocked by user code does not notice
/// that the connection to the controller has ended.
enum Watchdog {
    /// How long a worker may outlive the process that started it: 5 seconds.
    static let patience = 5

    static func start(parent: Int32) {
        // Without the thread, the end of the connection to the controller still ends the worker.
        try? SystemThread.start {
            while ThisProcess.parentID == parent { SystemThread.sleep(seconds: 1) }
            SystemThread.sleep(seconds: patience - 1)
            ThisProcess.exitAtOnce(0)
        }
    }
}
