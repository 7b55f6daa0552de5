import Dispatch
import Distributed
import NIOCore
import SwerveActors
import SwerveCore
import SwerveHTTPTypes
import SwerveReplica
import Synchronization
import TestSupport
import Testing

private distributed actor Idle: Deployment {
    typealias ActorSystem = ServeSystem
    struct InitArguments: Codable, Sendable {}
    static func _make(_ arguments: InitArguments, actorSystem: ServeSystem) async throws -> Idle { Idle() }
    static var _deploymentOptions: DeploymentOptions { DeploymentOptions() }
    static var _deploymentMethods: [DeploymentMethod<Idle>] { [] }
    init() {
        self.actorSystem = .ofNewActor
    }
}

@Suite struct ReplicaAdmissionTests {
    private static func replica(limit: Int) -> HostedReplica {
        let id = ReplicaID(deployment: DeploymentID(application: "admission", deployment: "Idle"), number: 1)
        return HostedReplica(id: id, actor: Idle(), limit: limit)
    }

    @Test func `places are given up to the limit, and again when one is given back`() {
        let replica = Self.replica(limit: 2)
        #expect(replica.admit())
        #expect(replica.admit())
        #expect(!replica.admit())
        #expect(replica.ongoing == 2)
        #expect(replica.finish() == nil)
        #expect(replica.admit())
        #expect(!replica.admit())
    }

    @Test func `a replica without requests is drained at once`() {
        let (replica, drained) = (Self.replica(limit: 2), Tally())
        replica.drain { drained.add() }
        #expect(drained.value == 1)
        #expect(!replica.admit())
        #expect(replica.ongoing == 0)
    }

    @Test func `a draining replica takes no more, and the last request tells that it is drained`() throws {
        let (replica, drained) = (Self.replica(limit: 3), Tally())
        #expect(replica.admit())
        #expect(replica.admit())
        replica.drain { drained.add() }
        #expect(!replica.admit())
        #expect(replica.ongoing == 2)
        #expect(replica.finish() == nil)
        let last = try #require(replica.finish())
        // Whoever finishes calls it, behind its answer.
        #expect(drained.value == 0)
        last()
        #expect(drained.value == 1)
        #expect(!replica.admit())
    }

    @Test func `the first to drain is told, and once`() {
        let (replica, first, second) = (Self.replica(limit: 3), Tally(), Tally())
        #expect(replica.admit())
        replica.drain { first.add() }
        replica.drain { second.add() }
        replica.finish()?()
        #expect((first.value, second.value) == (1, 0))
        replica.drain { second.add() }
        #expect((first.value, second.value) == (1, 0))
    }

    /// Notes whether it was refused.
    private final class Receiver: ReplicaStreamReceiver {
        let refusals = Tally()
        func received(_ event: StreamEvent) { if case .refused = event { refusals.add() } }
    }

    // The pools of several processes may each count on the same place.
    @Test func `a request from the replica's own process is refused, too, when others have taken the places`()
        async throws
    {
        let replica = Self.replica(limit: 1)
        #expect(replica.admit())
        let outcome = await replica.call(OutgoingCall(target: "", arguments: Arguments(), mayKeep: false))
        guard case .refused = outcome else { throw ServeError(.protocolViolation, "\(outcome)") }

        let (loop, receiver) = (ManualLoop(), Receiver())
        let request = ReplicaRequest(head: try ServeRequest(path: "/").head, body: ByteBuffer(), deadline: nil)
        let stream = replica.open(request, for: receiver, on: RequestLoop(loop, index: 0))
        #expect(receiver.refusals.value == 0, "no callback during the call that causes it")
        loop.run()
        #expect(receiver.refusals.value == 1)
        stream.cancel()
        #expect(replica.ongoing == 1)
    }

    @Test func `a place that is given back twice is a mistake`() async {
        await #expect(processExitsWith: .failure) {
            _ = ReplicaAdmissionTests.replica(limit: 1).finish()
        }
    }

    @Test func `whatever threads do, the limit holds and drained comes once, after the last request`() async {
        for round in 0..<300 {
            let (limit, threads) = (1 + round % 4, 4)
            let replica = Self.replica(limit: limit)
            let (ongoing, drained) = (Tally(), Tally())
            let ongoingWhenDrained = Atomic<Int>(-1)
            await withCheckedContinuation { over in
                // Off the tests' threads, of which there are few.
                DispatchQueue.global().async {
                    DispatchQueue.concurrentPerform(iterations: threads) { thread in
                        var requests = 0
                        while requests < 200 {
                            guard replica.admit() else {
                                if drained.value > 0 { return }
                                continue
                            }
                            ongoing.add(1)
                            requests += 1
                            if thread == 0, requests == 1 + round % 50 {
                                replica.drain {
                                    ongoingWhenDrained.store(ongoing.value, ordering: .sequentiallyConsistent)
                                    drained.add()
                                }
                            }
                            ongoing.add(-1)
                            replica.finish()?()
                        }
                    }
                    over.resume()
                }
            }
            #expect(ongoing.most <= limit, "round \(round)")
            #expect(drained.value == 1, "round \(round)")
            #expect(ongoingWhenDrained.load(ordering: .sequentiallyConsistent) == 0, "round \(round)")
            #expect(replica.ongoing == 0 && !replica.admit(), "round \(round)")
        }
    }
}
