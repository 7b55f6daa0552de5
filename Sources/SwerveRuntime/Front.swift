internal import Logging
internal import NIOCore
internal import NIOPosix
internal import SwerveActors
internal import SwerveController
internal import SwerveCore
internal import SwerveHTTP
internal import SwerveLaunch
internal import SwerveLogs
internal import SwerveProxy
internal import SwerveSystem
internal import SwerveTracing
internal import SwerveTransport
internal import Synchronization

/// Where an instance's HTTP requests come in: the proxy of this process, or proxies in processes of their own. Direct
/// replicas take connections from the same socket; then the proxies leave new ones to them.
final class Front: Sendable {
    enum Kind: Sendable {
        case embedded(ProxyService)
        case processes(ProxyFleet)
    }

    let kind: Kind
    let settings: HTTPSettings
    private let options: ServeOptions
    private let clock: any EventLoop
    private let logs: LogStore
    private let state = Mutex(State())

    private struct State {
        var socket: ListeningSocket?
        /// Starts processes that get the socket.
        var processes: LocalProcessLauncher?
        /// `nil` before the proxy of this process listens.
        var door: ServerDoor?
        /// What was asked of the door before.
        var early: [@Sendable (ServerDoor) -> Void] = []
    }

    init(
        _ options: ServeOptions,
        _ pools: PoolTable,
        _ files: WorkerFiles,
        _ loops: [any EventLoop],
        _ logs: LogStore,
        clock: any EventLoop,
        tracing: TracingSettings? = nil,
        metricsEnd: @escaping @Sendable (String) -> Void
    ) {
        self.options = options
        self.clock = clock
        self.logs = logs
        let settings = HTTPSettings(options)
        self.settings = settings
        guard options.proxies > 0 else {
            let log = options.logs.accessLog ? AccessLog.written(by: options.logger) : nil
            kind = .embedded(ProxyService(pools: pools, loops: loops, log: log))
            return
        }
        let instance = pools.instance
        let share = max(1, (options.eventLoops ?? System.coreCount / 2) / options.proxies)
        let fleet = ProxyFleet(
            wanted: options.proxies,
            drainTimeout: options.drainTimeout,
            clock: clock,
            logger: options.logger,
            ended: { number in
                let path = WorkerFiles.metricsPath(ofProxy: number, beside: files.proxiesAddress)
                metricsEnd(path)
                try? FileSystem.remove(path)
            },
            settings: { number in
                ProxySettings(
                    instance: instance,
                    number: number,
                    address: files.proxiesAddress,
                    eventLoops: share,
                    maxSharedBytes: options.maxSharedBytes,
                    http: settings,
                    logs: logs.settings,
                    tracing: tracing
                )
            }
        )
        kind = .processes(fleet)
    }

    /// The processes; `nil` for the embedded proxy.
    var fleet: ProxyFleet? { if case .processes(let fleet) = kind { fleet } else { nil } }

    func expose(_ routes: [RouteEntry]) {
        switch kind {
        case .embedded(let proxy): proxy.expose(routes)
        case .processes(let fleet): fleet.expose(routes)
        }
    }

    /// Reports what the proxies and this process ask of deployments, as one process's load.
    func reportLoads(of pools: PoolTable, to receiver: @escaping LoadReporter.Receiver) {
        guard let fleet else { return pools.loads.report(to: receiver) }
        fleet.reportLoads(to: receiver)
        pools.loads.report { fleet.report($0) }
    }

    /// Whether the proxy of this process takes connections.
    var takesConnections: Bool { state.withLock { $0.door }?.isOpen ?? false }

    // MARK: The socket

    /// Opens the listening socket, unless it is open. Connections wait in its queue until somebody takes them.
    @discardableResult
    func open() throws -> ListeningSocket {
        try state.withLock { state in
            if let socket = state.socket { return socket }
            let socket = try ListeningSocket.open(host: options.host, port: options.port)
            do {
                state.processes = try LocalProcessLauncher(
                    standardInput: socket.descriptor,
                    output: logs.output { .replica($0) }
                )
            } catch {
                socket.close()
                throw error
            }
            state.socket = socket
            return socket
        }
    }

    func close() {
        let socket = state.withLock { state in
            state.processes = nil
            return state.socket.take()
        }
        socket?.stopListening()
        socket?.close()
    }

    /// Begins to take requests.
    ///
    /// - Parameter shared: where content lies that replicas in other processes read.
    func listen(_ shared: SharedMemory?, on group: any EventLoopGroup) async throws -> Listening {
        let logger = options.logger
        let socket = try open()
        let listening: Listening
        do {
            switch kind {
            case .embedded(let proxy):
                let server = try await HTTPServer.start(
                    at: .ownSocket(try socket.duplicate()),
                    group: group,
                    options: HTTPServerOptions(settings, shared),
                    service: proxy,
                    outOfDescriptors: {
                        logger.warning("connections cannot be accepted", metadata: ["reason": "\($0)"])
                    }
                )
                begin(ServerDoor(server, socket, isOpen: true))
                listening = .server(server, proxy, socket)
            case .processes(let fleet):
                try await fleet.begin(
                    try LocalProcessLauncher(
                        standardInput: socket.descriptor,
                        output: logs.output { .proxy($0.number) }
                    )
                )
                listening = .processes(fleet, socket)
            }
        } catch {
            close()
            throw error
        }
        logger.info("listening", metadata: ["host": "\(options.host)", "port": "\(listening.port)"])
        return listening
    }

    private func begin(_ door: ServerDoor) {
        let early = state.withLock { state in
            state.door = door
            defer { state.early = [] }
            return state.early
        }
        for change in early { change(door) }
    }

    /// Lets the open connections finish, also those of direct replicas; no more are taken.
    func end(_ listening: Listening, _ direct: WorkerLauncher, within limit: Duration) async {
        // The direct replicas take no more connections from now on; those that wait come here.
        direct.drainConnections(within: limit)
        switch listening {
        case .server(let server, let proxy, _):
            proxy.beginDraining()
            let door = state.withLock { $0.door }
            await withCheckedContinuation { continuation in
                if let door { door.whenSettled { continuation.resume() } } else { continuation.resume() }
            }
            await server.drain(deadline: limit, isLast: true) { close() }
        case .processes(let fleet, _): await fleet.end()
        }
        await direct.connectionsDrained()
        close()
    }
}

extension Front: DirectFront {
    var processes: (any ProcessLauncher)? { state.withLock { $0.processes } }

    func share(_ done: @escaping @Sendable () -> Void) {
        // Proxy processes share the socket anyway.
        guard case .embedded = kind else { return clock.execute(done) }
        change { $0.share(done) }
    }

    func take(_ takes: Bool) {
        if let fleet { return fleet.takeConnections(takes) }
        change { $0.take(takes) }
    }

    private func change(_ change: @escaping @Sendable (ServerDoor) -> Void) {
        let door = state.withLock { state in
            if state.door == nil { state.early.append(change) }
            return state.door
        }
        if let door { change(door) }
    }
}

/// A ``Front`` that takes requests.
enum Listening: Sendable {
    case server(HTTPServer, ProxyService, ListeningSocket)
    case processes(ProxyFleet, ListeningSocket)

    var port: Int {
        switch self {
        case .server(_, _, let socket), .processes(_, let socket): socket.port
        }
    }

    /// Makes `/-/healthz` answer 503 from now on.
    func announceDrain() {
        switch self {
        case .server(_, let proxy, _): proxy.beginDraining()
        case .processes(let fleet, _): fleet.announceDrain()
        }
    }
}

extension HTTPSettings {
    init(_ options: ServeOptions) {
        self.init(
            maxBodyBytes: options.maxBodyBytes,
            maxHeadBytes: options.maxHeadBytes,
            maxBufferedBytes: options.maxBufferedBytes,
            maxConnections: options.maxConnections,
            idleTimeout: options.idleTimeout,
            requestTimeout: options.requestTimeout
        )
    }
}

extension HTTPServerOptions {
    init(_ settings: HTTPSettings, _ shared: SharedMemory?) {
        self.init()
        if let shared { contentBuffer = { shared.buffer(capacity: $0) } }
        limits.maxBodyBytes = settings.maxBodyBytes
        limits.maxHeadBytes = settings.maxHeadBytes
        maxBufferedBytes = settings.maxBufferedBytes
        maxConnections = settings.maxConnections
        idleTimeout = settings.idleTimeout
        requestTimeout = settings.requestTimeout
    }
}
