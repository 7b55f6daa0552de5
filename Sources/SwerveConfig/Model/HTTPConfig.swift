public import SwerveCore

/// How HTTP requests reach the applications: `http_options` of a configuration file. The names are those of
/// `ServeOptions`, whose defaults hold for what is `nil`.
public struct HTTPConfig: Hashable, Sendable {
    public var host: String?
    public var port: Int?
    public var requestTimeout: Duration?
    /// How long a connection may be idle between requests.
    public var idleTimeout: Duration?
    public var proxies: Int?
    public var eventLoops: Int?
    public var maxBodyBytes: Int?
    public var maxHeadBytes: Int?
    public var maxBufferedBytes: Int?
    public var maxSharedBytes: Int?
    public var maxConnections: Int?
    public var drainDelay: Duration?
    public var drainTimeout: Duration?
    /// Fields of Ray Serve that have no effect, by name.
    public var unused: [String: JSONValue] = [:]

    public init(host: String? = nil, port: Int? = nil) {
        self.host = host
        self.port = port
    }
}

extension HTTPConfig: ConfigObject {
    init() {
        self.init(host: nil, port: nil)
    }
}

/// What is logged, and how: `logging_config` of a configuration file, an application or a deployment.
public struct LoggingConfig: Hashable, Sendable {
    /// How a line of the log is written.
    public struct Encoding: Hashable, Sendable, CustomStringConvertible {
        public let description: String
        public static let text = Encoding(description: "TEXT")
        /// One JSON object for each line.
        public static let json = Encoding(description: "JSON")
    }

    /// The least level that is logged. The names are those of swift-log and of Python's logging.
    public struct Level: Hashable, Sendable, CustomStringConvertible {
        public let description: String
        public static let trace = Level(description: "TRACE")
        public static let debug = Level(description: "DEBUG")
        public static let info = Level(description: "INFO")
        public static let notice = Level(description: "NOTICE")
        public static let warning = Level(description: "WARNING")
        public static let error = Level(description: "ERROR")
        public static let critical = Level(description: "CRITICAL")

        static let all = [trace, debug, info, notice, warning, error, critical]
    }

    public var encoding: Encoding?
    public var level: Level?
    /// The folder of the log files, relative to the configuration file's.
    public var logsDirectory: String?
    /// Whether each request is logged.
    public var logsAccess: Bool?
    /// Fields of Ray Serve that have no effect, by name.
    public var unused: [String: JSONValue] = [:]

    public init() {}
}

extension LoggingConfig: ConfigObject {}
