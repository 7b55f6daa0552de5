public import SwerveActors
internal import SwerveControl
internal import SwerveController
public import SwerveCore

extension ServeInstance {
    /// What ``run(_:name:routePrefix:cors:runtimeEnvironment:)`` with these arguments would change now, without changing it.
    ///
    /// ```swift
    /// print(try await instance.plan(Detector.bind().userConfig(.init(threshold: 0.4))))
    /// // default/Detector: reconfigure (userConfig); in place, 1 of 2 replicas at a time
    /// ```
    /// Values that are resolved at a deploy, such as models by name, are resolved, which may load files.
    ///
    /// - Throws: what ``run(_:name:routePrefix:cors:runtimeEnvironment:)`` would throw before it changes something.
    public func plan<D: Deployment>(
        _ application: D,
        name: String = "default",
        routePrefix: String? = "/",
        cors: CORS? = nil,
        runtimeEnvironment: RuntimeEnvironment? = nil
    ) async throws -> DeployPlan {
        let spec = try await spec(
            of: application,
            name: name,
            routePrefix: routePrefix,
            cors: cors,
            runtimeEnvironment: runtimeEnvironment
        )
        return try await plan(spec)
    }

    /// - Parameter leaving: applications that are deleted before the deploy.
    package func plan(_ spec: ApplicationSpec, without leaving: Set<String> = []) async throws -> DeployPlan {
        let spec = try await prepared(spec, in: nil)
        guard let controller else { return try ControllerState(nodes: nodes).plan(spec) }
        return try await controller.plan(spec, without: leaving)
    }

    func spec<D: Deployment>(
        of application: D,
        name: String,
        routePrefix: String?,
        cors: CORS?,
        runtimeEnvironment: RuntimeEnvironment?
    ) async throws -> ApplicationSpec {
        try await ApplicationBuilder.build(
            application,
            of: system.pools.instance,
            name: name,
            routePrefix: routePrefix,
            cors: cors,
            environment: runtimeEnvironment,
            placement: surroundings.placement
        )
    }
}

extension Serve {
    /// What ``run(_:name:routePrefix:cors:runtimeEnvironment:)`` would change now: see ``ServeInstance/plan(_:name:routePrefix:cors:runtimeEnvironment:)``.
    public static func plan<D: Deployment>(
        _ application: D,
        name: String = "default",
        routePrefix: String? = "/",
        cors: CORS? = nil,
        runtimeEnvironment: RuntimeEnvironment? = nil
    ) async throws -> DeployPlan {
        try await instance.plan(
            application,
            name: name,
            routePrefix: routePrefix,
            cors: cors,
            runtimeEnvironment: runtimeEnvironment
        )
    }
}
