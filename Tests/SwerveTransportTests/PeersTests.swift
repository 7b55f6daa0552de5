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
    private let loop = NIOAsyncTestingEventLoop()

    init() {
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

    private final class NoWaiter: LeaseWaiter {
        func leaseGranted(_ lease: LeaseBox) { Issue.record("none waits") }
        func leaseRefused(_ error: ServeError) { Issue.record("none waits: \(error)") }
    }

    @Test func `a connection that brought news of models is not held when it has closed`() async throws {
        let id = DeploymentID(application: "app", deployment: "models")
        weak var left: PeerConnection?
        for number in 1...2 {
            let connection = try await loop.executeInContext {
                PeerConnection(wire: RecordingWire(loop), delegate: Recorder(), hosted: peers.hosted)
            }
            left = connection
            let replica = ReplicaID(deployment: id, number: UInt64(number))
            #expect(peers.adopt(connection, address: "/\(number)"))
            if number == 1 {
                let published = PublishedReplica(id: replica, address: "/\(number)", maxOngoingRequests: 100)
                peers.publish(id, [published], PoolOptions())
            }
            peers.know(ReplicaModels(maxModels: 8, models: [], number: 1), of: replica, from: connection)
            try await loop.executeInContext { connection.close(because: "the test is over") }
            peers.forget(connection)
            peers.withdraw(id, ServeError(.deleted, "the test is over"))
        }
        await loop.advanceTime(by: .seconds(10))
        #expect(left == nil)
    }

    @Test func `what a replica says about its models counts, even if a later replica is published first`() async throws
    {
        let id = DeploymentID(application: "app", deployment: "models")
        let replicas = (1...3).map { ReplicaID(deployment: id, number: $0) }
        _ = system.pools.pool(id)
        for replica in replicas {
            let connection = try await loop.executeInContext {
                PeerConnection(wire: RecordingWire(loop), delegate: Recorder(), hosted: peers.hosted)
            }
            #expect(peers.adopt(connection, address: "/\(replica.number)"))
            let models = (0..<8).map { ModelStatus(id: "\(replica.number)-\($0)", state: .loaded) }
            peers.know(ReplicaModels(maxModels: 8, models: models, number: 1), of: replica, from: connection)
        }
        for ready in [[2], [1, 2], [0, 1, 2]] {
            let published = ready.map { replicas[$0] }.map {
                PublishedReplica(id: $0, address: "/\($0.number)", maxOngoingRequests: 100)
            }
            peers.publish(id, published, PoolOptions())
        }
        for replica in replicas {
            for model in 0..<8 {
                let attributes = RequestAttributes(modelID: "\(replica.number)-\(model)")
                guard case .lease(let box) = system.pools.pool(id).acquire(NoWaiter(), attributes: attributes),
                    let lease = box.take()
                else {
                    Issue.record("all replicas have room")
                    return
                }
                let chosen = lease.replica.id
                #expect(chosen == replica)
            }
        }
    }
}
