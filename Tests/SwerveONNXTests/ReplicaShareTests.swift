import SwerveActors
import SwerveCore
import SwerveONNX
import TestSupport
import Testing

@Suite("A replica's share")
struct ReplicaShareTests {
    private func context(_ options: DeploymentOptions) -> ReplicaContext {
        let id = ReplicaID(deployment: DeploymentID(application: "a", deployment: "d"), number: 1)
        return ReplicaContext(replica: id, options: options)
    }

    @Test(
        "Replicas share the cores without using more than there are",
        arguments: [
            // cores, replicas, cpus, concurrent runs, threads
            (8, 1, 0.0, 1, 8), (8, 2, 0, 1, 4), (8, 3, 0, 1, 2), (8, 16, 0, 1, 1), (1, 1, 0, 1, 1), (8, 0, 0, 1, 8),
            (8, 2, 2, 1, 2), (8, 2, 2.5, 1, 2), (8, 4, 6, 1, 2), (8, 1, 0.5, 1, 1), (8, 1, 0, 3, 6), (8, 4, 0, 4, 1),
            (8, 1, 1, 1, 1),
        ] as [(Int, Int, Double, Int, Int)]
    )
    func threads(cores: Int, replicas: Int, cpus: Double, concurrentRuns: Int, threads: Int) {
        #expect(
            ThreadShare.threads(cores: cores, replicas: replicas, cpus: cpus, concurrentRuns: concurrentRuns) == threads
        )
    }

    @Test("The threads of all replicas are at most one per core, or one per run")
    func neverTooMany() {
        for cores in 1...24 {
            for replicas in 1...24 {
                for runs in 1...4 {
                    let each = ThreadShare.threads(cores: cores, replicas: replicas, concurrentRuns: runs)
                    // Each run's own thread also works: n runs with t threads make n + t - 1.
                    #expect(replicas * (each + runs - 1) <= max(cores, replicas * runs))
                }
            }
        }
    }

    @Test("Options get their replica's share, unless they give a number")
    func resolved() {
        let two = context(DeploymentOptions(numReplicas: 2))
        #expect(ONNXSessionOptions().resolved(in: two, cores: 8).intraOpThreads == 4)
        #expect(ONNXSessionOptions(intraOpThreads: 3).resolved(in: two, cores: 8).intraOpThreads == 3)
        #expect(ONNXSessionOptions().resolved(in: nil, cores: 8).intraOpThreads == 8)
        let reserved = context(DeploymentOptions(numReplicas: 2, resources: Resources(cpus: 2)))
        #expect(ONNXSessionOptions().resolved(in: reserved, cores: 8).intraOpThreads == 2)
    }

    @Test("A session shared by the replicas of one process has the sum of their shares")
    func pooled() {
        let options = ONNXSessionOptions(concurrentRuns: 2, queueLimit: 10)
        let three = context(DeploymentOptions(numReplicas: 3, placement: .inProcess))
        let pooled = options.pooled(in: three, cores: 16)
        #expect(pooled.concurrentRuns == 6)
        #expect(pooled.queueLimit == 30)
        #expect(pooled.intraOpThreads == 11)
        let reserved = context(DeploymentOptions(numReplicas: 3, resources: Resources(cpus: 2), placement: .inProcess))
        #expect(ONNXSessionOptions().pooled(in: reserved, cores: 16).intraOpThreads == 4)
        let processes = context(DeploymentOptions(numReplicas: 3))
        #expect(options.pooled(in: processes, cores: 16) == options.resolved(in: processes, cores: 16))
    }

    @Test("A session knows its replica on any thread that opens it")
    func contextOnThreads() async throws {
        let context = context(DeploymentOptions(numReplicas: 1000))
        let path = try Golden.model("scalar")
        let runtime = try Golden.runtime()
        try await ReplicaContext.$current.withValue(context) {
            let loaded = try await ONNXSession.load(.path(path), runtime: runtime)
            #expect(loaded.intraOpThreads == 1)
            let thread = try BlockingThread(queueLimit: 1)
            #expect(try await thread.run { ReplicaContext.current } == context)
        }
    }
}
