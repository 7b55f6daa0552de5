internal import Logging
internal import NIOCore
internal import NIOPosix
internal import SwerveActors
internal import SwerveCheckpoint
internal import SwerveControl
internal import SwerveController
internal import SwerveCore
internal import SwerveHTTP
internal import SwerveLaunch
internal import SwerveProxy
internal import SwerveReplica
internal import SwerveSystem
internal import SwerveTransport

/// What an instance consists of while it runs, put together and taken apart.
struct InstanceParts {
    let controller: any ControllerAccess
    private let group: MultiThreadedEventLoopGroup
    private let directory: InstanceDirectory
    private let listeners: [PeerListener]
    private let control: Control
    private let memory: Task<Void, Never>
    private let proxy: ProxyService
    private let state: StateDirectory?
    /// The applications that an earlier instance with the same state directory left, by name.
    let restored: [String: ApplicationSpec]

    static func start(
        _ options: ServeOptions,
        _ system: ServeSystem,
        _ surroundings: Surroundings,
        _ numbers: ReplicaNumbers
    ) throws -> InstanceParts {
        try options.validate()
        ProcessSignal.brokenPipe.ignore()
        IdleMemory.limitHeaps()
        let kept = try KeptGoal(options, numbers)
        let directory = try InstanceDirectory()
        let group = MultiThreadedEventLoopGroup(numberOfThreads: options.eventLoops ?? max(1, System.coreCount / 2))
        do {
            return try assemble(options, system, surroundings, kept, directory, group)
        } catch {
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
        _ directory: InstanceDirectory,
        _ group: MultiThreadedEventLoopGroup
    ) throws -> InstanceParts {
        let hosted = HostedReplicas(system)
        let loops = Array(group.makeIterator())
        let clock = surroundings.clock
        let peers = Peers(
            loops: loops,
            network: UnixSocketNetwork(),
            pools: system.pools,
            hosted: hosted,
            hello: Hello(replica: nil, processID: ThisProcess.id),
            logger: options.logger
        )
        peers.takeOverPools()
        let proxy = ProxyService(pools: system.pools, loops: loops)
        let files = WorkerFiles(of: system.pools.instance, directory: directory.path)
        let workers = WorkerLauncher(
            processes: try LocalProcessLauncher(),
            peers: peers,
            clock: clock,
            files: files,
            kept: kept.executable,
            logger: options.logger
        )
        let here = InProcessLauncher(
            factory: ReplicaFactory(system, isAlone: false),
            hosted: hosted,
            address: files.controllerAddress,
            processID: ThisProcess.id
        )
        let workerListener = try UnixSocketNetwork.listen(
            at: files.controllerAddress,
            on: group,
            delegate: workers,
            hosted: hosted
        )
        let control = try Control.begin(
            options,
            surroundings.launcher(PlacementLauncher(inProcess: here, processes: workers)),
            peers,
            proxy,
            kept,
            Control.Place(
                directory: directory,
                group: group,
                hosted: hosted,
                clock: clock,
                listener: workerListener,
                patience: surroundings.patience
            )
        )
        return InstanceParts(
            controller: control.access,
            group: group,
            directory: directory,
            listeners: [workerListener] + control.listeners,
            control: control,
            // Unstructured: runs until `end` cancels it.
            memory: Task { await IdleMemory.watch(LoopClock(clock)) },
            proxy: proxy,
            state: kept.directory,
            restored: kept.goal.applications.filter { !$0.value.isDeleting }.mapValues(\.spec)
        )
    }

    func startServer(_ options: ServeOptions) async throws -> HTTPServer {
        var settings = HTTPServerOptions()
        settings.limits.maxBodyBytes = options.maxBodyBytes
        settings.limits.maxHeadBytes = options.maxHeadBytes
        settings.maxBufferedBytes = options.maxBufferedBytes
        settings.maxConnections = options.maxConnections
        settings.idleTimeout = options.idleTimeout
        settings.requestTimeout = options.requestTimeout
        let logger = options.logger
        let server = try await HTTPServer.start(
            host: options.host,
            port: options.port,
            group: group,
            options: settings,
            service: proxy,
            outOfDescriptors: { logger.warning("connections cannot be accepted", metadata: ["reason": "\($0)"]) }
        )
        logger.info("listening", metadata: ["host": "\(options.host)", "port": "\(server.localAddress.port ?? 0)"])
        return server
    }

    /// - Returns: the numbers for the replicas of the next start.
    func end(_ server: HTTPServer?, drainTimeout: Duration) async -> ReplicaNumbers {
        let clock = LoopClock(group.any())
        let end = clock.now.advanced(by: drainTimeout)
        proxy.beginDraining()
        await server?.drain(deadline: drainTimeout)
        // Requests between replicas have what is left of the time.
        let numbers = await control.end(within: max(.zero, clock.now.duration(to: end)))
        memory.cancel()
        for listener in listeners { listener.stop() }
        directory.removeAll()
        try? await group.shutdownGracefully()
        state?.release()
        return numbers
    }
}
