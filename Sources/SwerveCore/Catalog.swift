/// Which applications run, with the types of their deployments: what handles need to know.
package struct Catalog: Hashable, Sendable, Codable {
    package struct Application: Hashable, Sendable, Codable {
        package var ingress: String
        /// The mangled names of the deployments' types.
        package var types: [String: String]
    }

    /// By name.
    package var applications: [String: Application]

    package init(_ specs: some Sequence<ApplicationSpec>) {
        applications = [:]
        for spec in specs {
            let types = spec.deployments.map { ($0.id.deployment, $0.typeName) }
            applications[spec.name] = Application(
                ingress: spec.ingress,
                types: Dictionary(types) { first, _ in first }
            )
        }
    }

    /// The deployment of an application with a name, or its ingress.
    ///
    /// - Parameter type: what the deployment must be.
    /// - Throws: ``ServeError`` with code `notFound` if there is no such application or deployment, or it has another
    ///   type.
    package func find(_ name: String?, of application: String, as type: Any.Type) throws(ServeError) -> DeploymentID {
        guard let found = applications[application] else {
            let known = applications.keys.sorted().joined(separator: ", ")
            throw ServeError(
                .notFound,
                "no application '\(application)' runs; there is: \(known.isEmpty ? "none" : known)"
            )
        }
        let name = name ?? found.ingress
        guard let typeName = found.types[name] else {
            let known = found.types.keys.sorted().joined(separator: ", ")
            throw ServeError(
                .notFound,
                "the application '\(application)' has no deployment '\(name)'; it has: \(known)"
            )
        }
        let id = DeploymentID(application: application, deployment: name)
        guard _mangledTypeName(type) == typeName else {
            throw ServeError(.notFound, "the deployment \(id) is not a \(type)", deployment: id)
        }
        return id
    }
}
