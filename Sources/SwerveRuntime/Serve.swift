internal import ServiceLifecycle
public import SwerveActors
public import SwerveCore
internal import UnixSignals

/// Starts, names and ends applications in this process's instance of Swerve.
///
/// ```swift
/// let handle = try await Serve.run(Translator.bind(), name: "translator", routePrefix: "/translate")
/// let text = try await handle.translate("hello")
/// ```
/// The instance starts with the first call and ends with ``shutdown()``.
public enum Serve {
    /// Starts the instance with other options than the default ones. Nothing happens when it runs with options already.
    ///
    /// - Throws: ``ServeError`` with code `addressInUse` when the HTTP port is taken, `system` when the operating system
    ///   refuses something.
    public static func start(_ options: ServeOptions = ServeOptions()) async throws {
        try await ServeInstance.shared.start(options)
    }

    /// Runs an application, or replaces the one that runs under `name`, and returns when its replicas take requests.
    ///
    /// Replacing keeps the replicas of deployments that did not change; for the others new replicas start first, and the
    /// old ones finish their requests when the new ones run.
    /// - Parameters:
    ///   - application: what `bind` returned; the deployments passed to it are part of the application.
    ///   - name: letters, digits, `_`, `-` and `.`.
    ///   - routePrefix: the path below which the application answers HTTP requests, if its ingress is an
    ///     ``HTTPIngress``; `nil` for none.
    /// - Returns: a handle of the ingress deployment.
    /// - Throws: ``ServeError`` with code `invalidOptions`, `addressInUse`, or `startFailed` with the message of the
    ///   initialiser that failed again and again. The application that ran under the name before, if any, goes on then.
    @discardableResult
    public static func run<D: Deployment>(
        _ application: D,
        name: String = "default",
        routePrefix: String? = "/"
    ) async throws -> D {
        try await ServeInstance.shared.run(application, name: name, routePrefix: routePrefix)
    }

    /// Ends an application: its handles fail from now on, its ongoing requests finish. Returns when it is gone.
    ///
    /// - Throws: ``ServeError`` with code `notFound`.
    public static func delete(_ name: String) async throws {
        try await ServeInstance.shared.delete(name)
    }

    public static func status() async -> ServeStatus {
        await ServeInstance.shared.status()
    }

    /// The handle of an application's ingress.
    ///
    /// - Throws: ``ServeError`` with code `notFound` when there is no such application or its ingress has another type.
    public static func applicationHandle<D: Deployment>(_ name: String = "default", as type: D.Type) async throws -> D {
        try await ServeInstance.shared.handle(application: name, deployment: nil, as: type)
    }

    /// The handle of any deployment of an application.
    ///
    /// - Throws: ``ServeError`` with code `notFound` when there is no such deployment or it has another type.
    public static func deploymentHandle<D: Deployment>(
        _ deployment: String,
        application: String = "default",
        as type: D.Type
    ) async throws -> D {
        try await ServeInstance.shared.handle(application: application, deployment: deployment, as: type)
    }

    /// The port that the HTTP proxy listens on; `nil` while no application has HTTP routes.
    public static var port: Int? {
        get async { await ServeInstance.shared.port }
    }

    /// Ends all applications and the instance, letting ongoing requests finish.
    public static func shutdown() async {
        await ServeInstance.shared.shutdown()
    }

    /// Waits for SIGTERM or SIGINT, then shuts down: no new connections, ongoing requests finish within
    /// ``ServeOptions/drainTimeout``.
    public static func waitForShutdownSignal() async throws {
        let group = ServiceGroup(
            configuration: .init(
                services: [ShutdownService()],
                gracefulShutdownSignals: [.sigterm, .sigint],
                logger: await ServeInstance.shared.logger
            )
        )
        try await group.run()
    }
}

/// Ends the instance when its service group shuts down.
private struct ShutdownService: Service {
    func run() async throws {
        try await gracefulShutdown()
        await Serve.shutdown()
    }
}
