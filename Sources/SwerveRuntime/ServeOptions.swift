public import Logging
public import SwerveAdmin
internal import SwerveControl
public import SwerveCore
public import SwerveLogs
public import SwerveTracing

/// The options of an instance of Swerve. The instance checks them when it starts.
public struct ServeOptions: Sendable {
    /// The address that the HTTP proxy listens on; loopback only by default.
    public var host: String
    /// The port, up to 65,535; 8000 by default, 0 for any free one.
    public var port: Int
    /// How many processes of their own take HTTP requests, up to 64; 0, the default, for a proxy in this process.
    ///
    /// The processes share one listening socket, which this process holds. One that ends is replaced, and meanwhile the
    /// others and the socket's queue take new connections; see ``ServeInstance/replaceProxies()``. Limits on bytes and
    /// connections apply to each process.
    public var proxies: Int
    /// How many event loops serve connections, from 1 to 1024; by default half the cores, shared by the proxies, and at
    /// least one in each.
    public var eventLoops: Int?
    /// How long a request may take from its head to the end of its response; no limit by default. A request that takes
    /// longer gets 504, and the replica's task is cancelled. A client can shorten the limit for one request with a
    /// header such as `x-request-timeout-seconds: 2.5`.
    public var requestTimeout: Duration?
    /// The largest request body; 512 MiB by default. A larger one gets 413.
    public var maxBodyBytes: Int
    /// The largest request head; 64 KiB by default. A larger one gets 431.
    public var maxHeadBytes: Int
    /// How many bytes of requests, and of responses that clients have not read yet, the proxy buffers at a time; 1 GiB
    /// by default. Beyond that, requests with content get 503 with `Retry-After`.
    public var maxBufferedBytes: Int
    /// How many bytes of memory each process shares with the other ones of the machine, so that large contents, arguments
    /// and results are read in place; 256 MiB by default, 0 for none. What finds no room there travels by a socket.
    public var maxSharedBytes: Int
    /// How many client connections may be open at a time; 10 000 by default, and fewer if replicas would otherwise lack
    /// descriptors. At the limit, a new connection replaces the one that has been idle longest; if none is idle, the
    /// new one gets 503.
    public var maxConnections: Int
    /// How long a connection may be idle between requests; 75 seconds by default.
    public var idleTimeout: Duration
    /// How long requests are still taken after the shutdown began, while `/-/healthz` already answers 503, so that load
    /// balancers choose other instances; 0 by default.
    public var drainDelay: Duration
    /// How long ongoing requests may take to finish at shutdown; 20 seconds by default. Then their connections are cut.
    public var drainTimeout: Duration
    /// What replicas can reserve on this machine; `nil`, the default, for what it has: the cores and the memory that
    /// this process may use, and the NVIDIA GPUs that it sees.
    public var node: NodeResources?
    /// Where the instance keeps which applications should run, so that the next instance with the same directory goes on
    /// with them, even after a crash or a power failure; see ``ServeInstance``. `nil`, the default, keeps nothing.
    ///
    /// The directory is made if it is not there. It must belong to this user and be closed to others (mode 700), and one
    /// instance at a time can use it.
    public var stateDirectory: String?
    /// Where the controller runs; in this process by default.
    public var controller: ControllerPlacement
    /// Whether the HTTP port also answers `/-/metrics`, with the metrics of all processes of the instance; false by
    /// default, because everybody who reaches the port then sees them. Only a proxy in this process answers it.
    public var showsMetrics: Bool
    /// Whether what code counts with swift-metrics appears with the instance's metrics; true by default. In replicas'
    /// processes, and in this one unless the program has called `MetricsSystem.bootstrap` before the instance starts. If
    /// the program calls it later, or a replica's code does, this must be false: it can be called once in a process.
    public var bootstrapsMetrics: Bool
    /// The server for the REST API, the dashboard and the command line; `nil`, the default, for none.
    public var admin: AdminOptions?
    /// What becomes of what the instance's processes write, and how they write logs.
    public var logs: LogOptions
    /// Where spans go, in all processes of the instance; `nil`, the default, for no tracing.
    ///
    /// A program with a tracer of its own bootstraps it before it starts the instance. Otherwise Swerve's is the tracer
    /// of the program. It is that of the replicas' processes in any case, so deployments bootstrap none.
    public var tracing: TracingOptions?
    /// What this process logs with. What it logs is also kept for `swerve logs` and the dashboard.
    public var logger: Logger

    /// Where the controller of an instance runs.
    public struct ControllerPlacement: Hashable, Sendable, CustomStringConvertible {
        public let description: String
        /// In the process that starts the instance. The default.
        public static let embedded = ControllerPlacement(description: "embedded")
        /// In a process of its own, of the same executable. If it ends or hangs, another one continues with the replicas
        /// and proxies as they are; no request fails.
        public static let separate = ControllerPlacement(description: "separate")
    }

    public init(
        host: String = "127.0.0.1",
        port: Int = 8000,
        proxies: Int = 0,
        eventLoops: Int? = nil,
        requestTimeout: Duration? = nil,
        maxBodyBytes: Int = 512 << 20,
        maxHeadBytes: Int = 64 << 10,
        maxBufferedBytes: Int = 1 << 30,
        maxSharedBytes: Int = 256 << 20,
        maxConnections: Int = 10_000,
        idleTimeout: Duration = .seconds(75),
        drainDelay: Duration = .zero,
        drainTimeout: Duration = .seconds(20),
        node: NodeResources? = nil,
        stateDirectory: String? = nil,
        controller: ControllerPlacement = .embedded,
        showsMetrics: Bool = false,
        bootstrapsMetrics: Bool = true,
        admin: AdminOptions? = nil,
        logs: LogOptions = LogOptions(),
        tracing: TracingOptions? = nil,
        logger: Logger = Logger(label: "swerve")
    ) {
        self.host = host
        self.port = port
        self.proxies = proxies
        self.eventLoops = eventLoops
        self.requestTimeout = requestTimeout
        self.maxBodyBytes = maxBodyBytes
        self.maxHeadBytes = maxHeadBytes
        self.maxBufferedBytes = maxBufferedBytes
        self.maxSharedBytes = maxSharedBytes
        self.maxConnections = maxConnections
        self.idleTimeout = idleTimeout
        self.drainDelay = drainDelay
        self.drainTimeout = drainTimeout
        self.node = node
        self.stateDirectory = stateDirectory
        self.controller = controller
        self.showsMetrics = showsMetrics
        self.bootstrapsMetrics = bootstrapsMetrics
        self.admin = admin
        self.logs = logs
        self.tracing = tracing
        self.logger = logger
    }
}

extension ServeOptions {
    /// What replicas can reserve, by the nodes' names.
    var nodes: [String: NodeResources] { [ReplicaPlace.local: node ?? .detected()] }
}
