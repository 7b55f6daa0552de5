internal import ServiceLifecycle
public import SwerveActors
public import SwerveCore
internal import UnixSignals

/// The instance of Swerve that a program has without asking for one, ``instance``.
///
/// ```swift
/// let handle = try await Serve.run(Translator.bind(), name: "translator", routePrefix: "/translate")
/// let text = try await handle.translate("hello")
/// ```
/// The instance starts with the first call and ends with ``shutdown()``.
public enum Serve {
    public static let instance = ServeInstance()

    /// Starts the instance with other options than the default ones. Nothing happens when it runs with options already.
    ///
    /// - Throws: as ``ServeInstance/start()``.
    public static func start(_ options: ServeOptions = ServeOptions()) async throws {
        try await instance.start(options)
    }

    /// Runs an application, or replaces the one that runs under `name`: see ``ServeInstance/run(_:name:routePrefix:)``.
    @discardableResult
    public static func run<D: Deployment>(
        _ application: D,
        name: String = "default",
        routePrefix: String? = "/"
    ) async throws -> D {
        try await instance.run(application, name: name, routePrefix: routePrefix)
    }

    /// Ends an application: its handles fail from now on, its ongoing requests finish. Returns when it is gone.
    ///
    /// - Throws: ``ServeError`` with code `notFound`.
    public static func delete(_ name: String) async throws {
        try await instance.delete(name)
    }

    /// Runs a deployment with another number of replicas: see ``ServeInstance/scale(_:application:to:)``.
    public static func scale(_ deployment: String, application: String = "default", to numReplicas: Int) async throws {
        try await instance.scale(deployment, application: application, to: numReplicas)
    }

    /// What runs, and how it is.
    public static func status() async -> ServeStatus {
        await instance.status()
    }

    /// ``status()`` now and after each change, until the instance is shut down. A reader that is slow gets the latest.
    public static func statusUpdates() async -> AsyncStream<ServeStatus> {
        await instance.statusUpdates()
    }

    /// The handle of an application's ingress.
    ///
    /// - Throws: ``ServeError`` with code `notFound` when there is no such application or its ingress has another type.
    public static func applicationHandle<D: Deployment>(_ name: String = "default", as type: D.Type) async throws -> D {
        try await instance.applicationHandle(name, as: type)
    }

    /// The handle of any deployment of an application.
    ///
    /// - Throws: ``ServeError`` with code `notFound` when there is no such deployment or it has another type.
    public static func deploymentHandle<D: Deployment>(
        _ deployment: String,
        application: String = "default",
        as type: D.Type
    ) async throws -> D {
        try await instance.deploymentHandle(deployment, application: application, as: type)
    }

    /// The port that the HTTP proxy listens on; `nil` while no application has HTTP routes.
    public static var port: Int? {
        get async { await instance.port }
    }

    /// Ends all applications and the instance, letting ongoing requests finish.
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
    /// ``ServeOptions/drainTimeout``.
    public func waitForShutdownSignal() async throws {
        let group = ServiceGroup(
            configuration: .init(
                services: [ShutdownService(instance: self)],
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

    func run() async throws {
        try await gracefulShutdown()
        await instance.shutdown()
    }
}
