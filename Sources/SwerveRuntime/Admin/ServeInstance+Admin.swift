internal import SwerveAdmin
internal import SwerveCheckpoint
internal import SwerveController
internal import SwerveCore
internal import SwerveHTTPTypes
internal import SwerveSystem
internal import SwerveTransport

extension ServeInstance {
    /// The address of the dashboard and the REST API, such as `http://127.0.0.1:8265`; `nil` while there is no admin
    /// server.
    public var adminURL: String? {
        adminServer.map { server in
            let host = server.host.contains(":") ? "[\(server.host)]" : server.host
            return "http://\(host):\(server.port)"
        }
    }

    /// The port that the admin server listens on; `nil` while there is none.
    public var adminPort: Int? { adminServer?.port }

    /// The file with the token that changes through the admin server need; `nil` while there is none.
    public var adminTokenFile: String? { adminServer?.tokenFile }

    func facts() -> InstanceFacts {
        let moment = AdminJSON.Moment.now(surroundings.clock)
        return InstanceFacts(
            at: moment,
            startedAt: startedAt,
            processID: ThisProcess.id,
            build: "\(BuildID.own)",
            controller: InstanceFacts.Controller(
                placement: "\(options.controller)",
                processID: options.controller == .embedded ? ThisProcess.id : controllerProcessID
            ),
            http: port.map { InstanceFacts.Address(host: options.host, port: $0) },
            proxies: proxies(),
            nodes: nodes,
            targetCapacity: targetCapacity,
            stateDirectory: options.stateDirectory,
            deployedAt: history.lastDeploys.mapValues(moment.monotonic(_:))
        )
    }

    func revisions(of application: String) throws -> [DeployedRevision] {
        let entries = history.entries(of: application)
        guard let present = entries.first else { throw AdminError.notFound("no application '\(application)' runs") }
        let moment = AdminJSON.Moment.now(surroundings.clock)
        return entries.map { entry in
            DeployedRevision(
                revision: entry.revision,
                deployedAt: moment.monotonic(entry.deployedAt),
                isCurrent: entry.revision == present.revision,
                deployments: entry.spec.deployments.map(\.id.deployment)
            )
        }
    }

    /// The builds whose copies going back may need. Where nothing outlives the instance, there is none of its own build.
    func buildsToSpare(_ running: InstanceParts) -> [String] {
        running.deploys == nil ? history.builds.filter { $0 != "\(BuildID.own)" } : history.builds
    }

    /// What going back would change now, and what would be deployed.
    func planOfRollback(
        _ application: String,
        to revision: Int?
    ) async throws -> (plan: DeployPlan, entry: DeployHistory.Entry) {
        guard let running else { throw ServeError(.notRunning, "the instance does not run") }
        let entry = try history.entry(of: application, revision)
        for deployment in entry.spec.deployments where deployment.build != "\(BuildID.own)" {
            let isHere = deployment.options.placement == .inProcess
            guard isHere || running.programs.executables.path(of: deployment.build) == nil else { continue }
            throw AdminError(
                .conflict,
                "executable_not_kept",
                "revision \(entry.revision) of '\(application)' ran from another build of its program (\(deployment.build)), "
                    + (isHere
                        ? "in the process of the instance, which only that build can do"
                        : "of which no copy is kept any more; deploy it from that program again")
            )
        }
        return (try await running.controller.plan(entry.spec), entry)
    }
}

extension AdminJSON.Moment {
    /// - Parameter wall: in nanoseconds since 1970.
    fileprivate func monotonic(_ wall: Int64) -> MonotonicTime {
        MonotonicTime(nanoseconds: monotonic.nanoseconds - (self.wall - wall))
    }
}
