package import Logging
package import NIOCore
package import SwerveActors
package import SwerveCore
internal import SwerveReplica
internal import Synchronization

/// What this process knows about the replica sets, and its connections to the processes that host them: one connection
/// per event loop and address.
///
/// The controller publishes every set to every process. A process connects only to replicas of deployments that it
/// holds a handle for. When a connection ends, whichever side made it, `Peers` drops it.
package final class Peers: PublicationTarget {
    private let state = Mutex(State())
    private let loops: [any EventLoop]
    private let network: any PeerNetwork
    private let pools: PoolTable
    package let hosted: HostedReplicas
    package let hello: Hello
    private let logger: Logger

    private enum Published {
        case replicas([PublishedReplica], PoolOptions)
        case withdrawn(ServeError)
    }
    private enum Link {
        case none
        case connecting
        case connected(PeerConnection)
    }
    private struct State {
        var published: [DeploymentID: Published] = [:]
        var used: Set<DeploymentID> = []
        /// By address, then by the position of an event loop.
        var links: [String: [Link]] = [:]
        /// The remote replicas that the pools use.
        var remote: [ReplicaID: RemoteReplica] = [:]
        /// What replicas said last about their models.
        var models: [ReplicaID: Said] = [:]
    }
    private struct Said {
        let models: ReplicaModels
        let isHere: Bool
        /// Over which it said it, if it is not here.
        weak var connection: PeerConnection?
    }

    /// The delay before a failed connection attempt is repeated.
    private static let retryDelay = TimeAmount.milliseconds(50)

    /// - Parameter loops: the event loops on which this process's requests begin.
    package init(
        loops: [any EventLoop],
        network: any PeerNetwork,
        pools: PoolTable,
        hosted: HostedReplicas,
        hello: Hello,
        logger: Logger
    ) {
        self.loops = loops
        self.network = network
        self.pools = pools
        self.hosted = hosted
        self.hello = hello
        self.logger = logger
        hosted.kept.configure(network: network, loop: loops[0], hello: hello)
        hosted.models.tell { [weak self] replica, models in self?.know(models, of: replica, from: nil) }
    }

    /// From now on, feeds the process's pools.
    package func takeOverPools() {
        pools.observe { [weak self] pool in self?.use(pool.id) }
    }

    // MARK: What the controller says

    package func publish(_ id: DeploymentID, _ replicas: [PublishedReplica], _ options: PoolOptions) {
        state.withLock { state in
            let present = Set(replicas.map(\.id))
            let left = Self.replicas(of: id, in: state)
            for (replica, said) in state.models where replica.deployment == id && !present.contains(replica) {
                // One that was never published will be, unless its process has ended: replicas speak before that.
                let isGone = said.isHere ? hosted[replica] == nil : said.connection?.isClosed ?? true
                if isGone || left.contains(replica) { state.models[replica] = nil }
            }
            state.published[id] = .replicas(replicas, options)
        }
        apply(id)
    }

    package func withdraw(_ id: DeploymentID, _ error: ServeError) {
        state.withLock { state in
            for replica in Self.replicas(of: id, in: state) { state.models[replica] = nil }
            state.published[id] = .withdrawn(error)
        }
        apply(id)
    }

    private static func replicas(of id: DeploymentID, in state: State) -> Set<ReplicaID> {
        guard case .replicas(let replicas, _)? = state.published[id] else { return [] }
        return Set(replicas.map(\.id))
    }

    /// A replica, here or in another process, says which models it has.
    ///
    /// - Parameter connection: to the other process; `nil` for a replica here.
    package func know(_ models: ReplicaModels, of replica: ReplicaID, from connection: PeerConnection?) {
        // A process has several connections to another, and each brings every report.
        let isUsed = state.withLock { state in
            if let known = state.models[replica]?.models, known.number >= models.number { return false }
            state.models[replica] = Said(models: models, isHere: connection == nil, connection: connection)
            return state.used.contains(replica.deployment)
        }
        if isUsed { pools.pool(replica.deployment).know(models, of: replica) }
    }

    private func use(_ id: DeploymentID) {
        state.withLock { _ = $0.used.insert(id) }
        apply(id)
    }

    // MARK: Connections

    /// Takes a connection that the other side made, or that this side made and the other answered.
    ///
    /// - Returns: whether the connection is used for requests; `false` when an open one already serves its loop and
    ///   address.
    @discardableResult
    package func adopt(_ connection: PeerConnection, address: String) -> Bool {
        guard let index = loops.firstIndex(where: { $0 === connection.eventLoop }) else { return false }
        let affected = state.withLock { state -> [DeploymentID]? in
            // A connection that has already closed would never be forgotten: its end was reported before this.
            if connection.isClosed { return nil }
            var links = links(to: address, in: state)
            if case .connected(let other) = links[index], !other.isClosed { return nil }
            links[index] = .connected(connection)
            state.links[address] = links
            return Self.deployments(at: address, in: state)
        }
        guard let affected else { return false }
        for id in affected { apply(id) }
        return true
    }

    private func links(to address: String, in state: State) -> [Link] {
        state.links[address] ?? Array(repeating: .none, count: loops.count)
    }

    /// A connection ended, whichever side made it.
    package func forget(_ connection: PeerConnection) {
        let affected = state.withLock { state -> [DeploymentID] in
            var affected: [DeploymentID] = []
            for (address, var links) in state.links {
                for (index, link) in links.enumerated() {
                    guard case .connected(let other) = link, other === connection else { continue }
                    links[index] = .none
                    affected += Self.deployments(at: address, in: state)
                }
                state.links[address] = Self.isUsed(links) ? links : nil
            }
            // The next publication drops what published replicas said; nothing else would drop that of others.
            state.models = state.models.filter { replica, said in
                said.connection !== connection || Self.replicas(of: replica.deployment, in: state).contains(replica)
            }
            return affected
        }
        for id in affected.sorted() { apply(id) }
    }

    private static func isUsed(_ links: [Link]) -> Bool {
        links.contains { if case .none = $0 { false } else { true } }
    }

    private static func deployments(at address: String, in state: State) -> [DeploymentID] {
        let found = state.published.compactMap { id, published -> DeploymentID? in
            guard case .replicas(let replicas, _) = published, replicas.contains(where: { $0.address == address })
            else { return nil }
            return id
        }
        return found.sorted()
    }

    /// Brings a pool up to date with what is published and what is connected.
    private func apply(_ id: DeploymentID) {
        // Asking for the pool would make one, and with it connections that nobody needs.
        guard state.withLock({ $0.used.contains(id) }) else { return }
        let pool = pools.pool(id)
        let missing = state.withLock { state -> [(String, Int)] in
            guard state.used.contains(id), let published = state.published[id] else { return [] }
            guard case .replicas(let replicas, let options) = published else {
                for replica in state.remote.keys where replica.deployment == id { state.remote[replica] = nil }
                if case .withdrawn(let error) = published { pool.withdraw(error) }
                return []
            }
            let current = Set(replicas.map(\.id))
            for replica in state.remote.keys where replica.deployment == id && !current.contains(replica) {
                state.remote[replica] = nil
            }
            var missing: [(String, Int)] = []
            let reachable = replicas.compactMap { replica in
                way(to: replica, in: &state, &missing).map {
                    Pool.Member($0, maxOngoingRequests: replica.maxOngoingRequests)
                }
            }
            for replica in replicas {
                let models = hosted[replica.id]?.models?.report ?? state.models[replica.id]?.models
                if let models { pool.know(models, of: replica.id) }
            }
            // Under the lock, so that an older set cannot overtake a newer one on its way to the pool.
            pool.update(reachable, options: options)
            return missing
        }
        for (address, index) in missing { connect(to: address, index) }
    }

    private func way(
        to replica: PublishedReplica,
        in state: inout State,
        _ missing: inout [(String, Int)]
    ) -> (any ReplicaConnection)? {
        if let local = hosted[replica.id] { return local }
        var links = links(to: replica.address, in: state)
        var connections: [PeerConnection?] = []
        for index in links.indices {
            switch links[index] {
            case .connected(let connection) where !connection.isClosed: connections.append(connection)
            case .connected, .none:
                links[index] = .connecting
                missing.append((replica.address, index))
                connections.append(nil)
            case .connecting: connections.append(nil)
            }
        }
        state.links[replica.address] = links
        guard connections.contains(where: { $0 != nil }) else {
            state.remote[replica.id] = nil
            return nil
        }
        if let known = state.remote[replica.id], known.uses(connections) { return known }
        let new = RemoteReplica(replica.id, connections)
        state.remote[replica.id] = new
        return new
    }

    private func connect(to address: String, _ index: Int) {
        let link = OutgoingLink(peers: self, address: address)
        let (hello, loop) = (hello, loops[index])
        network.connect(to: address, on: loop, delegate: link, hosted: hosted).whenComplete { result in
            switch result {
            case .success(let connection): connection.send(hello)
            case .failure(let error):
                self.logger.debug(
                    "connecting to a replica failed",
                    metadata: ["address": "\(address)", "error": "\(error)"]
                )
                self.failed(address, index)
            }
        }
    }

    /// An attempt to connect failed; it is repeated while the address is published.
    fileprivate func failed(_ address: String, _ index: Int) {
        let affected = state.withLock { state -> [DeploymentID] in
            if var links = state.links[address], case .connecting = links[index] {
                links[index] = .none
                state.links[address] = Self.isUsed(links) ? links : nil
            }
            return Self.deployments(at: address, in: state)
        }
        guard !affected.isEmpty else { return }
        loops[index].scheduleTask(in: Self.retryDelay) { for id in affected { self.apply(id) } }
    }

    fileprivate func index(of connection: PeerConnection) -> Int? {
        loops.firstIndex { $0 === connection.eventLoop }
    }

    /// The number of open connections, for status and tests.
    package var connectionCount: Int {
        state.withLock { state in
            state.links.values.reduce(0) { sum, links in
                sum + links.count { if case .connected = $0 { true } else { false } }
            }
        }
    }
}

/// A connection that this process made to call another process's replicas.
private final class OutgoingLink: PeerDelegate {
    private let peers: Peers
    private let address: String

    init(peers: Peers, address: String) {
        self.peers = peers
        self.address = address
    }

    func received(_ hello: Hello, on connection: PeerConnection) {
        if let slot = hello.board?.open() { connection.setPeerBoard(slot) }
        if !peers.adopt(connection, address: address) {
            connection.close(because: "another connection serves this loop")
        }
    }
    func received(_ message: ControlMessage, on connection: PeerConnection) {
        if case .models(let id, let models) = message { return peers.know(models, of: id, from: connection) }
        connection.close(because: "unexpected control message: only the controller sends this kind")
    }
    func closed(_ connection: PeerConnection, reason: String) {
        peers.forget(connection)
        if let index = peers.index(of: connection) { peers.failed(address, index) }
    }
}
