import SwerveControl
import SwerveCore
import Testing

@Suite struct LedgerTests {
    private static func replica(_ number: UInt64, _ deployment: String = "Model") -> ReplicaID {
        ReplicaID(deployment: DeploymentID(application: "app", deployment: deployment), number: number)
    }

    private static func node(cpus: Double = 4, gpus: Int = 0, memory: Int = 1 << 30, custom: [String: Double] = [:])
        -> NodeResources
    {
        NodeResources(
            cpus: cpus,
            gpus: (0..<gpus).map { NodeResources.GPU(id: "\($0)") },
            memory: memory,
            custom: custom
        )
    }

    @Test func `three replicas of 0.3 and one of 0.1 fill a GPU exactly`() throws {
        var ledger = NodeLedger(["local": Self.node(gpus: 1)])
        for number: UInt64 in 1...3 {
            #expect(try ledger.reserve(Self.replica(number), Resources(gpus: 0.3)).gpus == ["0"])
        }
        let shortage = try #require(throws: Shortage.self) {
            try ledger.reserve(Self.replica(4), Resources(gpus: 0.2))
        }
        #expect(
            shortage.description == "needs 0.2 gpu; node local has 0.1 of 1 free; "
                + "held by app/Model#1 0.3, app/Model#2 0.3, app/Model#3 0.3"
        )
        #expect(try ledger.reserve(Self.replica(4), Resources(gpus: 0.1)).gpus == ["0"])
        #expect(throws: Shortage.self) { try ledger.reserve(Self.replica(5), Resources(gpus: 0.0001)) }
    }

    @Test func `a fraction never straddles two devices`() throws {
        var ledger = NodeLedger(["local": Self.node(gpus: 2)])
        #expect(try ledger.reserve(Self.replica(1), Resources(gpus: 0.7)).gpus == ["0"])
        #expect(try ledger.reserve(Self.replica(2), Resources(gpus: 0.7)).gpus == ["1"])
        let shortage = try #require(throws: Shortage.self) {
            try ledger.reserve(Self.replica(3), Resources(gpus: 0.5))
        }
        #expect(shortage.description.contains("0.6 of 2 free, but no single one has more than 0.3"))
    }

    @Test func `fractions fill a device that is in use before one that is whole`() throws {
        var ledger = NodeLedger(["local": Self.node(gpus: 3)])
        _ = try ledger.reserve(Self.replica(1), Resources(gpus: 0.3))
        _ = try ledger.reserve(Self.replica(2), Resources(gpus: 0.3))
        #expect(try ledger.reserve(Self.replica(3), Resources(gpus: 2)).gpus == ["1", "2"])
    }

    @Test func `whole devices are not made of parts`() throws {
        var ledger = NodeLedger(["local": Self.node(gpus: 2)])
        _ = try ledger.reserve(Self.replica(1), Resources(gpus: 0.1))
        #expect(throws: Shortage.self) { try ledger.reserve(Self.replica(2), Resources(gpus: 2)) }
        #expect(try ledger.reserve(Self.replica(2), Resources(gpus: 1)).gpus == ["1"])
    }

    @Test func `what a replica held is free again when it is gone`() throws {
        var ledger = NodeLedger(["local": Self.node(gpus: 1, custom: ["licence": 1])])
        let all = Resources(cpus: 4, gpus: 1, memory: 1 << 30, custom: ["licence": 1])
        let whole = ledger
        _ = try ledger.reserve(Self.replica(1), all)
        let isReleased = ledger.release(Self.replica(1))
        #expect(isReleased)
        #expect(ledger == whole)
        let isReleasedAgain = ledger.release(Self.replica(1))
        #expect(!isReleasedAgain)
    }

    @Test(arguments: [
        (Resources(cpus: 5), "needs 5 cpu; node local has 4 of 4 free"),
        (Resources(memory: 2 << 30), "needs 2048 MiB of memory; node local has 1024 MiB of 1024 MiB free"),
        (Resources(custom: ["licence": 1]), "needs 1 licence; node local has 0 of 0 free"),
        (Resources(gpus: 1), "needs 1 gpu; node local has 0 of 0 free"),
    ])
    func `a replica that cannot be placed says what is missing`(need: Resources, message: String) throws {
        var ledger = NodeLedger(["local": Self.node()])
        let shortage = try #require(throws: Shortage.self) { try ledger.reserve(Self.replica(1), need) }
        #expect(shortage.description == message)
    }

    @Test func `a demand that no empty cluster could meet is known before anything starts`() {
        let ledger = NodeLedger(["a": Self.node(cpus: 2), "b": Self.node(cpus: 3)])
        let id = Self.replica(1).deployment
        #expect(ledger.problem(Resources(cpus: 1), replicas: 5, of: id, PlacementRule()) == nil)
        #expect(
            ledger.problem(Resources(cpus: 4), replicas: 1, of: id, PlacementRule())
                == "a replica needs 4 cpu; node b has 3 of 3 free (the closest of 2 nodes)"
        )
        #expect(
            ledger.problem(Resources(cpus: 2), replicas: 3, of: id, PlacementRule())?
                .hasPrefix("3 replicas, of which 2 fit: each needs 2 cpu") == true
        )
    }

    @Test func `replicas spread over nodes or fill one after another, up to a limit for each`() throws {
        func nodes(_ rule: PlacementRule) throws -> [String] {
            var ledger = NodeLedger(["a": Self.node(), "b": Self.node(), "c": Self.node()])
            return try (1...4).map { try ledger.reserve(Self.replica($0), Resources(cpus: 1), rule).node }
        }
        #expect(try nodes(PlacementRule(.spread)) == ["a", "b", "c", "a"])
        #expect(try nodes(PlacementRule(.pack)) == ["a", "a", "a", "a"])
        #expect(try nodes(PlacementRule(.pack, maxReplicasPerNode: 2)) == ["a", "a", "b", "b"])
        #expect(throws: Shortage.self) { try nodes(PlacementRule(maxReplicasPerNode: 1)) }
    }
}
