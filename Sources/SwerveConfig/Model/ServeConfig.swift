public import SwerveCore

/// A configuration file: which applications run, with which options, and how HTTP reaches them.
///
/// The schema is Ray Serve's, with fields of Swerve's own; docs/CONFIG.md lists them all. A field that is left out is
/// `nil` here, and keeps the value that the program gives.
///
/// ```swift
/// let parsed = try ServeConfig.parse(text, file: "serve.yaml")
/// for warning in parsed.warnings { print("warning: \(warning)") }
/// let spec = try parsed.config.applications[0].applied(to: specOfTheProgram)
/// ```
public struct ServeConfig: Hashable, Sendable {
    /// Where proxies run; on every node by default.
    public var proxyLocation: ProxyLocation?
    public var http: HTTPConfig?
    public var logging: LoggingConfig?
    /// Where spans go; `nil` for no tracing.
    public var tracing: TracingConfig?
    /// Which percentage of its replicas each autoscaled deployment has, from 0 to 100.
    public var targetCapacity: Int?
    public var applications: [ApplicationConfig]
    /// Fields of Ray Serve that have no effect, by name.
    public var unused: [String: JSONValue] = [:]
    var notes = Incidental<[String]>(value: [])
    private var places = Incidental<[String: ConfigPlace]>(value: [:])

    public init(applications: [ApplicationConfig] = []) {
        self.applications = applications
    }

    /// On which nodes a proxy takes HTTP requests.
    public struct ProxyLocation: Hashable, Sendable, CustomStringConvertible {
        public let description: String
        /// On every node that has a replica. The default.
        public static let everyNode = ProxyLocation(description: "EveryNode")
        /// On the controller's node only.
        public static let headOnly = ProxyLocation(description: "HeadOnly")
        /// Nowhere: deployments are called through handles only.
        public static let disabled = ProxyLocation(description: "Disabled")
    }
}

/// A configuration that was read, and what its author should know about it.
public struct ParsedServeConfig: Hashable, Sendable {
    public var config: ServeConfig
    /// Every field that has no effect or an old name, in the order of the file.
    public var warnings: [ConfigWarning]
}

extension ServeConfig {
    /// Reads a configuration.
    ///
    /// - Parameters:
    ///   - text: YAML or JSON.
    ///   - file: its name, for errors.
    ///   - format: by default JSON if the file's name ends in `.json`, otherwise YAML.
    ///   - limits: what the text may cost.
    /// - Throws: ``ConfigError`` with everything that is wrong, each with its line, its path and what would be right.
    public static func parse(
        _ text: String,
        file: String = "serve.yaml",
        format: ConfigFormat? = nil,
        limits: ConfigLimits = ConfigLimits()
    ) throws(ConfigError) -> ParsedServeConfig {
        let node = try ConfigNode.parse(text, file: file, format: format ?? .of(file), limits: limits)
        var reading = Reading(file: file, limits: limits)
        var config = read(node, &reading) ?? ServeConfig()
        try reading.finish()
        config.places.value = reading.places
        return ParsedServeConfig(config: config, warnings: reading.warnings)
    }

    /// Where the value of a field is in the file.
    ///
    /// - Parameter path: such as `applications[0].logging_config`.
    package func place(of path: String) -> ConfigPlace { places.value[path] ?? ConfigPlace(path: path) }

    /// The configuration as YAML. Reading it gives an equal configuration.
    public var yaml: String { YAMLWriter.text(tree) }

    /// The configuration as JSON, in the same schema.
    public var json: JSONValue { tree.value }
}

extension ServeConfig: ConfigObject {
    init() {
        self.init(applications: [])
    }

    var comments: [String] { notes.value }

    mutating func finish(_ node: ConfigNode, _ reading: inout Reading) {
        var names: [String: ConfigPlace] = [:]
        var routes: [String: ConfigPlace] = [:]
        for application in applications {
            if let other = names.updateValue(application.place, forKey: application.name) {
                reading.report(
                    .conflict,
                    at: application.place,
                    "another application is called '\(application.name)', in line \(other.line)"
                )
            }
            // Without a route prefix, the program's holds, which is not known here.
            guard let route = application.routePrefix?.path else { continue }
            if let other = routes.updateValue(application.place, forKey: route) {
                reading.report(
                    .conflict,
                    at: application.place,
                    "another application has the route prefix '\(route)', in line \(other.line)"
                )
            }
        }
    }
}

/// A value that tells something about the one that it belongs to and is no part of it: any two are equal.
struct Incidental<Value: Sendable>: Hashable, Sendable {
    var value: Value

    static func == (left: Incidental, right: Incidental) -> Bool { true }
    func hash(into hasher: inout Hasher) {}
}
