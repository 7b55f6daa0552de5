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
