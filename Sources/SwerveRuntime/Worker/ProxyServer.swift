package import Logging
package import NIOCore
package import SwerveActors
package import SwerveController
package import SwerveCore
package import SwerveHTTP
internal import SwerveProxy
package import SwerveTransport
internal import Synchronization

/// The HTTP server of a process other than the instance's own: a proxy's, or that of a direct replica. It takes
/// connections from the instance's listening socket, which the process got as its standard input.
package final class ProxyServer: Sendable {
    private let proxy: ProxyService
    private let socket: ListeningSocket
    private let settings: HTTPSettings
    private let group: any EventLoopGroup
    private let shared: SharedMemory?
    private let logger: Logger
    private let state: Mutex<State>

    private struct State {
        /// Whether it takes connections, or will once it has begun.
        var takes: Bool
        /// `nil` before it has begun.
        var running: (server: HTTPServer, door: ServerDoor)?
    }

    /// - Parameters:
    ///   - group: the event loops that serve connections.
    ///   - shared: where content lies that replicas in other processes read.
    ///   - takes: whether to take connections from the start on.
    ///   - logsRequests: whether each request that is over gets a line of the log.
    package init(
        _ socket: ListeningSocket,
        _ settings: HTTPSettings,
        pools: PoolTable,
        on group: any EventLoopGroup,
        shared: SharedMemory?,
        takes: Bool,
        logsRequests: Bool = false,
        _ logger: Logger
    ) {
        let log = logsRequests ? AccessLog.written(by: logger) : nil
        self.proxy = ProxyService(pools: pools, loops: Array(group.makeIterator()), log: log)
        self.socket = socket
        self.settings = settings
        self.group = group
        self.shared = shared
        self.logger = logger
        self.state = Mutex(State(takes: takes))
    }

    package func start() async throws {
        let logger = logger
        let server = try await HTTPServer.start(
            at: .none,
            group: group,
            options: HTTPServerOptions(settings, shared),
            service: proxy,
            outOfDescriptors: { logger.warning("connections cannot be accepted", metadata: ["reason": "\($0)"]) }
        )
        let door = ServerDoor(server, socket, isOpen: false)
        // Under the lock, so that the door hears things in the order in which they were said.
        state.withLock { state in
            state.running = (server, door)
            if state.takes { door.take(true) }
        }
    }

    package func expose(_ routes: [RouteEntry]) { proxy.expose(routes) }

    /// - Parameter done: called later, once connections are taken, or are not any more; not before the start.
    package func take(_ takes: Bool, _ done: @escaping @Sendable () -> Void = {}) {
        state.withLock { state in
            state.takes = takes
            state.running?.door.take(takes, done)
        }
    }

    /// Makes `/-/healthz` answer 503 from now on.
    package func announceDrain() { proxy.beginDraining() }

    /// Takes no more connections; returns when the open ones are finished or cut.
    package func drain(within limit: Duration) async {
        announceDrain()
        let running = state.withLock { state in
            state.takes = false
            return state.running
        }
        guard let (server, door) = running else { return }
        await withCheckedContinuation { continuation in door.take(false) { continuation.resume() } }
        await server.drain(deadline: limit)
    }
}
