package import Logging
package import NIOCore
package import SwerveCore
package import SwerveTransport
internal import Synchronization

/// The processes outside of the instance that call its deployments by handles.
///
/// Each has a connection of its own, over which it learns where replicas are and which applications run, confirms fences
/// and reports its load. It sends its calls to the replicas themselves.
package final class ConnectedClients: CallerGroup, PeerDelegate {
    /// The most clients at a time: 64. One more is refused.
    package static let limit = 64
    /// How long a client may take to confirm a fence: 5 seconds. Its connection is closed then, because a replica that
    /// drains would wait for it.
    package static let patience = Duration.seconds(5)

    private let clock: any EventLoop
    private let logger: Logger
    private let state = Mutex(State())

    private struct State {
        var callers = CallerTable(of: "client")
        var next: UInt64 = 1
        var catalog = Catalog([])
    }

    /// - Parameter clock: the event loop whose timers are used.
    package init(clock: any EventLoop, logger: Logger) {
        self.clock = clock
        self.logger = logger
    }

    // MARK: What clients are told

    package func describe(_ catalog: Catalog) {
        state.withLock { state in
            guard state.catalog != catalog else { return }
            state.catalog = catalog
            state.callers.send(.catalog(catalog))
        }
    }

    package func publish(_ message: ControlMessage, of deployment: DeploymentID) {
        state.withLock { $0.callers.publish(message, of: deployment) }
    }

    package func afterCallersKnow(_ done: @escaping @Sendable () -> Void) {
        guard let fence = state.withLock({ $0.callers.fence(done) }) else { return done() }
        clock.scheduleTask(in: .nanoseconds(Self.patience.nanoseconds)) { self.closeSilent(fence) }
    }

    private func closeSilent(_ fence: UInt64) {
        for (number, connection) in state.withLock({ $0.callers.silent(at: fence) }) {
            logger.warning("client does not answer", metadata: ["client": "\(number)"])
            connection.close(because: "the client did not answer within \(Self.patience)")
        }
    }

    // MARK: The load

    /// Reports the load of the clients and of the rest of the instance together from now on.
    package func reportLoads(to receiver: @escaping @Sendable ([DeploymentID: Load]) -> Void) {
        state.withLock { $0.callers.reportLoads(to: receiver) }
    }

    /// A client reports its load, or the rest of the instance does (`nil`).
    package func report(_ loads: [DeploymentID: Load], from client: UInt64? = nil) {
        state.withLock { $0.callers.report(loads, from: client) }
    }

    // MARK: What clients say

    package func received(_ hello: Hello, on connection: PeerConnection) {
        let isWelcome = state.withLock { state in
            guard hello.replica == nil, state.callers.connections.count < Self.limit,
                state.callers.number(of: connection) == nil
            else { return false }
            state.callers.add(state.next, connection)
            state.next += 1
            connection.send(.catalog(state.catalog))
            return true
        }
        if !isWelcome { connection.close(because: "the instance has \(Self.limit) clients, or the client is none") }
    }

    package func received(_ message: ControlMessage, on connection: PeerConnection) {
        guard let number = number(of: connection) else {
            return connection.close(because: "a message before the hello")
        }
        switch message {
        case .fenced(let fence):
            for done in state.withLock({ $0.callers.passed(fence, by: number) }) { done() }
        case .load(let loads): report(loads, from: number)
        default: connection.close(because: "unexpected control message: a client does not send this kind")
        }
    }

    package func closed(_ connection: PeerConnection, reason: String) {
        guard let number = number(of: connection) else { return }
        let passed = state.withLock { $0.callers.remove(number) }
        logger.debug("client is gone", metadata: ["client": "\(number)", "reason": "\(reason)"])
        for done in passed { done() }
    }

    private func number(of connection: PeerConnection) -> UInt64? {
        state.withLock { $0.callers.number(of: connection) }
    }
}
