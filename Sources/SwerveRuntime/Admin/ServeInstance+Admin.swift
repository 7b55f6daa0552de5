internal import SwerveAdmin
internal import SwerveController
internal import SwerveCore
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
        InstanceFacts(
            at: .now(surroundings.clock),
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
            deployedAt: history.lastDeploys
        )
    }

    func revisions(of application: String) throws -> [DeployedRevision] {
        let entries = history.entries(of: application)
        guard let present = entries.first else { throw AdminError.notFound("no application '\(application)' runs") }
        return entries.map { entry in
            DeployedRevision(
                revision: entry.revision,
                deployedAt: entry.deployedAt,
                isCurrent: entry.revision == present.revision,
                deployments: entry.spec.deployments.map(\.id.deployment)
            )
        }
    }

    /// What going back would change now, and the specification that would be deployed.
    func planOfRollback(
        _ application: String,
        to revision: Int?
    ) async throws -> (plan: DeployPlan, spec: ApplicationSpec) {
        guard let controller else { throw ServeError(.notRunning, "the instance does not run") }
        let spec = try history.entry(of: application, revision).spec
        return (try await controller.plan(spec), spec)
    }
}
