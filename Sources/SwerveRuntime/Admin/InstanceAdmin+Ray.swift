internal import SwerveAdmin
internal import SwerveConfig
internal import SwerveCore

extension InstanceAdmin {
    func rayDetails(_ document: StatusDocument, kind: String?) async throws -> JSONValue {
        var source: RayREST.Source?
        if let kind {
            guard let known = RayREST.Source(kind) else {
                throw AdminError.badRequest("api_type is '\(kind)'; it must be imperative or declarative")
            }
            source = known
        }
        let configs = await deployer.deployed
        let ingresses = await instance.specs.mapValues(\.ingress)
        let facts = document.facts
        let deployed = ingresses.map { name, ingress in
            let time = facts.deployedAt[name] ?? facts.startedAt
            return (
                name,
                DeployedApplication(
                    config: configs[name],
                    deployedAt: document.json.seconds(time),
                    ingress: ingress
                )
            )
        }
        var instance = SwerveConfig.InstanceFacts(
            nodeID: "local",
            startTime: document.json.seconds(facts.startedAt),
            port: facts.http?.port
        )
        if let http = facts.http { instance.host = http.host }
        instance.proxies = facts.proxies
        instance.targetCapacity = facts.targetCapacity
        return RayREST.details(
            document.status,
            deployed: Dictionary(uniqueKeysWithValues: deployed),
            facts: instance,
            source: source
        )
    }
}
