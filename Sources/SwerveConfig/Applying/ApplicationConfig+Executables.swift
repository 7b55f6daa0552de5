package import SwerveCore

extension ApplicationConfig {
    /// The executable that the application runs from, apart from the deployments of ``otherExecutables``.
    package var executable: String { runtimeEnvironment?.executable ?? importPath.executable }

    /// The deployments that run from another executable, by its path.
    package var otherExecutables: [String: Set<String>] {
        deployments.reduce(into: [:]) { found, deployment in
            guard let other = deployment.runtimeEnvironment?.executable, other != executable else { return }
            found[other, default: []].insert(deployment.name)
        }
    }

    /// The user configurations that an executable encodes, which knows their types; `nil` for the application's own.
    package func userConfigs(of other: String?) -> [String: JSONValue] {
        let others = otherExecutables
        let elsewhere = others.values.reduce(into: Set()) { $0.formUnion($1) }
        return userConfigs.filter { name, _ in
            other.map { others[$0]?.contains(name) == true } ?? !elsewhere.contains(name)
        }
    }
}

extension ApplicationSpec {
    /// This application with some deployments of another build of its program, which declares the same application.
    ///
    /// - Parameters:
    ///   - names: the deployments to take. Those that this application itself does not have are left to
    ///     ``ApplicationConfig/applied(to:)``, which says so.
    ///   - other: what the other build says of the application.
    ///   - executable: the path of the other build.
    /// - Throws: ``ServeError`` with code `notFound` for a deployment that the other build does not have, and
    ///   `invalidOptions` for one that does not fit in: it calls deployments that are not there, or it is the ingress and
    ///   answers HTTP where this one's does not, or the other way round.
    package func taking(
        _ names: Set<String>,
        from other: ApplicationSpec,
        of executable: String
    ) throws(ServeError) -> ApplicationSpec {
        var spec = self
        let own = Set(deployments.map(\.id.deployment))
        for index in deployments.indices where names.contains(deployments[index].id.deployment) {
            let id = deployments[index].id
            func refuse(_ code: ServeError.Code, _ what: String) -> ServeError {
                ServeError(
                    code,
                    "deployment '\(id.deployment)' is to run from '\(executable)', \(what)",
                    deployment: id
                )
            }
            guard let found = other.deployments.first(where: { $0.id.deployment == id.deployment }) else {
                let hint = NearestName.hint(for: id.deployment, among: other.deployments.map(\.id.deployment))
                throw refuse(.notFound, "whose application has no such deployment; \(hint)")
            }
            if let missing = found.calls?.first(where: { !own.contains($0) }) {
                throw refuse(
                    .invalidOptions,
                    "where it calls '\(missing)', which the application does not have; run the application itself from it"
                )
            }
            if id.deployment == ingress {
                if found.answersHTTP != deployments[index].answersHTTP {
                    let what = found.answersHTTP ? "answers HTTP requests" : "answers no HTTP requests"
                    throw refuse(
                        .invalidOptions,
                        "where it \(what), unlike the application's ingress; run the application itself from it"
                    )
                }
                if other.ingress == ingress { spec.routes = other.routes }
            }
            spec.deployments[index] = found
        }
        return spec
    }
}
