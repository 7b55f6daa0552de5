package import Logging
internal import NIOCore
public import SwerveActors
internal import SwerveAdmin
internal import SwerveCheckpoint
internal import SwerveControl
internal import SwerveController
public import SwerveCore
package import SwerveLogs
internal import SwerveMetrics

/// An instance of Swerve: a controller, the applications that it runs, and a proxy that takes HTTP requests for them.
///
/// A process may have several, each with its own port and applications. Most programs need only the one in ``Serve``.
/// ```swift
/// let instance = ServeInstance(ServeOptions(port: 0))
/// let handle = try await instance.run(Translator.bind(), name: "translator", routePrefix: "/translate")
/// ...
/// await instance.shutdown()
/// ```
/// An instance starts with ``start()`` or the first ``run(_:name:routePrefix:cors:runtimeEnvironment:)``, ends with ``shutdown()``, and may
/// then start again. One that is never shut down runs until its process ends, even if nothing refers to it. Its handles work in every process of the instance, also as arguments of calls. A handle sent to a
/// replica of another instance in another process is refused there with code `invalidArgument`.
public actor ServeInstance {
    private(set) var options: ServeOptions
    /// The actor system of the instance's references in this process.
    nonisolated package let system: ServeSystem
    nonisolated let surroundings: Surroundings
    var running: InstanceParts?
    private(set) var adminServer: AdminServer?
    /// When it started, on its clock.
    private(set) var startedAt = MonotonicTime.zero
    /// The percentage that was set last.
    private(set) var targetCapacity: Int?
    /// The contents of working directories that were deployed, by the applications' names.
    private var folders: [String: Set<String>] = [:]
    /// What was deployed, for going back.
    private(set) var history = DeployHistory()
    /// Counts the changes of ``history``.
    private var historyVersion: UInt64 = 0
    private var listening: Listening?
    /// The next start continues the replica numbers of the last one.
    private var numbers = ReplicaNumbers()
    /// Status streams that were opened before the start.
    private var watchers: [AsyncStream<ServeStatus>.Continuation] = []
    private(set) var specs: [String: ApplicationSpec] = [:] {
        didSet { running?.clients.describe(Catalog(specs.values)) }
    }
    /// Whether a start or a shutdown is under way; there is only one at a time.
    private var isChanging = false
    private var waitingForChange: [CheckedContinuation<Void, Never>] = []
    package var logger: Logger { running?.logger ?? options.logger }
    /// Distinguishes the instance from others.
    nonisolated package var id: InstanceID { system.pools.instance }
    /// The controller; `nil` while the instance does not run.
    var controller: (any ControllerAccess)? { running?.controller }
    /// What its processes write; `nil` while the instance does not run.
    package var logs: LogStore? { running?.logs }
    /// What replicas can reserve, by the nodes' names.
    var nodes: [String: NodeResources] { options.nodes }

    /// An instance that does not run yet.
    public init(_ options: ServeOptions = ServeOptions()) {
        self.init(options, Surroundings())
    }

    package init(_ options: ServeOptions, _ surroundings: Surroundings) {
        self.options = options
        self.surroundings = surroundings
        var random = surroundings.random
        self.system = ServeSystem(
            InstanceID(rawValue: random.next()),
            clock: surroundings.clock,
            seed: random.next(),
            metrics: .ofInstance { [logger = options.logger] in logger.metricsOverflow($0) }
        )
    }

    /// The port that the HTTP proxy listens on; `nil` while the instance does not listen.
    public var port: Int? { listening?.port }

    // MARK: Start and end

    /// Starts the instance and its HTTP proxy, unless they already run.
    ///
    /// - Throws: ``ServeError`` with code `invalidOptions` if an option is out of range, `addressInUse` if the HTTP port is
    ///   taken, `system` if a call to the operating system fails.
    public func start() async throws {
        try await changing { _ = try await ensureRunning(takingRequests: true) }
    }

    /// The same with the given options, which are ignored if the instance already runs.
    func start(_ options: ServeOptions) async throws {
        try await changing {
            if running == nil { self.options = options }
            _ = try await ensureRunning(takingRequests: true)
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

    /// Deletes all applications and ends the instance, letting ongoing requests finish.
    public func shutdown() async {
        await changing { await end() }
    }

    private func end() async {
        for watcher in watchers { watcher.finish() }
        watchers = []
        guard let running else { return }
        numbers = await running.end(listening, options) { [adminServer] in await adminServer?.stop() }
        (listening, adminServer) = (nil, nil)
        (specs, history, folders) = ([:], DeployHistory(), [:])
        self.running = nil
    }

    // MARK: Applications

    /// Runs an application, or replaces the one that runs under `name`, and returns when its replicas take requests.
    ///
    /// Replacing keeps the replicas of deployments that did not change. The others change as their option `rollout` says:
    /// by default new replicas start first, and the old ones finish their requests once the new ones run.
    /// - Parameters:
    ///   - application: what `bind` returned; the deployments passed to it are part of the application.
    ///   - name: letters, digits, `_`, `-` and `.`.
    ///   - routePrefix: the path below which the application answers HTTP requests, if its ingress is an
    ///     ``HTTPIngress``; `nil` for none. Characters that a URL escapes may be written as they are: `/größe`.
    ///   - cors: which pages of other origins may call the application from a browser; none by default.
    ///   - runtimeEnvironment: what the replicas' processes run in; those of deployments come on top.
    /// - Returns: a handle of the ingress deployment.
    /// - Throws: ``ServeError`` with code `invalidOptions`, `addressInUse`, or `startFailed` with the message of the
    ///   initialiser that kept failing; what resolving a ``ResolvedAtDeploy`` value throws. In all cases an application
    ///   that already ran under the name keeps running.
    @discardableResult
    public func run<D: Deployment>(
        _ application: D,
        name: String = "default",
        routePrefix: String? = "/",
        cors: CORS? = nil,
        runtimeEnvironment: RuntimeEnvironment? = nil
    ) async throws -> D {
        let spec = try await spec(
            of: application,
            name: name,
            routePrefix: routePrefix,
            cors: cors,
            runtimeEnvironment: runtimeEnvironment
        )
        try await deploy(spec)
        return system.handle(D.self, DeploymentID(application: name, deployment: spec.ingress))
    }

    /// Runs an application of another program, whose executable is kept: see ``deploy(_:)``.
    package func deploy(_ spec: ApplicationSpec) async throws {
        let running = try await changing { try await ensureRunning(takingRequests: spec.routePrefix != nil) }
        try await deploy(spec, on: running)
    }

    /// The executables of other programs, and who asks them. Starts the instance, unless it runs.
    func programs() async throws -> InstanceParts.Programs {
        try await changing { try await ensureRunning(takingRequests: false) }.programs
    }

    private func deploy(
        _ spec: ApplicationSpec,
        from source: DeployHistory.Source? = nil,
        on running: InstanceParts
    ) async throws {
        let spec = try await prepared(spec, in: running.programs.folders)
        // Also of a deploy that fails: the controller may go on trying.
        folders[spec.name, default: []].formUnion(spec.workingDirectories)
        try await running.controller.deploy(spec)
        await running.settle()
        specs[spec.name] = spec
        history.add(spec, source, at: wallTime)
        await store(spec.name, running)
        folders[spec.name] = spec.workingDirectories
        await removeFolders(running)
    }

    /// Stores what ``history`` knows of an application, and keeps what going back needs.
    private func store(_ name: String, _ running: InstanceParts) async {
        historyVersion += 1
        do {
            try running.programs.executables.spare(buildsToSpare(running))
            try await running.deploys?.save(name, history.record(of: name), version: historyVersion)
        } catch {
            // It runs all the same.
            logger.error("the history of deploys cannot be stored", metadata: ["reason": "\(error.message)"])
        }
    }

    /// Removes the working directories that nothing needs any more.
    private func removeFolders(_ running: InstanceParts) async {
        var needed = running.restoredFolders.union(history.workingDirectories)
        for digests in folders.values { needed.formUnion(digests) }
        await Self.remove(from: running.programs.folders, except: needed)
    }

    /// Gives the controller a specification and returns; the status tells how it goes on.
    ///
    /// - Parameter source: the configuration that says so.
    /// - Throws: what the controller refuses at once.
    func beginDeploy(_ spec: ApplicationSpec, from source: DeployHistory.Source?) async throws {
        let running = try await changing { try await ensureRunning(takingRequests: spec.routePrefix != nil) }
        let spec = try await prepared(spec, in: running.programs.folders)
        _ = try await running.controller.plan(spec)
        history.accept(spec.name, source)
        await store(spec.name, running)
        // Unstructured: goes on when the caller has its answer. Immediate: the controller has the order by then.
        Task.immediate { try? await deploy(spec, from: source, on: running) }
    }

    /// Tells the controller to delete an application and returns; the status tells how it goes on.
    func beginDelete(_ name: String) async {
        if let running, history.sources[name] != nil {
            history.accept(name, nil)
            await store(name, running)
        }
        // As above.
        Task.immediate { try? await delete(name) }
    }

    /// The present time of day, in nanoseconds since 1970.
    private var wallTime: Int64 { AdminJSON.Moment.now(surroundings.clock).wall }

    /// The present time on the instance's clock.
    var now: MonotonicTime { MonotonicTime(nanoseconds: Int64(clamping: surroundings.clock.now.uptimeNanoseconds)) }

    /// Starts what does not run yet. A new instance that cannot listen is ended, so that the next start may have other
    /// options.
    private func ensureRunning(takingRequests takesRequests: Bool) async throws -> InstanceParts {
        if let running {
            if takesRequests, listening == nil { listening = try await running.listen() }
            return running
        }
        let new = try InstanceParts.start(options, system, surroundings, numbers)
        running = new
        specs = new.restored
        (startedAt, targetCapacity) = (now, new.restoredCapacity)
        history.restore(new.restoredDeploys, running: new.restored, at: wallTime)
        for watcher in watchers { new.controller.watch(watcher) }
        watchers = []
        do {
            if takesRequests || new.restored.values.contains(where: { $0.routePrefix != nil }) {
                listening = try await new.listen()
            }
            if let options = options.admin {
                adminServer = try await new.startAdmin(options, for: self, surroundings.clock, logger)
            }
        } catch {
            await end()
            throw error
        }
        return new
    }

    /// Deletes an application: calls through its handles fail from now on, and its ongoing requests finish. Returns
    /// when it is gone.
    ///
    /// - Throws: ``ServeError`` with code `notFound`.
    public func delete(_ name: String) async throws {
        guard let running else { throw ServeError(.notFound, "no application '\(name)' runs") }
        try await running.controller.delete(name)
        await running.settle()
        specs[name] = nil
        history.remove(name)
        await store(name, running)
        folders[name] = nil
        await removeFolders(running)
    }

    /// Changes the number of replicas of a deployment, until its application is run again. Returns at once; replicas
    /// start and stop afterwards: see ``statusUpdates()``. The policy of an autoscaled deployment goes on from this
    /// number, and does not go below it before ``Autoscaling/downscaleDelay`` is over.
    ///
    /// - Throws: ``ServeError`` with code `notFound` if there is no such deployment, `invalidOptions` for a number
    ///   outside 0 to ``DeploymentOptions/maximumReplicas`` or the bounds of an autoscaled deployment,
    ///   `insufficientResources` if so many replicas could never run together, and `startFailed` if the deployment could
    ///   not be started and waits for another deploy.
    public func scale(_ deployment: String, application: String = "default", to numReplicas: Int) async throws {
        guard let running else { throw ServeError(.notFound, "no application '\(application)' runs") }
        let id = DeploymentID(application: application, deployment: deployment)
        try await running.controller.scale(id, to: numReplicas, by: .user)
    }

    /// Sets which percentage of its replicas each autoscaled deployment has, for example while another instance takes
    /// over: the bounds of its ``Autoscaling`` become this share, at least 1 unless 0 %. Deployments with a fixed
    /// number of replicas keep it.
    ///
    /// - Parameter percent: from 0 to 100; `nil`, as at the start, for the bounds as they are.
    /// - Throws: ``ServeError`` with code `invalidOptions` for another number, and `notRunning` before the start.
    public func setTargetCapacity(_ percent: Int?) async throws {
        guard let running else { throw ServeError(.notRunning, "the instance does not run") }
        try await running.controller.setTargetCapacity(percent)
        targetCapacity = percent
    }

    /// The process of a separate controller; `nil` if the controller is embedded, or while another one is starting.
    public var controllerProcessID: Int32? { running?.controller.processID }

    /// The direct replicas that take new HTTP connections, in the order of their starts, and whether the embedded proxy
    /// does; for tests.
    package var takers: (replicas: [ReplicaID], proxy: Bool) { running?.takers ?? ([], false) }

    /// The processes that take HTTP requests, in the order of their starts; none if the proxy is embedded.
    public func proxies() -> [ProxyStatus] { running?.fleet?.status ?? [] }

    /// Replaces the proxy processes by new ones, one at a time, and returns when the old ones are gone.
    ///
    /// No new connection is lost. An old proxy answers the requests that it has, and the next one of a connection that
    /// sends it within a second; then the connection is closed. What is left after ``ServeOptions/drainTimeout`` is cut.
    /// - Throws: ``ServeError`` with code `notRunning` if there are no proxy processes, and `startFailed` if new ones keep
    ///   ending before they serve; the old ones stay then.
    public func replaceProxies() async throws {
        guard let fleet = running?.fleet else {
            throw ServeError(.notRunning, "there are no proxy processes: see the option proxies")
        }
        try await fleet.replaceAll()
    }

    /// The status of everything that runs.
    public func status() async -> ServeStatus {
        await running?.controller.status() ?? ServeStatus(applications: [:])
    }

    /// ``status()`` now and after each change, until the instance is shut down. A slow reader gets only the latest.
    public func statusUpdates() -> AsyncStream<ServeStatus> {
        let (updates, watcher) = AsyncStream.makeStream(of: ServeStatus.self, bufferingPolicy: .bufferingNewest(1))
        if let running {
            running.controller.watch(watcher)
        } else {
            let status = ServeStatus(applications: [:])
            // Streams that were dropped meanwhile are forgotten.
            watchers.removeAll { if case .terminated = $0.yield(status) { true } else { false } }
            watcher.yield(status)
            watchers.append(watcher)
        }
        return updates
    }
}
