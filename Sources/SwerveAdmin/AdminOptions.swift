internal import SwerveCore

/// The options of an instance's admin server, which answers the REST API, the dashboard and the command line.
///
/// A deploy executes what it names, so whoever may deploy may do what this user may. Everything that changes something
/// needs the token, which is in a file that only this user can read.
public struct AdminOptions: Hashable, Sendable {
    /// The address that the server listens on; loopback only by default. With an address that other machines reach,
    /// reading needs the token, too.
    public var host: String
    /// The port, up to 65,535; 8265 by default, as Ray's dashboard, and 0 for any free one.
    public var port: Int
    /// The file that holds the token. It is made at the start if it is not there, and stays.
    ///
    /// `nil`, the default, for a file of the instance's own, removed in the end: `admin-PORT.token` in
    /// `$XDG_RUNTIME_DIR/swerve`, or in `/tmp/swerve-UID` where there is no such directory.
    public var tokenFile: String?
    /// Names by which browsers and clients may address the server (`Host`), besides ``host`` and those of loopback; none
    /// by default. A request with another name is refused: a page of another site could have made its name lead here.
    public var allowedHosts: [String]
    /// How many event streams may be open at a time, from 1 to 10,000; 64 by default. One more gets 503.
    public var maxEventStreams: Int
    /// How many clients may follow the logs at a time, from 1 to 1000; 16 by default. One more gets 503.
    public var maxLogReaders: Int

    public init(
        host: String = "127.0.0.1",
        port: Int = 8265,
        tokenFile: String? = nil,
        allowedHosts: [String] = [],
        maxEventStreams: Int = 64,
        maxLogReaders: Int = 16
    ) {
        self.host = host
        self.port = port
        self.tokenFile = tokenFile
        self.allowedHosts = allowedHosts
        self.maxEventStreams = maxEventStreams
        self.maxLogReaders = maxLogReaders
    }

    /// What is wrong with the options, or `nil`.
    package var problem: String? {
        if host.isEmpty { return "admin.host is empty; it must be an address, such as 127.0.0.1" }
        if !(0...Int(UInt16.max)).contains(port) { return "admin.port is \(port); it must be from 0 to 65535" }
        if tokenFile == "" { return "admin.tokenFile is empty; it must be a path, or nil for the instance's own" }
        if !(1...10_000).contains(maxEventStreams) {
            return "admin.maxEventStreams is \(maxEventStreams); it must be from 1 to 10000"
        }
        if !(1...1000).contains(maxLogReaders) {
            return "admin.maxLogReaders is \(maxLogReaders); it must be from 1 to 1000"
        }
        if let name = allowedHosts.first(where: { $0.isEmpty || $0.contains { "/:@ ".contains($0) } }) {
            return "admin.allowedHosts has '\(name)'; it must be a host name without a port"
        }
        return nil
    }
}
