import Logging
import NIOCore
import NIOEmbedded
import SwerveActors
import SwerveCore
import SwerveReplica
import SwerveTransport
import Synchronization
import Testing

/// Notes which addresses it is asked to connect to, and never connects.
private final class NotedNetwork: PeerNetwork {
    private let noted = Mutex<[String]>([])
    var addresses: [String] { noted.withLock { $0 } }

    func connect(
        to address: String,
        on loop: any EventLoop,
        delegate: any PeerDelegate,
        hosted: HostedReplicas
    ) -> EventLoopFuture<PeerConnection> {
        noted.withLock { $0.append(address) }
        return loop.makeFailedFuture(ServeError(.system, "no network"))
    }
}

@Suite struct PeersTests {
    private let network = NotedNetwork()
    private let system: ServeSystem
    private let peers: Peers

    init() {
        let loop = NIOAsyncTestingEventLoop()
        system = ServeSystem(InstanceID(rawValue: 1), clock: loop, seed: 1)
        peers = Peers(
            loops: [loop],
            network: network,
            pools: system.pools,
            hosted: HostedReplicas(system),
            hello: Hello(replica: nil, processID: 1),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        peers.takeOverPools()
    }

    private func publish(_ deployment: String) -> DeploymentID {
        let id = DeploymentID(application: "app", deployment: deployment)
        let replica = ReplicaID(deployment: id, number: 1)
        let published = PublishedReplica(id: replica, address: "/\(deployment)", maxOngoingRequests: 1)
        peers.publish(id, [published], PoolOptions())
        return id
    }

    @Test func `a process connects only to the replicas of deployments whose handles it has`() {
        let used = publish("used")
        _ = publish("unused")
        #expect(network.addresses == [])
        _ = system.pools.pool(used)
        #expect(network.addresses == ["/used"])
    }

    @Test func `a handle from before the publication is enough`() {
        _ = system.pools.pool(DeploymentID(application: "app", deployment: "used"))
        _ = publish("used")
        #expect(network.addresses == ["/used"])
    }
}
