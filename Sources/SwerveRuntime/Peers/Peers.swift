internal import Logging
internal import NIOCore
internal import SwerveActors
internal import SwerveCore
internal import SwerveTransport
internal import Synchronization

/// This process's knowledge of the replica sets, and its connections to the processes that host them.
///
/// The controller publishes every set to every process; a process connects only to replicas of deployments of which it
/// has a handle.
package final class Peers: Sendable {
    private let state = Mutex(State())
    private let group: any EventLoopGroup
    let hosted: HostedReplicas
    private let hello: Hello
    private let logger: Logger

    private enum Published {
        case replicas([PublishedReplica], DeploymentOptions)
        case withdrawn(ServeError)
    }
    private enum Link {
        case connecting
        case connected(PeerConnection)
    }
    private struct State {
        var published: [DeploymentID: Published] = [:]
        var used: Set<DeploymentID> = []
        var links: [String: Link] = [:]
        var targets: [ReplicaID: RemotePeerReplica] = [:]
    }

    /// How long after a failed attempt a connection is tried again.
    private static let retryDelay = TimeAmount.milliseconds(50)

    init(group: any EventLoopGroup, hosted: HostedReplicas, hello: Hello, logger: Logger) {
        self.group = group
        self.hosted = hosted
        self.hello = hello
        self.logger = logger
        hosted.kept.configure(group: group, hello: hello)
    }

    /// From now on the process's routes are fed from here.
    func takeOverRoutes() {
        ServeSystem.current.observeRoutes { [weak self] route in self?.use(route.id) }
    }

    // MARK: What the controller says

    func publish(_ id: DeploymentID, _ replicas: [PublishedReplica], _ options: DeploymentOptions) {
        state.withLock { state in
            state.published[id] = .replicas(replicas, options)
            let current = Set(replicas.map(\.id))
            for target in state.targets.keys where target.deployment == id && !current.contains(target) {
                state.targets[target] = nil
            }
        }
        apply(id)
    }

    func withdraw(_ id: DeploymentID, _ error: ServeError) {
        state.withLock { state in
            state.published[id] = .withdrawn(error)
            for target in state.targets.keys where target.deployment == id { state.targets[target] = nil }
        }
        apply(id)
    }

    private func use(_ id: DeploymentID) {
        state.withLock { _ = $0.used.insert(id) }
        apply(id)
    }

    // MARK: Connections

    /// A connection that the other side made, or that was there before.
    func adopt(_ connection: PeerConnection, address: String) {
        let affected = state.withLock { state in
            state.links[address] = .connected(connection)
            return Self.deployments(at: address, in: state)
        }
        for id in affected { apply(id) }
    }

    func forget(_ connection: PeerConnection) {
        state.withLock { state in
            for (address, link) in state.links {
                if case .connected(let other) = link, other === connection { state.links[address] = nil }
            }
            for (id, target) in state.targets where target.connection === connection { state.targets[id] = nil }
        }
    }

    private static func deployments(at address: String, in state: State) -> [DeploymentID] {
        state.published.compactMap { id, published in
            guard case .replicas(let replicas, _) = published, replicas.contains(where: { $0.address == address })
            else {
                return nil
            }
            return id
        }
    }

    /// Brings a route up to date with what is published and what is connected.
    private func apply(_ id: DeploymentID) {
        let route = ServeSystem.current.route(id)
        var missing: [String] = []
        let published = state.withLock { state -> Published? in
            guard state.used.contains(id) else { return nil }
            guard case .replicas(let replicas, let options)? = state.published[id] else { return state.published[id] }
            // Under the lock, so that an older set cannot overtake a newer one on the way to the route.
            let targets = replicas.compactMap { replica -> (ReplicaID, ReplicaTarget)? in
                if let local = hosted[replica.id] { return (replica.id, .local(local)) }
                if let target = state.targets[replica.id], !target.connection.isClosed {
                    return (replica.id, .remote(target))
                }
                switch state.links[replica.address] {
                case .connected(let connection)? where !connection.isClosed:
                    let target = RemotePeerReplica(replica.id, connection)
                    state.targets[replica.id] = target
                    return (replica.id, .remote(target))
                case .connecting?: return nil
                default:
                    state.links[replica.address] = .connecting
                    missing.append(replica.address)
                    return nil
                }
            }
            route.update(targets.map { (id: $0.0, target: $0.1) }, options: options)
            return nil
        }
        if case .withdrawn(let error)? = published { route.withdraw(error) }
        for address in missing { connect(to: address) }
    }

    private func connect(to address: String) {
        // Unstructured: started by a message on an event loop; ends with the attempt.
        Task {
            do {
                let link = OutgoingLink(peers: self, address: address)
                let connection = try await PeerSocket.connect(to: address, on: group, delegate: link, hosted: hosted)
                connection.send(hello)
            } catch {
                logger.debug(
                    "connecting to a replica failed",
                    metadata: ["address": "\(address)", "error": "\(error)"]
                )
                failed(address)
            }
        }
    }

    fileprivate func failed(_ address: String) {
        let affected = state.withLock { state in
            state.links[address] = nil
            return Self.deployments(at: address, in: state)
        }
        guard !affected.isEmpty else { return }
        group.any().scheduleTask(in: Self.retryDelay) { for id in affected { self.apply(id) } }
    }
}

/// A connection that this process made to call replicas of another.
private final class OutgoingLink: PeerDelegate {
    private let peers: Peers
    private let address: String

    init(peers: Peers, address: String) {
        self.peers = peers
        self.address = address
    }

    func received(_ hello: Hello, on connection: PeerConnection) {
        if let path = hello.boardPath, let board = try? SharedBoard(path: path, create: false) {
            connection.setPeerBoard(board, slot: hello.boardSlot)
        }
        peers.adopt(connection, address: address)
    }
    func received(_ message: ControlMessage, on connection: PeerConnection) {
        connection.close(because: "a control message from a replica that is not the controller")
    }
    func closed(_ connection: PeerConnection, reason: String) {
        peers.forget(connection)
        peers.failed(address)
    }
}
