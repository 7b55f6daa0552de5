public import SwerveCore

/// The shapes of Ray Serve's REST API, so that its own command line and dashboards understand an instance.
///
/// All of them are functions of values: whoever serves them asks the instance first. The requests
/// `PUT /api/serve/applications/` are read by ``ServeConfig/parse(_:file:format:limits:)``, as JSON.
public enum RayREST {
    /// The release of Ray whose shapes these are. Its clients refuse servers before 1.12.
    public static let rayVersion = "2.60.0"

    /// The answer to `GET /api/ray/version` and `GET /api/version`, which every client asks for first.
    public static func version(swerve: String, sessionName: String) -> JSONValue {
        [
            // The version of the jobs API, which a client of Serve does not look at.
            "version": "4", "ray_version": .string(rayVersion), "ray_commit": .string("swerve-\(swerve)"),
            "session_name": .string(sessionName),
        ]
    }

    /// The body of `POST .../applications/NAME/deployments/NAME/scale`: `{"target_num_replicas": 3}`.
    ///
    /// - Throws: ``ConfigError`` if it is anything else.
    public static func scaleTarget(_ body: String, limits: ConfigLimits = ConfigLimits()) throws(ConfigError) -> Int {
        let node = try ConfigNode.parse(body, file: "", format: .json, limits: limits)
        var reading = Reading(file: "", limits: limits)
        let request = ScaleRequest.read(node, &reading)
        try reading.finish()
        return request?.replicas ?? 0
    }
}

private struct ScaleRequest: ConfigObject {
    var replicas = 0
    var unused: [String: JSONValue] = [:]

    static let fields: [Field<ScaleRequest>] = [
        Field(
            "target_num_replicas",
            always: \.replicas,
            .integer(0...DeploymentOptions.maximumReplicas),
            isRequired: true,
            "How many replicas the deployment shall have."
        )
    ]
}

/// What Ray's clients want to know about an instance besides the status of its applications.
public struct InstanceFacts: Hashable, Sendable {
    /// Names the machine; clients take an instance without one for none at all.
    public var nodeID: String
    /// The machine's address.
    public var nodeIP: String
    /// When the instance started, in seconds since 1970.
    public var startTime: Double
    public var host: String
    /// `nil` if no proxy listens.
    public var port: Int?
    public var requestTimeout: Duration?
    public var idleTimeout: Duration?
    public var proxyLocation: ServeConfig.ProxyLocation
    /// The proxies with a process of their own; empty if the instance's process is the proxy.
    public var proxies: [ProxyStatus]
    public var targetCapacity: Int?
    /// When replicas were started, in seconds since 1970. For those that are missing, ``startTime`` is given.
    public var replicaStartTimes: [ReplicaID: Double]

    public init(
        nodeID: String,
        nodeIP: String = "127.0.0.1",
        startTime: Double,
        host: String = "127.0.0.1",
        port: Int?,
        requestTimeout: Duration? = nil,
        idleTimeout: Duration? = nil,
        proxyLocation: ServeConfig.ProxyLocation = .everyNode,
        proxies: [ProxyStatus] = [],
        targetCapacity: Int? = nil,
        replicaStartTimes: [ReplicaID: Double] = [:]
    ) {
        self.nodeID = nodeID
        self.nodeIP = nodeIP
        self.startTime = startTime
        self.host = host
        self.port = port
        self.requestTimeout = requestTimeout
        self.idleTimeout = idleTimeout
        self.proxyLocation = proxyLocation
        self.proxies = proxies
        self.targetCapacity = targetCapacity
        self.replicaStartTimes = replicaStartTimes
    }
}

/// What is known of a deployed application besides its status.
public struct DeployedApplication: Hashable, Sendable {
    /// As it was deployed; `nil` for an application that a program runs itself.
    public var config: ApplicationConfig?
    /// In seconds since 1970.
    public var deployedAt: Double
    public var ingress: String
    /// Which deployments each deployment calls, by name; empty where that is not known.
    public var calls: [String: [String]]
    /// The user configurations of its deployments, by name: the program's, and those of ``config``, which take their
    /// place. Those that cannot be shown are missing.
    public var userConfigs: [String: JSONValue]

    public init(
        config: ApplicationConfig?,
        deployedAt: Double,
        ingress: String,
        calls: [String: [String]] = [:],
        userConfigs: [String: JSONValue] = [:]
    ) {
        self.userConfigs = userConfigs
        self.config = config
        self.deployedAt = deployedAt
        self.ingress = ingress
        self.calls = calls
    }
}
