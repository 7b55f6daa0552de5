internal import NIOCore
package import SwerveActors
package import SwerveCore

/// Creates the replicas that a process hosts: finds the actor's type by name, decodes the initialiser's arguments and
/// runs the initialiser.
package struct ReplicaFactory: Sendable {
    private let system: ServeSystem
    /// Whether the process hosts only one replica.
    private let isAlone: Bool
    /// Where initialisers and requests run; `nil` is the Swift pool.
    private let executor: (any TaskExecutor)?

    package init(_ system: ServeSystem, isAlone: Bool, executor: (any TaskExecutor)? = nil) {
        self.system = system
        self.isAlone = isAlone
        self.executor = executor
    }

    /// Starts to create a replica.
    ///
    /// - Parameters:
    ///   - gpus: the devices that it holds.
    ///   - done: called once, on any thread, with the replica or the error that creating it threw.
    /// - Returns: the initialiser's task. Cancel it when the replica is no longer wanted.
    package func make(
        _ id: ReplicaID,
        _ spec: DeploymentSpec,
        gpus: [String] = [],
        done: @escaping @Sendable (Result<HostedReplica, any Error>) -> Void
    ) -> Task<Void, Never> {
        // Unstructured: an initialiser may run for as long as its process does.
        Task(executorPreference: executor) {
            do {
                let context = ReplicaContext(replica: id, options: spec.options, gpus: gpus)
                done(.success(try await make(context, spec)))
            } catch {
                done(.failure(error))
            }
        }
    }

    private func make(_ context: ReplicaContext, _ spec: DeploymentSpec) async throws -> HostedReplica {
        guard let type = _typeByName(spec.typeName) as? any Deployment.Type else {
            throw ServeError(
                .startFailed,
                "no deployment type is named '\(spec.typeName)' in this executable; it must not be private, nor declared "
                    + "in a function, and replicas must be built from the same sources",
                deployment: spec.id
            )
        }
        let working = isAlone ? nil : WorkingReplica(context.replica, in: system.pools.metrics)
        return try await WorkingReplica.with(working) { try await make(type, context, spec, working) }
    }

    private func make<D: Deployment>(
        _ type: D.Type,
        _ context: ReplicaContext,
        _ spec: DeploymentSpec,
        _ working: WorkingReplica?
    ) async throws -> HostedReplica {
        let reader = BinaryReader(.init(bytes: spec.arguments), system: system)
        let arguments = try reader.nextRegion(D.InitArguments.self)
        let making = ServeSystem.Making(context.replica, of: system)
        defer { making.end() }
        let actor = try await ServeSystem.$making.withValue(making) {
            try await ReplicaContext.$current.withValue(context) {
                try await D._make(arguments, actorSystem: system)
            }
        }
        let replica = HostedReplica(
            id: context.replica,
            actor: actor,
            limit: spec.options.maxOngoingRequests,
            execution: execution(of: spec.options),
            working: working,
            compression: spec.options.compression,
            requestDecoding: spec.options.requestDecoding,
            checkTimeout: spec.options.healthCheckTimeout,
            metrics: ReplicaMetrics(context.replica, in: system.pools.metrics, clock: system.clock)
        )
        do { try await replica.reconfigure(spec) } catch { throw phase("reconfigure", error, spec) }
        do { try await replica.checkHealth() } catch { throw phase("checkHealth()", error, spec) }
        return replica
    }

    private func phase(_ name: String, _ error: any Error, _ spec: DeploymentSpec) -> ServeError {
        ServeError(.startFailed, "\(name) failed: \(error)", deployment: spec.id)
    }

    private func execution(of options: DeploymentOptions) -> HostedReplica.Execution {
        if options.execution == .eventLoop { return .eventLoop }
        return isAlone && executor == nil ? .learned : .pool(executor)
    }
}
