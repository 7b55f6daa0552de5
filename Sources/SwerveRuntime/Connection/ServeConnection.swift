public import Logging
internal import NIOCore
internal import NIOPosix
public import SwerveActors
internal import SwerveController
internal import SwerveCore
internal import SwerveSystem
public import SwerveTracing
internal import SwerveTransport
internal import Synchronization

/// A connection to an instance that another process of this machine runs, for typed handles of its deployments.
///
/// ```swift
/// let connection = try await Serve.connect()
/// let translator = try connection.applicationHandle("translator", as: Translator.self)
/// let text = try await translator.translate("hello")
/// ```
/// The two programs share the module that declares the deployments. Calls go to the replicas directly, and are queued,
/// balanced, cancelled and counted like those of the instance's own processes.
///
/// When the instance ends, or this process was stopped for longer than 5 seconds while replicas changed, the connection
/// is over: calls fail with code `unavailable`, and ``Serve/connect(processID:)`` makes another one.
public final class ServeConnection: Sendable {
    private let group: MultiThreadedEventLoopGroup
    private let system: ServeSystem
    private let peers: Peers
    private let state = Mutex(State())

    private struct State {
        var catalog: Catalog?
        var published: Set<DeploymentID> = []
        /// Why the connection is over.
        var end: ServeError?
        var link: PeerConnection?
        var waiting: CheckedContinuation<Void, any Error>?
    }

    private init(_ directory: InstanceDirectory.Running, _ tracing: TracingSettings?, _ logger: Logger) {
        group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = group.any()
        system = ServeSystem(directory.instance, clock: loop, seed: .random(in: .min ... .max))
        shareQueues(of: system.pools, beside: directory.clientsAddress, create: false, logger)
        if let tracing { ProcessTracing.begin(tracing, ofClientIn: system.pools.tracing, logger: logger) }
        let memory = SharedMemory(
            SharedMemoryLimits(totalBytes: ServeOptions().maxSharedBytes),
            processID: ThisProcess.id,
            clock: loop,
            logger: logger
        )
        peers = Peers(
            loops: [loop],
            network: UnixSocketNetwork(),
            pools: system.pools,
            hosted: HostedReplicas(system, memory: memory),
            hello: Hello(replica: nil, processID: ThisProcess.id),
            logger: logger
        )
    }

    static func open(
        _ directory: InstanceDirectory.Running,
        _ tracing: TracingSettings?,
        _ logger: Logger
    ) async throws -> ServeConnection {
        ProcessSignal.brokenPipe.ignore()
        let connection = ServeConnection(directory, tracing, logger)
        do {
            try await connection.begin(directory.clientsAddress)
        } catch {
            await connection.close()
            throw error
        }
        return connection
    }

    private func begin(_ address: String) async throws {
        peers.takeOverPools()
        let loop = group.any()
        let link: PeerConnection
        do {
            link = try await UnixSocketNetwork().connect(
                to: address,
                on: loop,
                delegate: Delegate(self),
                hosted: peers.hosted
            ).get()
        } catch {
            throw ServeError(.unavailable, "the instance cannot be reached at '\(address)': \(error)")
        }
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            state.withLock { state in
                state.link = link
                if let end = state.end { return continuation.resume(throwing: end) }
                if state.catalog != nil { return continuation.resume() }
                state.waiting = continuation
            }
            link.send(peers.hello)
            system.pools.loads.report { link.send(.load($0)) }
        }
    }

    /// The names of the applications that run, in order.
    public var applications: [String] { state.withLock { $0.catalog?.applications.keys.sorted() ?? [] } }

    /// The handle of an application's ingress.
    ///
    /// - Throws: ``ServeError`` with code `notFound` if there is no such application or its ingress has another type, and
    ///   `unavailable` if the connection is over.
    public func applicationHandle<D: Deployment>(_ name: String = "default", as type: D.Type) throws -> D {
        try handle(nil, name, type)
    }

    /// The handle of any deployment of an application.
    ///
    /// - Throws: ``ServeError`` with code `notFound` if there is no such deployment or it has another type, and
    ///   `unavailable` if the connection is over.
    public func deploymentHandle<D: Deployment>(
        _ deployment: String,
        application: String = "default",
        as type: D.Type
    ) throws -> D {
        try handle(deployment, application, type)
    }

    private func handle<D: Deployment>(_ deployment: String?, _ application: String, _ type: D.Type) throws -> D {
        let (catalog, end) = state.withLock { ($0.catalog, $0.end) }
        if let end { throw end }
        let known = catalog ?? Catalog([])
        return system.handle(type, try known.find(deployment, of: application, as: type))
    }

    /// Ends the connection. Calls that are under way may fail.
    public func close() async {
        state.withLock { $0.link }?.close(because: "the client closed the connection")
        ended("the connection was closed")
        await ProcessTracing.end(in: system.pools.tracing)
        try? await group.shutdownGracefully()
    }

    // MARK: What the instance says

    private func received(_ message: ControlMessage, on connection: PeerConnection) {
        switch message {
        case .publish(let id, let replicas, let options):
            state.withLock { _ = $0.published.insert(id) }
            peers.publish(id, replicas, options)
        case .withdraw(let id, let error): peers.withdraw(id, error)
        case .fence(let number): connection.send(.fenced(number))
        case .catalog(let catalog):
            let waiting = state.withLock { state in
                state.catalog = catalog
                return state.waiting.take()
            }
            waiting?.resume()
        default: connection.close(because: "unexpected control message: a client does not take this kind")
        }
    }

    private func ended(_ reason: String) {
        let end = ServeError(.unavailable, "the connection to the instance is over: \(reason)")
        let (published, waiting) = state.withLock {
            state -> (Set<DeploymentID>, CheckedContinuation<Void, any Error>?) in
            guard state.end == nil else { return ([], nil) }
            state.end = end
            return (state.published, state.waiting.take())
        }
        for id in published { peers.withdraw(id, end) }
        waiting?.resume(throwing: end)
    }

    private final class Delegate: PeerDelegate {
        private let connection: ServeConnection

        init(_ connection: ServeConnection) {
            self.connection = connection
        }

        func received(_ hello: Hello, on link: PeerConnection) {}
        func received(_ message: ControlMessage, on link: PeerConnection) { connection.received(message, on: link) }
        func closed(_ link: PeerConnection, reason: String) { connection.ended(reason) }
    }
}

extension Serve {
    /// Connects to an instance that another process of this user runs on this machine.
    ///
    /// - Parameters:
    ///   - processID: the process that runs it; `nil` for the only one.
    ///   - tracing: where the spans of calls go that begin in this process; none by default. The instance has its own
    ///     option, and its spans belong to the same traces.
    ///   - logger: for what goes wrong in the background.
    /// - Throws: ``ServeError`` with code `notFound` if no such instance runs, `invalidOptions` if there are several and
    ///   `processID` is `nil` or `tracing` is not valid, and `unavailable` if it cannot be reached or has too many clients.
    public static func connect(
        processID: Int32? = nil,
        tracing: TracingOptions? = nil,
        logger: Logger = Logger(label: "swerve.client")
    ) async throws -> ServeConnection {
        let found = InstanceDirectory.running().filter { processID == nil || $0.processID == processID }
        guard let directory = found.first else {
            let which = processID.map { "process \($0) runs none" } ?? "no process of this user runs one"
            throw ServeError(.notFound, "there is no instance to connect to: \(which)")
        }
        guard found.count == 1 else {
            let processes = found.map { "\($0.processID)" }.joined(separator: ", ")
            throw ServeError(.invalidOptions, "several instances run; choose one by its process ID: \(processes)")
        }
        return try await ServeConnection.open(directory, try TracingSettings(tracing), logger)
    }
}
