internal import Dispatch
internal import Logging
internal import NIOCore
internal import NIOPosix
internal import SwerveActors
internal import SwerveController
internal import SwerveCore
internal import SwerveReplica
internal import SwerveTransport

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// The entry point of a replica's process. It runs instead of `main` when `SWERVE_WORKER` is set.
@_cdecl("swerve_worker_main")
public func swerveWorkerMain() {
    guard let text = getenv(WorkerSettings.variable).map({ String(cString: $0) }),
        let settings = WorkerSettings(text)
    else {
        let message = "swerve: \(WorkerSettings.variable) is set but does not hold worker settings\n"
        _ = message.withCString { write(STDERR_FILENO, $0, strlen($0)) }
        exit(64)
    }
    // Processes that user code starts must not become workers.
    unsetenv(WorkerSettings.variable)
    // A handler, unlike SIG_IGN, is not inherited by programs that user code starts.
    signal(SIGPIPE) { _ in }
    // Must be set before the first use of the group: one event loop serves one replica's connections.
    NIOSingletons.groupLoopCountSuggestion = 1
    IdleMemory.limitHeaps()
    Watchdog.start(parent: getppid())
    WorkerProcess.start(settings)
    // Runs the main actor.
    dispatchMain()
}

/// Runs a ``Worker`` in its own process.
enum WorkerProcess {
    static func start(_ settings: WorkerSettings) {
        var logger = Logger(label: "swerve.replica")
        logger[metadataKey: "replica"] = "\(settings.replica)"
        let loop = MultiThreadedEventLoopGroup.singleton.any()
        let system = ServeSystem(settings.instance, clock: loop, seed: .random(in: .min ... .max))
        let environment = WorkerEnvironment(
            processID: getpid(),
            loop: loop,
            network: UnixSocketNetwork(),
            system: system,
            factory: ReplicaFactory(system, isAlone: true),
            board: board(settings, logger),
            logger: logger,
            exit: { status in
                fflush(nil)
                _exit(status)
            }
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
            exit(1)
        }
        worker.run()
        // Unstructured: runs as long as the process lives.
        Task { await IdleMemory.watch(LoopClock(loop)) }
    }

    // Written once, before the process does anything else.
    nonisolated(unsafe) private static var listener: PeerListener?

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

    static func start(parent: pid_t) {
        var thread = pthread_t()
        let context = Unmanaged.passRetained(Parent(pid: parent)).toOpaque()
        _ = pthread_create(
            &thread,
            nil,
            { context in
                let parent = context.map { Unmanaged<Parent>.fromOpaque($0).takeRetainedValue().pid } ?? 0
                while getppid() == parent { sleep(1) }
                sleep(UInt32(Watchdog.patience - 1))
                _exit(0)
            },
            context
        )
    }

    private final class Parent {
        let pid: pid_t
        init(pid: pid_t) {
            self.pid = pid
        }
    }
}
