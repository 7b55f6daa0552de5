import SwerveCore

/// A deployment as a program declares it.
func deployment(
    _ name: String,
    of application: String = "default",
    _ options: DeploymentOptions = DeploymentOptions(),
    answersHTTP: Bool = false,
    userConfig: [UInt8]? = nil
) -> DeploymentSpec {
    DeploymentSpec(
        id: DeploymentID(application: application, deployment: name),
        typeName: "$\(name)",
        arguments: [],
        options: options,
        answersHTTP: answersHTTP,
        userConfig: userConfig
    )
}

/// An application as a program declares it; the first deployment is the ingress, and answers HTTP.
func application(
    _ ingress: String,
    _ others: String...,
    named name: String = "default",
    route: String? = "/",
    options: [String: DeploymentOptions] = [:]
) -> ApplicationSpec {
    let deployments = ([ingress] + others).map {
        deployment($0, of: name, options[$0] ?? DeploymentOptions(), answersHTTP: $0 == ingress)
    }
    return ApplicationSpec(name: name, routePrefix: route, ingress: ingress, deployments: deployments)
}

extension ApplicationSpec {
    func options(_ deployment: String) -> DeploymentOptions? {
        deployments.first { $0.id.deployment == deployment }?.options
    }
}
