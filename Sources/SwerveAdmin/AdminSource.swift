package import NIOCore
package import SwerveConfig
package import SwerveCore
package import SwerveLogs

/// What the admin server asks of the instance that it belongs to. What an instance does not have throws
/// ``AdminError/notProvided(_:)``, which is answered with 501.
package protocol AdminSource: Sendable {
    func facts() async -> InstanceFacts
    func status() async -> ServeStatus
    /// The status now and after each change, until the instance is shut down; only the latest for a slow reader.
    func statusUpdates() async -> AsyncStream<ServeStatus>

    /// What was deployed, by the applications' names.
    func deployed() async -> [String: AdminDeployed]

    /// Begins to delete an application. Its ongoing requests finish.
    func delete(_ application: String) async throws
    func scale(_ deployment: DeploymentID, to replicas: Int) async throws
    /// - Parameter percent: `nil` for all.
    func setTargetCapacity(_ percent: Int?) async throws
    /// Ends the instance soon; returns before.
    func beginShutdown() async

    /// The specifications of an application that can be deployed again, the latest first.
    func revisions(of application: String) async throws -> [DeployedRevision]
    /// What deploying a revision again would change now.
    ///
    /// - Parameter revision: `nil` for the one before the present one.
    func plan(rollbackOf application: String, to revision: Int?) async throws -> DeployPlan
    /// Begins to deploy a revision again; the status tells how it goes on.
    func rollBack(_ application: String, to revision: Int?) async throws -> DeployPlan

    /// What deploying a configuration would change now.
    ///
    /// - Parameter configuration: a file in the schema of Ray Serve, as JSON.
    func plan(_ configuration: ByteBuffer) async throws -> [DeployPlan]
    /// Begins to deploy a configuration, which replaces all applications that were deployed by one.
    func deploy(_ configuration: ByteBuffer) async throws
    /// Begins to deploy one application of another program, whatever others run.
    ///
    /// - Parameter application: an entry of `applications` of a configuration, as JSON.
    func deploy(_ application: ByteBuffer, as name: String) async throws

    /// Metrics as text, in the format that the client prefers.
    ///
    /// - Parameter accept: the request's header `accept`.
    func metrics(accept: String?) async throws -> MetricsText
    /// Time series as JSON.
    func series(_ query: [String: String]) async throws -> ByteBuffer
    /// What the processes wrote.
    func logs() async throws -> LogStore
}

extension AdminSource {
    package func plan(_ configuration: ByteBuffer) async throws -> [DeployPlan] {
        throw AdminError.notProvided("this instance does not deploy configurations; deploy from its program")
    }
    package func deploy(_ configuration: ByteBuffer) async throws {
        throw AdminError.notProvided("this instance does not deploy configurations; deploy from its program")
    }
    package func metrics(accept: String?) async throws -> MetricsText {
        throw AdminError.notProvided("this instance has no metrics")
    }
    package func deploy(_ application: ByteBuffer, as name: String) async throws {
        throw AdminError.notProvided("this instance does not deploy configurations; deploy from its program")
    }
    package func series(_ query: [String: String]) async throws -> ByteBuffer {
        throw AdminError.notProvided("this instance keeps no time series")
    }
    package func logs() async throws -> LogStore {
        throw AdminError.notProvided("this instance keeps no logs")
    }
}

/// What an instance is, besides what it runs.
package struct InstanceFacts: Sendable, Encodable {
    package struct Address: Sendable, Encodable {
        package var host: String
        package var port: Int

        package init(host: String, port: Int) {
            self.host = host
            self.port = port
        }
    }

    package struct Controller: Sendable, Encodable {
        /// `embedded` or `separate`.
        package var placement: String
        /// `nil` while a separate one is starting.
        package var processID: Int32?

        package init(placement: String, processID: Int32?) {
            self.placement = placement
            self.processID = processID
        }
    }

    private enum CodingKeys: CodingKey {
        case startedAt, now, processID, build, controller, http, proxies, nodes, targetCapacity, stateDirectory
        case deployedAt
    }

    /// When these facts were true.
    package var moment: AdminJSON.Moment
    package var startedAt: MonotonicTime
    package var now: MonotonicTime
    package var processID: Int32
    /// Which build of the program it is; empty where builds cannot be told apart.
    package var build: String
    package var controller: Controller
    /// Where HTTP requests are taken; `nil` while none are.
    package var http: Address?
    package var proxies: [ProxyStatus]
    /// What replicas can reserve, by the nodes' names.
    package var nodes: [String: NodeResources]
    /// The percentage of their replicas that autoscaled deployments have; `nil` for all.
    package var targetCapacity: Int?
    package var stateDirectory: String?
    /// When each application was deployed last, by name.
    package var deployedAt: [String: MonotonicTime]

    package init(
        at moment: AdminJSON.Moment,
        startedAt: MonotonicTime,
        processID: Int32,
        build: String,
        controller: Controller,
        http: Address?,
        proxies: [ProxyStatus],
        nodes: [String: NodeResources],
        targetCapacity: Int?,
        stateDirectory: String?,
        deployedAt: [String: MonotonicTime]
    ) {
        (self.moment, self.now) = (moment, moment.monotonic)
        self.startedAt = startedAt
        self.processID = processID
        self.build = build
        self.controller = controller
        self.http = http
        self.proxies = proxies
        self.nodes = nodes
        self.targetCapacity = targetCapacity
        self.stateDirectory = stateDirectory
        self.deployedAt = deployedAt
    }
}

/// An application as it was deployed.
package struct AdminDeployed: Sendable {
    package var ingress: String
    /// The names of the deployments whose handles each deployment has.
    package var calls: [String: [String]]
    /// `nil` if a program runs it itself.
    package var config: ApplicationConfig?
    /// The user configurations of its deployments, by name, without those that cannot be shown.
    package var userConfigs: [String: JSONValue]

    package init(
        ingress: String,
        calls: [String: [String]] = [:],
        config: ApplicationConfig?,
        userConfigs: [String: JSONValue] = [:]
    ) {
        self.ingress = ingress
        self.calls = calls
        self.userConfigs = userConfigs
        self.config = config
    }
}

/// A specification of an application that was deployed.
package struct DeployedRevision: Hashable, Sendable, Encodable {
    /// Counts the deploys of the application, from 1.
    package var revision: Int
    package var deployedAt: MonotonicTime
    /// Whether it is what should run now.
    package var isCurrent: Bool
    /// The names of its deployments.
    package var deployments: [String]

    package init(revision: Int, deployedAt: MonotonicTime, isCurrent: Bool, deployments: [String]) {
        self.revision = revision
        self.deployedAt = deployedAt
        self.isCurrent = isCurrent
        self.deployments = deployments
    }
}

/// Metrics as text.
package struct MetricsText: Sendable {
    /// The media type of its format.
    package var contentType: String
    package var text: String

    package init(contentType: String, text: String) {
        self.contentType = contentType
        self.text = text
    }
}
