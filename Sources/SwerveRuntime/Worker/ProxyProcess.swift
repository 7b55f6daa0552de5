internal import Logging
internal import NIOCore
internal import NIOPosix
internal import SwerveActors
internal import SwerveController
internal import SwerveCore
internal import SwerveHTTP
internal import SwerveLogs
internal import SwerveSystem
internal import SwerveTracing
internal import SwerveTransport
internal import Synchronization

/// The life of a proxy's process: takes HTTP connections from the socket that it got as standard input, and passes their
/// requests to replicas.
final class ProxyProcess: PeerDelegate {
    private let settings: ProxySettings
    private let group: MultiThreadedEventLoopGroup
    private let system: ServeSystem
    private let hosted: HostedReplicas
    private let peers: Peers
    private let server: ProxyServer
    private let logger: Logger
    private let isStarting = Mutex(false)

    static func start(_ settings: ProxySettings) {
        if settings.logs.bootstraps { settings.logs.bootstrap() }
        var logger = Logger(label: "swerve.proxy")
        logger[metadataKey: "proxy"] = "\(settings.number)"
        do {
            let socket = try ListeningSocket(try Descriptors.takeStandardInput())
            ProxyProcess(settings, socket, logger).run()
        } catch {
            logger.error("the proxy cannot start", metadata: ["error": "\(error)"])
            ThisProcess.flushAndExit(1)
        }
    }

    private init(_ settings: ProxySettings, _ socket: ListeningSocket, _ logger: Logger) {
        self.settings = settings
        self.logger = logger
        group = MultiThreadedEventLoopGroup(numberOfThreads: settings.eventLoops)
        let loops = Array(group.makeIterator())
        let metrics = MetricFiles.make(
            WorkerFiles.metricsPath(ofProxy: settings.number, beside: settings.address),
            caller: "proxy",
            logger
        )
        system = ServeSystem(
            settings.instance,
            clock: loops[0],
            seed: .random(in: .min ... .max),
            metrics: metrics
        )
        shareQueues(of: system.pools, beside: settings.address, create: false, logger)
        let tracing = system.pools.tracing
        if let settings = settings.tracing { ProcessTracing.begin(settings, ofProxyIn: tracing, logger: logger) }
        let shared = SharedMemory(
            SharedMemoryLimits(totalBytes: settings.maxSharedBytes),
            processID: ThisProcess.id,
            clock: loops[0],
            logger: logger
        )
        hosted = HostedReplicas(system, memory: shared)
        peers = Peers(
            loops: loops,
            network: UnixSocketNetwork(),
            pools: system.pools,
            hosted: hosted,
            hello: Hello(replica: nil, processID: ThisProcess.id),
            logger: logger
        )
        server = ProxyServer(
            socket,
            settings.http,
            pools: system.pools,
            on: group,
            shared: hosted.memory,
            takes: true,
            logsRequests: settings.logs.accessLog,
            logger
        )
    }

    private func run() {
        peers.takeOverPools()
        UnixSocketNetwork().connect(to: settings.address, on: group.any(), delegate: self, hosted: hosted)
            .whenComplete { result in
                switch result {
                case .success(let connection):
                    connection.send(Hello(replica: ProxyFleet.process(self.settings.number), processID: ThisProcess.id))
                    self.system.pools.loads.report { connection.send(.load($0)) }
                case .failure(let error):
                    self.logger.error("the proxy cannot reach its instance", metadata: ["error": "\(error)"])
                    ThisProcess.flushAndExit(1)
                }
            }
        // Unstructured: runs as long as the process lives.
        let clock = LoopClock(group.any())
        Task { await IdleMemory.watch(clock) }
    }

    // MARK: The instance's messages

    func received(_ hello: Hello, on connection: PeerConnection) {}

    func received(_ message: ControlMessage, on connection: PeerConnection) {
        switch message {
        case .publish(let id, let replicas, let options): peers.publish(id, replicas, options)
        case .withdraw(let id, let error): peers.withdraw(id, error)
        case .routes(let routes):
            server.expose(routes)
            listen(connection)
        case .fence(let number): connection.send(.fenced(number))
        case .probe: answerProbe(connection)
        case .takeConnections(let takes): server.take(takes)
        case .announceDrain: server.announceDrain()
        case .drainConnections(let limit): drain(within: limit)
        default: connection.close(because: "unexpected control message: a proxy does not take this kind")
        }
    }

    /// Answers once every event loop has had its turn.
    private func answerProbe(_ connection: PeerConnection) {
        let turns = group.makeIterator().map { $0.submit {} }
        EventLoopFuture.andAllSucceed(turns, on: connection.eventLoop).whenSuccess { connection.send(.probeAnswered) }
    }

    private func listen(_ connection: PeerConnection) {
        let isFirst = isStarting.withLock { isStarting in
            defer { isStarting = true }
            return !isStarting
        }
        guard isFirst else { return }
        // Unstructured: ends with the start of the server.
        Task {
            do {
                try await server.start()
                connection.send(.ready)
            } catch {
                logger.error("the proxy cannot listen", metadata: ["error": "\(error)"])
                ThisProcess.flushAndExit(1)
            }
        }
    }

    private func drain(within limit: Duration) {
        // Unstructured: ends with the process.
        Task {
            await server.drain(within: limit)
            end()
        }
    }

    private func end() { ProcessTracing.end(in: system.pools.tracing) { ThisProcess.flushAndExit(0) } }

    /// Ends with the instance's process.
    func closed(_ connection: PeerConnection, reason: String) { end() }
}
