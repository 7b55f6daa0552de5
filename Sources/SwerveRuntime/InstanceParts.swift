internal import Logging
internal import NIOCore
internal import NIOPosix
internal import SwerveActors
internal import SwerveAdmin
internal import SwerveCheckpoint
internal import SwerveControl
internal import SwerveController
internal import SwerveCore
internal import SwerveEnvironments
internal import SwerveLaunch
internal import SwerveLogs
internal import SwerveMetrics
internal import SwerveProxy
internal import SwerveReplica
internal import SwerveSystem
internal import SwerveTracing
internal import SwerveTransport

/// What an instance consists of while it runs, put together and taken apart.
struct InstanceParts {
    /// The executables of other programs and the working directories that are kept, and who asks programs for their
    /// applications.
    struct Programs: Sendable {
        let executables: KeptExecutables
        let folders: KeptFolders
        let reader: ProgramReader
    }

    let controller: any ControllerAccess
    private let group: MultiThreadedEventLoopGroup
    private let directory: InstanceDirectory
    private let listeners: [SocketAcceptor]
    private let control: Control
    private let memory: Task<Void, Never>
    let metrics: InstanceMetrics
    private let sampler: Task<Void, Never>
    private let front: Front
    /// The processes outside of the instance that call its deployments.
    let clients: ConnectedClients
    private let workers: WorkerLauncher
    private let shared: SharedMemory?
    private let state: StateDirectory?
    /// What the processes write.
    let logs: LogStore
    /// The instance's logger, whose lines are kept, too.
    let logger: Logger
    private let tracing: TracingSlot
    /// For the applications of other programs.
    let programs: Programs
    /// The applications that an earlier instance with the same state directory left, by name.
    let restored: [String: ApplicationSpec]
    /// The working directories that the applications which it left may need.
    let restoredFolders: Set<String>
    /// What it had deployed, by the applications' names, and where changes of that are stored.
    let restoredDeploys: [String: DeployRecord]
    let deploys: SQLiteDeployStore?
    /// The target capacity that it left.
    let restoredCapacity: Int?

    static func start(
        _ options: ServeOptions,
        _ system: ServeSystem,
        _ surroundings: Surroundings,
        _ numbers: ReplicaNumbers
    ) throws -> InstanceParts {
        try options.validate()
        ProcessSignal.brokenPipe.ignore()
        IdleMemory.limitHeaps()
        let logs = try LogStore.of(options)
        var options = options
        options.logger = logs.keeping(options.logger)
        let kept = try KeptGoal(options, numbers)
        let directory = try InstanceDirectory()
        let group = MultiThreadedEventLoopGroup(numberOfThreads: options.eventLoops ?? max(1, System.coreCount / 2))
        let tracing = try options.tracingSettings()
        if let tracing { ProcessTracing.begin(tracing, ofInstanceIn: system.pools.tracing, logger: options.logger) }
        do {
            return try assemble(options, system, surroundings, kept, logs, directory, group, tracing)
        } catch {
            ProcessTracing.end(in: system.pools.tracing) {}
            kept.directory?.release()
            directory.removeAll()
            group.shutdownGracefully { _ in }
            throw error
        }
    }

    private static func assemble(
        _ options: ServeOptions,
        _ system: ServeSystem,
        _ surroundings: Surroundings,
        _ kept: KeptGoal,
        _ logs: LogStore,
        _ directory: InstanceDirectory,
        _ group: MultiThreadedEventLoopGroup,
        _ tracing: TracingSettings?
    ) throws -> InstanceParts {
        let loops = Array(group.makeIterator())
        let clock = surroundings.clock
        let shared = SharedMemory(
            SharedMemoryLimits(totalBytes: options.maxSharedBytes),
            processID: ThisProcess.id,
            clock: clock,
            logger: options.logger
        )
        let hosted = HostedReplicas(system, memory: shared)
        let peers = Peers(
            loops: loops,
            network: UnixSocketNetwork(),
            pools: system.pools,
            hosted: hosted,
            hello: Hello(replica: nil, processID: ThisProcess.id),
            logger: options.logger
        )
        peers.takeOverPools()
        let database = kept.directory?.database ?? "\(directory.path)/state.sqlite"
        let executables = KeptGoal.executables(beside: database)
        let folders = KeptGoal.folders(beside: database)
        let restoredFolders = kept.restoredDeploys.values.reduce(into: kept.goal.workingDirectories) { needed, record in
            for revision in record.revisions { needed.formUnion(revision.spec.workingDirectories) }
        }
        folders.removeAll(except: restoredFolders, isStart: true)
        let files = WorkerFiles(
            of: system.pools.instance,
            directory: directory.path,
            maxSharedBytes: options.maxSharedBytes,
            bootstrapsMetrics: options.bootstrapsMetrics,
            logs: LogSettings(options.logs),
            tracing: tracing
        )
        if options.bootstrapsMetrics { UserMetrics.bootstrap() }
        let collector = MetricsCollector(system.pools.metrics, directory: directory.path, clock: clock)
        let metrics = InstanceMetrics(collector, clock: clock)
        shareQueues(of: system.pools, beside: files.controllerAddress, create: true, options.logger)
        let front = Front(options, system.pools, files, loops, logs, clock: clock, tracing: tracing) {
            collector.ended($0)
        }
        let workers = WorkerLauncher(
            processes: try LocalProcessLauncher(output: logs.output { .replica($0) }),
            front: front,
            peers: peers,
            clock: clock,
            files: files,
            kept: { executables.path(of: $0) },
            metricsEnd: { collector.ended($0) },
            folder: { folders.path(of: $0) },
            logger: options.logger
        )
        let here = InProcessLauncher(
            factory: ReplicaFactory(system, isAlone: false),
            hosted: hosted,
            address: files.controllerAddress,
            processID: ThisProcess.id
        )
        func listen(at path: String, _ delegate: any PeerDelegate) throws -> SocketAcceptor {
            try UnixSocketNetwork.listen(at: path, on: group, delegate: delegate, hosted: hosted)
        }
        var listeners = [try listen(at: files.controllerAddress, workers)]
        let clients = ConnectedClients(clock: clock, logger: options.logger)
        listeners.append(try listen(at: files.clientsAddress, clients))
        var callers: [any CallerGroup] = [clients]
        if let fleet = front.fleet {
            listeners.append(try listen(at: files.proxiesAddress, fleet))
            callers.append(fleet)
        }
        let restored = kept.goal.applications.filter { !$0.value.isDeleting }.mapValues(\.spec)
        // The controller starts what was running at once; direct replicas need the socket.
        if restored.values.contains(where: \.hasDirectIngress) { try front.open() }
        let control: Control
        do {
            control = try Control.begin(
                options,
                MeteredLauncher(
                    surroundings.launcher(
                        PlacementLauncher(inProcess: here, processes: workers, callers: callers)
                    ),
                    system.pools.metrics.registry,
                    clock: clock
                ),
                peers,
                kept,
                Control.Place(
                    directory: directory,
                    group: group,
                    hosted: hosted,
                    clock: clock,
                    listeners: listeners,
                    front: front,
                    clients: clients,
                    workers: workers,
                    logs: logs,
                    patience: surroundings.patience
                )
            )
        } catch {
            front.close()
            throw error
        }
        if options.showsMetrics, case .embedded(let proxy) = front.kind {
            proxy.show { [access = control.access] accept in
                let format = MetricsEncoder.Format(accept: accept)
                return (format.contentType, metrics.text(format, await access.status(), [], isListening: true))
            }
        }
        return InstanceParts(
            controller: control.access,
            group: group,
            directory: directory,
            listeners: listeners + control.listeners,
            control: control,
            // Unstructured: runs until `end` cancels it.
            memory: Task { await IdleMemory.watch(LoopClock(clock)) },
            metrics: metrics,
            // Unstructured: runs until `end` cancels it.
            sampler: Task { await metrics.watch(control.access) },
            front: front,
            clients: clients,
            workers: workers,
            shared: shared,
            state: kept.directory,
            logs: logs,
            logger: options.logger,
            tracing: system.pools.tracing,
            programs: Programs(
                executables: executables,
                folders: folders,
                reader: ProgramReader(in: directory.path, for: system.pools.instance, clock: clock)
            ),
            restored: restored,
            restoredFolders: restoredFolders,
            restoredDeploys: kept.restoredDeploys,
            deploys: kept.deploys,
            restoredCapacity: kept.goal.targetCapacity
        )
    }

    /// The processes that take HTTP requests; `nil` for the embedded proxy.
    var fleet: ProxyFleet? { front.fleet }

    func startAdmin(
        _ options: AdminOptions,
        for instance: ServeInstance,
        _ clock: any EventLoop,
        _ logger: Logger
    ) async throws -> AdminServer {
        try await AdminServer.start(
            options,
            InstanceAdmin(instance),
            .system(LoopClock(clock)),
            on: group,
            logger: logger
        )
    }

    func listen() async throws -> Listening { try await front.listen(shared, on: group) }

    /// Returns when requests that come from now on meet the routes that were exposed before.
    func settle() async {
        if let fleet {
            await withCheckedContinuation { continuation in fleet.afterCallersKnow { continuation.resume() } }
        }
        await withCheckedContinuation { continuation in workers.afterDirectReplicasKnow { continuation.resume() } }
    }

    /// The direct replicas that take connections, in order, and whether the embedded proxy does.
    var takers: (replicas: [ReplicaID], proxy: Bool) { (workers.takingConnections, front.takesConnections) }

    /// - Parameter watched: called when nothing more happens in the instance, before its event loops end.
    /// - Returns: the numbers for the replicas of the next start.
    func end(
        _ listening: Listening?,
        _ options: ServeOptions,
        watched: () async -> Void
    ) async -> ReplicaNumbers {
        let clock = LoopClock(group.any())
        if let listening, options.drainDelay > .zero {
            listening.announceDrain()
            workers.announceDrain()
            try? await clock.sleep(for: options.drainDelay)
        }
        let end = clock.now.advanced(by: options.drainTimeout)
        if let listening { await front.end(listening, workers, within: options.drainTimeout) } else { front.close() }
        // Requests between replicas have what is left of the time.
        let numbers = await control.end(within: max(.zero, clock.now.duration(to: end)))
        await logs.end()
        await watched()
        await ProcessTracing.end(in: tracing)
        memory.cancel()
        sampler.cancel()
        for listener in listeners { listener.stop() }
        directory.removeAll()
        try? await group.shutdownGracefully()
        state?.release()
        return numbers
    }
}

extension ApplicationSpec {
    /// Whether its replicas take HTTP connections themselves.
    fileprivate var hasDirectIngress: Bool { deployments.contains(where: \.options.directIngress) }
}
