internal import ServiceLifecycle
public import SwerveActors
public import SwerveCore
internal import UnixSignals

/// The default instance of Swerve in a program, ``instance``.
///
/// ```swift
/// let handle = try await Serve.run(Translator.bind(), name: "translator", routePrefix: "/translate")
/// let text = try await handle.translate("hello")
/// ```
/// The instance starts with the first call and ends with ``shutdown()``.
public enum Serve {
    public static let instance = ServeInstance()

    /// Starts the instance with the given options. If the instance already runs, it keeps its options.
    ///
    /// - Throws: like ``ServeInstance/start()``.
    public static func start(_ options: ServeOptions = ServeOptions()) async throws {
        try await instance.start(options)
    }

    /// Runs an application, or replaces the one that runs under `name`: see ``ServeInstance/run(_:name:routePrefix:cors:runtimeEnvironment:)``.
    @discardableResult
    public static func run<D: Deployment>(
        _ application: D,
        name: String = "default",
        routePrefix: String? = "/",
        cors: CORS? = nil,
        runtimeEnvironment: RuntimeEnvironment? = nil
    ) async throws -> D {
        try await instance.run(
            application,
            name: name,
            routePrefix: routePrefix,
            cors: cors,
            runtimeEnvironment: runtimeEnvironment
        )
    }

    /// Runs an application of another program: see ``ServeInstance/deploy(_:)``.
    public static func deploy(_ program: ProgramApplication) async throws {
        try await instance.deploy(program)
    }

    /// Deletes an application: calls through its handles fail from now on, and its ongoing requests finish. Returns
    /// when it is gone.
    ///
    /// - Throws: ``ServeError`` with code `notFound`.
    public static func delete(_ name: String) async throws {
        try await instance.delete(name)
    }

    /// Changes the number of replicas of a deployment: see ``ServeInstance/scale(_:application:to:)``.
    public static func scale(_ deployment: String, application: String = "default", to numReplicas: Int) async throws {
        try await instance.scale(deployment, application: application, to: numReplicas)
    }

    /// Sets which percentage of its replicas each autoscaled deployment has: see
    /// ``ServeInstance/setTargetCapacity(_:)``.
    public static func setTargetCapacity(_ percent: Int?) async throws {
        try await instance.setTargetCapacity(percent)
    }

    /// The processes that take HTTP requests: see ``ServeInstance/proxies()``.
    public static func proxies() async -> [ProxyStatus] {
        await instance.proxies()
    }

    /// Replaces the proxy processes by new ones without losing a new connection: see
    /// ``ServeInstance/replaceProxies()``.
    public static func replaceProxies() async throws {
        try await instance.replaceProxies()
    }

    /// The status of everything that runs.
    public static func status() async -> ServeStatus {
        await instance.status()
    }

    /// ``status()`` now and after each change, until the instance is shut down. A slow reader gets only the latest.
    public static func statusUpdates() async -> AsyncStream<ServeStatus> {
        await instance.statusUpdates()
    }

    /// The handle of an application's ingress.
    ///
    /// - Throws: ``ServeError`` with code `notFound` if there is no such application or its ingress has another type.
    public static func applicationHandle<D: Deployment>(_ name: String = "default", as type: D.Type) async throws -> D {
        try await instance.applicationHandle(name, as: type)
    }

    /// The handle of any deployment of an application.
    ///
    /// - Throws: ``ServeError`` with code `notFound` if there is no such deployment or it has another type.
    public static func deploymentHandle<D: Deployment>(
        _ deployment: String,
        application: String = "default",
        as type: D.Type
    ) async throws -> D {
        try await instance.deploymentHandle(deployment, application: application, as: type)
    }

    /// The port that the HTTP proxy listens on; `nil` while the instance does not listen.
    public static var port: Int? {
        get async { await instance.port }
    }

    /// Deletes all applications and ends the instance, letting ongoing requests finish.
    public static func shutdown() async {
        await instance.shutdown()
    }

    /// Waits for SIGTERM or SIGINT, then shuts down: see ``ServeInstance/waitForShutdownSignal()``.
    public static func waitForShutdownSignal() async throws {
        try await instance.waitForShutdownSignal()
    }
}

extension ServeInstance {
    /// Waits for SIGTERM or SIGINT, then shuts down: no new connections, ongoing requests finish within
    /// ``ServeOptions/drainTimeout``. Returns, too, when the instance was shut down by something else, such as the admin
    /// server.
    public func waitForShutdownSignal() async throws {
        let service = ShutdownService(instance: self, updates: statusUpdates())
        let group = ServiceGroup(
            configuration: .init(
                services: [.init(service: service, successTerminationBehavior: .gracefullyShutdownGroup)],
                gracefulShutdownSignals: [.sigterm, .sigint],
                logger: logger
            )
        )
        try await group.run()
    }
}

/// Ends the instance when its service group shuts down.
private struct ShutdownService: Service {
    let instance: ServeInstance
    /// Ends with the instance.
    let updates: AsyncStream<ServeStatus>

    func run() async throws {
        await cancelWhenGracefulShutdown { for await _ in updates {} }
        await instance.shutdown()
    }
}
