import SwerveControl
import SwerveCore
import Testing

/// Where replicas go when there are several nodes.
@Suite struct PlacementTests {
    private static func nodes(_ names: String..., cpus: Double = 4) -> [String: NodeResources] {
        Dictionary(uniqueKeysWithValues: names.map { ($0, NodeResources(cpus: cpus, memory: 1 << 30)) })
    }

    private static func web(
        _ replicas: Int,
        _ resources: Resources = Resources(cpus: 1),
        _ strategy: DeploymentOptions.PlacementStrategy = .spread,
        most: Int? = nil
    ) -> DeploymentSpec {
        deployment("web", replicas) {
            $0.resources = resources
            $0.placementStrategy = strategy
            $0.maxReplicasPerNode = most
        }
    }

    private static func places(_ actions: [ControlAction]) -> [String] {
        actions.compactMap { if case .start(_, _, let reservation) = $0 { reservation.node } else { nil } }
    }

    @Test func `a deployment's replicas spread over the nodes, or fill one after another`() throws {
        for (strategy, wanted) in [(.spread, ["a", "b", "c", "a"]), (.pack, ["a", "a", "b", "b"])]
            as [(DeploymentOptions.PlacementStrategy, [String])]
        {
            var state = ControllerState(nodes: Self.nodes("a", "b", "c", cpus: 2))
            let web = Self.web(4, Resources(cpus: 1), strategy)
            #expect(Self.places(try state.deploy(application(web), now: .zero)) == wanted)
        }
    }

    @Test func `replicas that reserve nothing spread, too`() throws {
        var state = ControllerState(nodes: Self.nodes("a", "b"))
        #expect(Self.places(try state.deploy(application(Self.web(3, Resources())), now: .zero)) == ["a", "b", "a"])
    }

    @Test func `a node has at most as many replicas as the deployment allows`() throws {
        var state = ControllerState(nodes: Self.nodes("a", "b"))
        let web = Self.web(2, Resources(), .pack, most: 1)
        #expect(Self.places(try state.deploy(application(web), now: .zero)) == ["a", "b"])
        let error = try #require(throws: ServeError.self) { try state.scale(web.id, to: 3, by: .user, now: .zero) }
        #expect(error.code == .insufficientResources)
        #expect(error.message.contains("3 replicas, of which 2 fit: each may have 1 replica on a node"))
    }

    @Test func `another choice of nodes replaces no replica, another limit per node does`() {
        let web = Self.web(1)
        #expect(Self.web(1, Resources(cpus: 1), .pack).revision == web.revision)
        #expect(Self.web(1, most: 1).revision != web.revision)
    }

    @Test func `an application whose deployments do not fit together is refused`() throws {
        var bench = Bench(node: NodeResources(cpus: 3, memory: 1 << 30, custom: ["licence": 1]))
        func refusal(_ need: Resources) throws -> String {
            let two = [deployment("one") { $0.resources = need }, deployment("two") { $0.resources = need }]
            let spec = ApplicationSpec(name: "shop", routePrefix: nil, ingress: "one", deployments: two)
            let error = try #require(throws: ServeError.self) { try bench.deploy(spec) }
            #expect(error.code == .insufficientResources)
            return error.message
        }
        let start = "application 'shop': its deployments need"
        #expect(try refusal(Resources(cpus: 1.6)) == "\(start) 3.2 cpu together; there is 3 in all")
        #expect(
            try refusal(Resources(memory: 600 << 20)) == "\(start) 1200 MiB of memory together; there is 1024 in all"
        )
        #expect(try refusal(Resources(custom: ["licence": 0.6])) == "\(start) 1.2 licence together; there is 1 in all")
        #expect(bench.state.status().applications.isEmpty)
    }

    @Test func `the status says what a replica holds, and how its memory is limited`() throws {
        var bench = Bench(node: NodeResources(cpus: 3, memory: 1 << 30))
        let web = Self.web(1, Resources(cpus: 1, memory: 1 << 20))
        _ = try bench.deploy(application(web))
        let limit = MemoryLimit(bytes: 1 << 20, enforcement: .process)
        _ = bench.report(.placed(ReplicaPlace(address: "a", memoryLimit: limit)), r(1))
        let replica = try #require(bench.status()?.replicas.first)
        #expect(replica.reservation == Reservation(node: "local", resources: web.options.resources))
        #expect(replica.memoryLimit == limit)
    }

    @Test func `a replica that survives its application keeps its reservation until it is gone`() throws {
        var bench = Bench(node: NodeResources(cpus: 1, memory: 1 << 30))
        _ = try bench.run(application(Self.web(1)))
        _ = try bench.delete()
        for _ in 0..<20 { _ = bench.wait(.seconds(20)) }
        #expect(bench.state.status().applications.isEmpty)
        let next = deployment("web", in: "next") { $0.resources = Resources(cpus: 1) }
        #expect(Self.places(try bench.deploy(application(next, named: "next"))) == [])
        #expect(Self.places(bench.report(.exited(reason: "at last"), r(1))) == ["local"])
    }
}
