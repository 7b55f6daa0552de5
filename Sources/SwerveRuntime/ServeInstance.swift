internal import Logging
internal import NIOCore
internal import NIOPosix
internal import SwerveActors
internal import SwerveCore
internal import SwerveHTTP
internal import SwerveLaunch
internal import SwerveTransport
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// The parts of an instance and their life: controller, peers, HTTP server.
actor ServeInstance {
    static let shared = ServeInstance()

    private struct Running {
        let options: ServeOptions
        let group: MultiThreadedEventLoopGroup
        let directory: InstanceDirectory
        let listener: PeerListener
        let controller: Controller
        let loop: Task<Void, Never>
        let memory: Task<Void, Never>
        let proxy: ProxyService
    }

    private var running: Running?
    private var server: HTTPServer?
    private var specs: [String: ApplicationSpec] = [:]
    /// One start, and one shutdown, at a time.
    private var isChanging = false
    private var waitingForChange: [CheckedContinuation<Void, Never>] = []
    private(set) var logger = Logger(label: "swerve")

    var port: Int? { server?.localAddress.port }

    // MARK: Start and end

    func start(_ options: ServeOptions) async throws {
        try await changing {
            _ = try await ensureRunning(options, listening: true)
        }
    }

    /// Runs `work` while no other start or shutdown is under way.
    private func changing<Result>(_ work: () async throws -> Result) async rethrows -> Result {
        while isChanging {
            await withCheckedContinuation { waitingForChange.append($0) }
        }
        isChanging = true
        defer {
            isChanging = false
            let waiting = waitingForChange
            waitingForChange = []
            for caller in waiting { caller.resume() }
        }
        return try await work()
    }

    private func begin(_ options: ServeOptions) async throws -> Running {
        logger = options.logger
        signal(SIGPIPE, SIG_IGN)
        IdleMemory.limitHeaps()
        let group = MultiThreadedEventLoopGroup(numberOfThreads: options.eventLoops ?? max(1, System.coreCount / 2))
        let directory = try InstanceDirectory()
        let hosted = HostedReplicas()
        let loops = Array(group.makeIterator())
        let pools = ServeSystem.current.pools
        let peers = Peers(
            loops: loops,
            network: UnixSocketNetwork(),
            pools: pools,
            hosted: hosted,
            hello: Hello(replica: nil, processID: processID()),
            logger: logger
        )
        peers.takeOverPools()
        let proxy = ProxyService(pools: pools, loops: loops)
        let files = WorkerFiles(directory: directory.path)
        let workers = WorkerLauncher(
            processes: try LocalProcessLauncher(),
            peers: peers,
            clock: loops[0],
            files: files,
            logger: logger
        )
        let here = InProcessLauncher(
            factory: ReplicaFactory(isAlone: false),
            hosted: hosted,
            address: files.controllerAddress,
            processID: processID()
        )
        let controller = Controller(
            clock: loops[0],
            launcher: PlacementLauncher(inProcess: here, processes: workers),
            peers: peers,
            logger: logger,
            exposeRoutes: { proxy.expose($0) }
        )
        let listener = try UnixSocketNetwork.listen(
            at: files.controllerAddress,
            on: group,
            delegate: workers,
            hosted: hosted
        )
        // Unstructured: the controller's loop lives as long as the instance, and `shutdown` waits for it.
        let loop = Task { await controller.run() }
        // Unstructured: until `end` cancels it.
        let memory = Task { await IdleMemory.watch(.continuous) }
        return Running(
            options: options,
            group: group,
            directory: directory,
            listener: listener,
            controller: controller,
            loop: loop,
            memory: memory,
            proxy: proxy
        )
    }

    private func startServer() async throws {
        guard let running else { return }
        var options = HTTPServerOptions()
        options.limits.maxBodyBytes = running.options.maxBodyBytes
        options.limits.maxHeadBytes = running.options.maxHeadBytes
        options.maxBufferedBytes = running.options.maxBufferedBytes
        options.maxConnections = running.options.maxConnections
        options.idleTimeout = running.options.idleTimeout
        options.requestTimeout = running.options.requestTimeout
        let logger = logger
        server = try await HTTPServer.start(
            host: running.options.host,
            port: running.options.port,
            group: running.group,
            options: options,
            service: running.proxy,
            outOfDescriptors: { logger.warning("connections cannot be accepted", metadata: ["reason": "\($0)"]) }
        )
        logger.info(
            "listening",
            metadata: ["host": "\(running.options.host)", "port": "\(server?.localAddress.port ?? 0)"]
        )
    }

    func shutdown() async {
        await changing { await end() }
    }

    private func end() async {
        guard let running else { return }
        running.proxy.beginDraining()
        await server?.drain(deadline: running.options.drainTimeout)
        await running.controller.shutdown()
        await running.loop.value
        running.memory.cancel()
        running.listener.stop()
        running.directory.removeAll()
        try? await running.group.shutdownGracefully()
        server = nil
        specs = [:]
        self.running = nil
    }

    // MARK: Applications

    func run<D: Deployment>(_ application: D, name: String, routePrefix: String?) async throws -> D {
        let spec = try ApplicationBuilder.build(application, name: name, routePrefix: routePrefix)
        let running = try await changing {
            try await ensureRunning(ServeOptions(), listening: spec.routePrefix != nil)
        }
        try await running.controller.deploy(spec)
        specs[name] = spec
        return ServeSystem.handle(D.self, DeploymentID(application: name, deployment: spec.ingress))
    }

    /// An instance that cannot listen from the start is ended, so that the next start may have other options.
    private func ensureRunning(_ options: ServeOptions, listening: Bool) async throws -> Running {
        if let running {
            if listening, server == nil { try await startServer() }
            return running
        }
        let new = try await begin(options)
        running = new
        do {
            if listening { try await startServer() }
        } catch {
            await end()
            throw error
        }
        return new
    }

    func delete(_ name: String) async throws {
        guard let running else { throw ServeError(.notFound, "no application '\(name)' runs") }
        try await running.controller.delete(name)
        specs[name] = nil
    }

    func status() async -> ServeStatus {
        await running?.controller.status() ?? ServeStatus(applications: [:])
    }

    func handle<D: Deployment>(application: String, deployment: String?, as type: D.Type) throws -> D {
        guard let spec = specs[application] else {
            let known = specs.keys.sorted().joined(separator: ", ")
            throw ServeError(
                .notFound,
                "no application '\(application)' runs; there is: \(known.isEmpty ? "none" : known)"
            )
        }
        let name = deployment ?? spec.ingress
        guard let found = spec.deployments.first(where: { $0.id.deployment == name }) else {
            let known = spec.deployments.map(\.id.deployment).sorted().joined(separator: ", ")
            throw ServeError(
                .notFound,
                "the application '\(application)' has no deployment '\(name)'; it has: \(known)"
            )
        }
        guard _typeByName(found.typeName) == type else {
            throw ServeError(.notFound, "the deployment \(found.id) is not a \(type)", deployment: found.id)
        }
        return ServeSystem.handle(type, found.id)
    }
}
