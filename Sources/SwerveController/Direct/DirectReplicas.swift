internal import SwerveCore
package import SwerveLaunch
internal import SwerveTransport
internal import Synchronization

/// The instance's own way in for HTTP connections, as the launcher of workers sees it.
package protocol DirectFront: Sendable {
    /// The limits of connections.
    var settings: HTTPSettings { get }
    /// Starts processes that have the listening socket as their standard input; `nil` while there is no socket.
    var processes: (any ProcessLauncher)? { get }
    /// Lets other processes take connections from the socket; `done` is called later, on any thread, once they may.
    func share(_ done: @escaping @Sendable () -> Void)
    /// Takes connections from now on, or leaves them to others.
    func take(_ takes: Bool)
}

/// The direct replicas of an instance: the shell of ``DirectReplicasState``.
final class DirectReplicas: Sendable {
    let front: any DirectFront
    private let state = Mutex(State())

    private struct State {
        var machine = DirectReplicasState()
        var connections: [ReplicaID: PeerConnection] = [:]
        var routes: [RouteEntry] = []
        /// Which replicas have connections left, while the instance ends.
        var draining: Set<ReplicaID> = []
        var waitingForDrain: [CheckedContinuation<Void, Never>] = []
    }

    init(_ front: any DirectFront) {
        self.front = front
    }

    /// The replicas that take connections, in order.
    var taking: [ReplicaID] { state.withLock { $0.machine.taking } }

    // MARK: What the replicas are told

    func expose(_ routes: [RouteEntry]) {
        // Under the lock, so that every replica gets the tables in the same order.
        state.withLock { state in
            state.routes = routes
            for connection in state.connections.values { connection.send(.routes(routes)) }
        }
    }

    func connected(_ replica: ReplicaID, _ connection: PeerConnection) {
        state.withLock { state in
            state.connections[replica] = connection
            state.machine.connected(replica)
            connection.send(.routes(state.routes))
        }
    }

    func published(_ message: ControlMessage, of deployment: DeploymentID) {
        var published: Set<ReplicaID> = []
        if case .publish(_, let replicas, _) = message { published = Set(replicas.map(\.id)) }
        change { $0.machine.published(deployment, published) }
    }

    /// Makes the replicas say on the page of their health that they drain.
    func announceDrain() {
        state.withLock { state in
            for connection in state.connections.values { connection.send(.announceDrain) }
        }
    }

    /// Lets the replicas finish their connections. They take no more, and so the front does.
    func drain(within limit: Duration) {
        change { state in
            for (replica, connection) in state.connections {
                state.draining.insert(replica)
                connection.send(.drainConnections(within: limit))
            }
            return state.machine.end()
        }
    }

    /// Returns when the replicas have no connection left.
    func drained() async {
        await withCheckedContinuation { continuation in
            let isOver = state.withLock { state in
                if !state.draining.isEmpty { state.waitingForDrain.append(continuation) }
                return state.draining.isEmpty
            }
            if isOver { continuation.resume() }
        }
    }

    // MARK: What the replicas say

    func takes(_ replica: ReplicaID, _ takes: Bool) { change { $0.machine.takes(replica, takes) } }

    func drained(_ replica: ReplicaID) {
        let waiting = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            state.draining.remove(replica)
            guard state.draining.isEmpty else { return [] }
            defer { state.waitingForDrain = [] }
            return state.waitingForDrain
        }
        for caller in waiting { caller.resume() }
    }

    /// The replica's process has ended, or is about to.
    func gone(_ replica: ReplicaID) {
        change { state in
            state.connections[replica] = nil
            return state.machine.gone(replica)
        }
        drained(replica)
    }

    private func change(_ event: (inout State) -> [DirectReplicasState.Action]) {
        // Under the lock, so that the front and the replicas hear things in the order in which they were decided.
        state.withLock { state in
            for action in event(&state) {
                switch action {
                case .share: front.share { self.change { $0.machine.isShared() } }
                case .tell(let replica, let takes): state.connections[replica]?.send(.takeConnections(takes))
                case .front(let takes): front.take(takes)
                }
            }
        }
    }
}
