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
        var connections: [UInt64: PeerConnection] = [:]
        var next: UInt64 = 1
        /// The latest message about each deployment.
        var published: [DeploymentID: ControlMessage] = [:]
        var catalog = Catalog([])
        var fences = Fences()
        /// `nil` stands for the rest of the instance.
        var loads = CombinedLoads<UInt64?>()
        var receiver: (@Sendable ([DeploymentID: Load]) -> Void)?
    }

    /// - Parameter clock: the event loop whose timers are used.
    package init(clock: any EventLoop, logger: Logger) {
        self.clock = clock
        self.logger = logger
    }

    package var count: Int { state.withLock { $0.connections.count } }

    // MARK: What clients are told

    package func describe(_ catalog: Catalog) {
        state.withLock { state in
            guard state.catalog != catalog else { return }
            state.catalog = catalog
            for connection in state.connections.values { connection.send(.catalog(catalog)) }
        }
    }

    package func publish(_ message: ControlMessage, of deployment: DeploymentID) {
        // Under the lock, so that every client gets the messages about a deployment in the same order.
        state.withLock { state in
            state.published[deployment] = message
            for connection in state.connections.values { connection.send(message) }
        }
    }

    package func afterCallersKnow(_ done: @escaping @Sendable () -> Void) {
        let fence = state.withLock { state -> UInt64? in
            guard let fence = state.fences.add(Set(state.connections.keys.map(Self.client)), done) else { return nil }
            for connection in state.connections.values { connection.send(.fence(fence)) }
            return fence
        }
        guard let fence else { return done() }
        clock.scheduleTask(in: .nanoseconds(Self.patience.nanoseconds)) { self.closeSilent(fence) }
    }

    private func closeSilent(_ fence: UInt64) {
        let silent = state.withLock { state in
            state.fences.missing(fence).compactMap { client in
                state.connections[client.number].map { (client.number, $0) }
            }
        }
        for (number, connection) in silent {
            logger.warning("client does not answer", metadata: ["client": "\(number)"])
            connection.close(because: "the client did not answer within \(Self.patience)")
        }
    }

    /// The name under which fences know a client. No application's name is empty.
    private static func client(_ number: UInt64) -> ReplicaID {
        ReplicaID(deployment: DeploymentID(application: "", deployment: "client"), number: number)
    }

    // MARK: The load

    /// Reports the load of the clients and of the rest of the instance together from now on.
    package func reportLoads(to receiver: @escaping @Sendable ([DeploymentID: Load]) -> Void) {
        state.withLock { $0.receiver = receiver }
    }

    /// A client reports its load, or the rest of the instance does (`nil`).
    package func report(_ loads: [DeploymentID: Load], from client: UInt64? = nil) {
        // Under the lock, so that sums arrive in the order of the reports.
        state.withLock { state in
            let sums = state.loads.report(loads, from: client)
            state.receiver?(sums)
        }
    }

    // MARK: What clients say

    package func received(_ hello: Hello, on connection: PeerConnection) {
        let isWelcome = state.withLock { state in
            guard hello.replica == nil, state.connections.count < Self.limit,
                !state.connections.values.contains(where: { $0 === connection })
            else { return false }
            state.connections[state.next] = connection
            state.next += 1
            for message in state.published.values { connection.send(message) }
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
            for done in state.withLock({ $0.fences.passed(fence, by: Self.client(number)) }) { done() }
        case .load(let loads): report(loads, from: number)
        default: connection.close(because: "unexpected control message: a client does not send this kind")
        }
    }

    package func closed(_ connection: PeerConnection, reason: String) {
        guard let number = number(of: connection) else { return }
        let passed = state.withLock { state in
            state.connections[number] = nil
            let sums = state.loads.forget(number)
            if !sums.isEmpty { state.receiver?(sums) }
            return state.fences.remove(Self.client(number))
        }
        logger.debug("client is gone", metadata: ["client": "\(number)", "reason": "\(reason)"])
        for done in passed { done() }
    }

    private func number(of connection: PeerConnection) -> UInt64? {
        state.withLock { state in state.connections.first { $0.value === connection }?.key }
    }
}
