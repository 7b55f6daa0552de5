public import SwerveActors
internal import SwerveCore

extension ServeInstance {
    /// The handle of an application's ingress.
    ///
    /// - Throws: ``ServeError`` with code `notFound` if there is no such application or its ingress has another type.
    public func applicationHandle<D: Deployment>(_ name: String = "default", as type: D.Type) throws -> D {
        try handle(application: name, deployment: nil, as: type)
    }

    /// The handle of any deployment of an application.
    ///
    /// - Throws: ``ServeError`` with code `notFound` if there is no such deployment or it has another type.
    public func deploymentHandle<D: Deployment>(
        _ deployment: String,
        application: String = "default",
        as type: D.Type
    ) throws -> D {
        try handle(application: application, deployment: deployment, as: type)
    }

    private func handle<D: Deployment>(application: String, deployment: String?, as type: D.Type) throws -> D {
        guard let spec = specs[application] else {
            let known = specs.keys.sorted().joined(separator: ", ")
            throw ServeError(
                .notFound,
                "no application '\(application)' runs; there is: \(known.isEmpty ? "none" : known)"
            )
        }
        let name = deployment ?? spec.ingress
        guard let found = spec.deployments.first(where: { $0.id.deployment == name }) else {
            let known = spec.deployments.map(\.id.deployment).sorted().joined(separator: ", ")
            throw ServeError(
                .notFound,
                "the application '\(application)' has no deployment '\(name)'; it has: \(known)"
            )
        }
        guard _typeByName(found.typeName) == type else {
            throw ServeError(.notFound, "the deployment \(found.id) is not a \(type)", deployment: found.id)
        }
        return system.handle(type, found.id)
    }
}
