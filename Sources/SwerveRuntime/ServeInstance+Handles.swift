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
        system.handle(type, try Catalog(specs.values).find(deployment, of: application, as: type))
    }
}
