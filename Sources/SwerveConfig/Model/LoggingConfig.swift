public import SwerveCore

/// What becomes of what processes write, and how they log: `logging_config` of a configuration file, an application or
/// a deployment. The names are those of Ray Serve and of `LogOptions`, whose defaults hold for what is `nil`.
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
    /// Whether output also goes where the instance's own goes.
    public var passesOn: Bool?
    public var maxLines: Int?
    public var maxBytes: Int?
    public var maxLineBytes: Int?
    public var maxFileBytes: Int?
    public var maxFiles: Int?
    public var maxEndedProcesses: Int?
    public var maxTotalBytes: Int?
    /// Fields of Ray Serve that have no effect, by name.
    public var unused: [String: JSONValue] = [:]

    public init() {}

    /// What of it a single replica's process can have.
    package var ofProcess: ProcessLogs {
        ProcessLogs(format: encoding?.description.lowercased(), level: level?.description.lowercased())
    }
}

extension LoggingConfig: ConfigObject {}
