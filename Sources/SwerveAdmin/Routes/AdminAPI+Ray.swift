internal import NIOCore
internal import SwerveConfig
internal import SwerveCore
internal import SwerveHTTPTypes

extension AdminAPI {
    /// What Ray's command line and scripts for its API use, in Ray's shapes.
    var ray: [AdminRoute] {
        let api = self
        return [
            AdminRoute(.get, "/api/ray/version") { _ in
                .json(RayREST.version(swerve: await api.source.facts().build, sessionName: "swerve").bytes)
            },
            AdminRoute(.get, "/api/serve/applications") { request in
                let document = await StatusDocument(api.source, api.source.status())
                let kind = try request.queryFields["api_type"].map { name throws(AdminError) in
                    guard let kind = RayREST.Source(name) else {
                        throw AdminError.badRequest("api_type is '\(name)'; it must be imperative or declarative")
                    }
                    return kind
                }
                let details = document.ray(await api.source.deployed(), kind)
                return .json((api.isTrusted(request) ? details : details.hidingSecrets).bytes)
            },
            AdminRoute(.put, "/api/serve/applications") { request in
                try await api.source.deploy(try await request.content())
                return .json(ByteBuffer())
            },
            // Ray's `serve shutdown`: all applications end, and others can be deployed afterwards.
            AdminRoute(.delete, "/api/serve/applications") { _ in
                for name in await api.source.status().applications.keys.sorted() {
                    // One that is gone meanwhile is fine.
                    do { try await api.source.delete(name) } catch let error as ServeError {
                        guard error.code == .notFound else { throw error }
                    }
                }
                return .json(ByteBuffer())
            },
        ]
    }
}

extension StatusDocument {
    /// The document in the words of Ray Serve, `ServeInstanceDetails`.
    ///
    /// - Parameter kind: only the applications that a program runs itself, or only those of configurations.
    fileprivate func ray(_ deployed: [String: AdminDeployed], _ kind: RayREST.Source?) -> JSONValue {
        var instance = SwerveConfig.InstanceFacts(
            nodeID: "local",
            startTime: json.seconds(facts.startedAt),
            port: facts.http?.port,
            proxies: facts.proxies,
            targetCapacity: facts.targetCapacity
        )
        if let http = facts.http { instance.host = http.host }
        let applications = deployed.map { name, application in
            let time = facts.deployedAt[name] ?? facts.startedAt
            let details = DeployedApplication(
                config: application.config,
                deployedAt: json.seconds(time),
                ingress: application.ingress,
                calls: application.calls,
                userConfigs: application.userConfigs
            )
            return (name, details)
        }
        return RayREST.details(
            status,
            deployed: Dictionary(uniqueKeysWithValues: applications),
            facts: instance,
            source: kind
        )
    }
}
