internal import Logging
internal import NIOCore
internal import NIOPosix
internal import SwerveActors
internal import SwerveController
internal import SwerveCore
internal import SwerveHTTP
internal import SwerveLaunch
internal import SwerveProxy
internal import SwerveTransport

/// Where an instance's HTTP requests come in: the proxy of this process, or proxies in processes of their own.
enum Front: Sendable {
    case embedded(ProxyService)
    case processes(ProxyFleet)

    init(
        _ options: ServeOptions,
        _ pools: PoolTable,
        _ files: WorkerFiles,
        _ loops: [any EventLoop],
        clock: any EventLoop
    ) {
        guard options.proxies > 0 else {
            self = .embedded(ProxyService(pools: pools, loops: loops))
            return
        }
        let instance = pools.instance
        let share = max(1, (options.eventLoops ?? System.coreCount / 2) / options.proxies)
        self = .processes(
            ProxyFleet(
                wanted: options.proxies,
                drainTimeout: options.drainTimeout,
                clock: clock,
                logger: options.logger,
                settings: { number in
                    ProxySettings(
                        instance: instance,
                        number: number,
                        address: files.proxiesAddress,
                        eventLoops: share,
                        maxBodyBytes: options.maxBodyBytes,
                        maxHeadBytes: options.maxHeadBytes,
                        maxBufferedBytes: options.maxBufferedBytes,
                        maxConnections: options.maxConnections,
                        maxSharedBytes: options.maxSharedBytes,
                        idleTimeout: options.idleTimeout,
                        requestTimeout: options.requestTimeout
                    )
                }
            )
        )
    }

    /// The processes; `nil` for the embedded proxy.
    var fleet: ProxyFleet? { if case .processes(let fleet) = self { fleet } else { nil } }

    func expose(_ routes: [RouteEntry]) {
        switch self {
        case .embedded(let proxy): proxy.expose(routes)
        case .processes(let fleet): fleet.expose(routes)
        }
    }

    /// Returns when requests that come from now on meet the routes that were exposed before.
    func settle() async {
        guard let fleet else { return }
        await withCheckedContinuation { continuation in
            fleet.afterCallersKnow { continuation.resume() }
        }
    }

    /// Reports what the proxies and this process ask of deployments, as one process's load.
    func reportLoads(of pools: PoolTable, to receiver: @escaping LoadReporter.Receiver) {
        guard let fleet else { return pools.loads.report(to: receiver) }
        fleet.reportLoads(to: receiver)
        pools.loads.report { fleet.report($0) }
    }

    /// Begins to take requests.
    ///
    /// - Parameter shared: where content lies that replicas in other processes read.
    func listen(_ options: ServeOptions, _ shared: SharedMemory?, on group: any EventLoopGroup) async throws
        -> Listening
    {
        let logger = options.logger
        let listening: Listening
        switch self {
        case .embedded(let proxy):
            let server = try await HTTPServer.start(
                at: .address(host: options.host, port: options.port),
                group: group,
                options: HTTPServerOptions(options, shared),
                service: proxy,
                outOfDescriptors: { logger.warning("connections cannot be accepted", metadata: ["reason": "\($0)"]) }
            )
            listening = .server(server, proxy)
        case .processes(let fleet):
            let socket = try ListeningSocket.open(host: options.host, port: options.port)
            do {
                try await fleet.begin(LocalProcessLauncher(standardInput: socket.descriptor))
            } catch {
                socket.close()
                throw error
            }
            listening = .socket(socket, fleet)
        }
        logger.info("listening", metadata: ["host": "\(options.host)", "port": "\(listening.port ?? 0)"])
        return listening
    }
}

/// A ``Front`` that takes requests.
enum Listening: Sendable {
    case server(HTTPServer, ProxyService)
    case socket(ListeningSocket, ProxyFleet)

    var port: Int? {
        switch self {
        case .server(let server, _): server.localAddress?.port
        case .socket(let socket, _): socket.port
        }
    }

    /// Makes `/-/healthz` answer 503 from now on.
    func announceDrain() {
        switch self {
        case .server(_, let proxy): proxy.beginDraining()
        case .socket(_, let fleet): fleet.announceDrain()
        }
    }

    /// Takes no more connections, and returns when the open ones are finished or cut.
    func end(within limit: Duration) async {
        switch self {
        case .server(let server, let proxy):
            proxy.beginDraining()
            await server.drain(deadline: limit)
        case .socket(let socket, let fleet):
            await fleet.end()
            socket.close()
        }
    }
}

extension HTTPServerOptions {
    init(_ options: ServeOptions, _ shared: SharedMemory?) {
        self.init()
        if let shared { contentBuffer = { shared.buffer(capacity: $0) } }
        limits.maxBodyBytes = options.maxBodyBytes
        limits.maxHeadBytes = options.maxHeadBytes
        maxBufferedBytes = options.maxBufferedBytes
        maxConnections = options.maxConnections
        idleTimeout = options.idleTimeout
        requestTimeout = options.requestTimeout
    }
}
