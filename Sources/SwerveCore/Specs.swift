/// The desired state of an application: its deployments, and which of them answers HTTP requests.
public struct ApplicationSpec: Hashable, Sendable, Codable {
    public var name: String
    /// The path below which the application answers HTTP; `nil` if it is called only through handles.
    public var routePrefix: String?
    /// The deployment that the application's handle and HTTP requests go to.
    public var ingress: String
    public var deployments: [DeploymentSpec]
    /// The routes that the ingress describes; empty if it describes none.
    public var routes: [RouteDescription]
    /// Which pages of other origins may call the application; `nil` for none.
    public var cors: CORS?

    public init(
        name: String,
        routePrefix: String?,
        ingress: String,
        deployments: [DeploymentSpec],
        routes: [RouteDescription] = [],
        cors: CORS? = nil
    ) {
        self.name = name
        self.routePrefix = routePrefix
        self.ingress = ingress
        self.deployments = deployments
        self.routes = routes
        self.cors = cors
    }
}

/// The desired state of a deployment.
public struct DeploymentSpec: Hashable, Sendable, Codable {
    public var id: DeploymentID
    /// The mangled name by which a process of the same executable finds the actor type.
    public var typeName: String
    /// The initialiser's arguments in the binary codec, with references to other deployments encoded as names.
    public var arguments: [UInt8]
    public var options: DeploymentOptions
    /// Whether the type answers HTTP requests itself.
    public var answersHTTP: Bool
    /// The user configuration in the binary codec; `nil` if none was given.
    public var userConfig: [UInt8]?
    /// The same as JSON, for people who look at the deployment; `nil` if none was given or JSON cannot express it.
    package var shownUserConfig: ShownUserConfig?
    /// The build of the executable; empty where builds cannot be told apart.
    public var build: String
    /// The deployments of the application whose handles it gets, by name and in the order of its arguments; `nil` where
    /// nobody recorded them.
    public var calls: [String]?
    /// What the replicas' processes run in; `nil` for what the instance itself runs in. Once ``workingDirectory`` is
    /// known, it names none itself.
    public var environment: RuntimeEnvironment?
    /// The content of the folder that they start in, as its digest; `nil` for the instance's own folder.
    public var workingDirectory: String?

    public init(
        id: DeploymentID,
        typeName: String,
        arguments: [UInt8],
        options: DeploymentOptions,
        answersHTTP: Bool,
        userConfig: [UInt8]? = nil,
        build: String = "",
        calls: [String]? = nil,
        environment: RuntimeEnvironment? = nil,
        workingDirectory: String? = nil
    ) {
        self.id = id
        self.typeName = typeName
        self.arguments = arguments
        self.options = options
        self.answersHTTP = answersHTTP
        self.userConfig = userConfig
        self.build = build
        self.calls = calls
        self.environment = environment
        self.workingDirectory = workingDirectory
    }
}

/// A user configuration as JSON, which nothing depends on: all of them are equal, so that the same configuration is no
/// change if its JSON has another order.
package struct ShownUserConfig: Hashable, Sendable, Codable {
    package var json: String

    /// A longer one is not shown.
    package static let maximumBytes = 64 << 10

    /// - Returns: `nil` for JSON that is too long.
    package init?(_ json: String) {
        if json.utf8.count > Self.maximumBytes { return nil }
        self.json = json
    }

    package static func == (left: ShownUserConfig, right: ShownUserConfig) -> Bool { true }
    package func hash(into hasher: inout Hasher) {}
}
