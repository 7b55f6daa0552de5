import SwerveControl
import SwerveCore
import Testing

/// Replicas that wait for resources.
@Suite struct PendingTests {
    private static let node = NodeResources(
        cpus: 4,
        gpus: [NodeResources.GPU(id: "0")],
        memory: 0,
        custom: ["licence": 2]
    )

    private static func web(_ replicas: Int, version: UInt8 = 1, gpus: Double, in application: String = "shop")
        -> DeploymentSpec
    {
        deployment("web", replicas, version: version, in: application) { $0.resources = Resources(gpus: gpus) }
    }

    private static func start(_ number: UInt64, _ spec: DeploymentSpec) -> ControlAction {
        let gpus = spec.options.resources.gpus > .zero ? ["0"] : []
        return .start(
            ReplicaID(deployment: spec.id, number: number),
            spec,
            on: Reservation(node: "local", gpus: gpus, resources: spec.options.resources)
        )
    }

    /// The actions of a deploy whose replicas all wait.
    private static func waits(_ spec: DeploymentSpec, _ reason: String) -> [ControlAction] {
        [publish([], spec), .waitForResources(spec.id, reason: reason)]
    }

    @Test func `a replica starts with what it holds of its node`() throws {
        var bench = Bench(node: Self.node)
        let web = Self.web(2, gpus: 0.3)
        #expect(try bench.deploy(application(web)) == [publish([], web), Self.start(1, web), Self.start(2, web)])
    }

    @Test func `a replica without room waits, says why, and starts when another is gone`() throws {
        var bench = Bench(node: Self.node)
        let (first, second) = (Self.web(2, gpus: 0.4), Self.web(1, gpus: 0.3, in: "later"))
        _ = try bench.run(application(first))
        bench.now = bench.now + .seconds(5)
        let reason = "needs 0.3 gpu; node local has 0.2 of 1 free; held by shop/web#1 0.4, shop/web#2 0.4"
        #expect(try bench.deploy(application(second, named: "later")) == Self.waits(second, reason))
        let status = try #require(bench.state.status().applications["later"]?.deployments["web"])
        #expect(status.state == .updating)
        #expect(status.message == "0 of 1 replicas running; 1 pending: \(reason)")
        #expect(status.pending == PendingReplicas(count: 1, reason: reason, since: bench.now))
        #expect(try bench.scale(to: 1) == [publish([r(1)], first), .drain(r(2))])
        #expect(bench.report(.drained, r(2)) == [.stop(r(2))])
        #expect(bench.report(.exited(reason: "stopped"), r(2)) == [Self.start(3, second)])
    }

    @Test func `a deployment that the application no longer has makes room for the others`() throws {
        var bench = Bench(node: Self.node)
        let side = deployment("side", 1) { $0.resources = Resources(gpus: 0.75) }
        let old = Self.web(1, gpus: 0.25)
        _ = try bench.run(application(old, side))
        let larger = Self.web(2, gpus: 0.25)
        let gone = "deployment 'shop/side' was deleted: application 'shop' no longer has it"
        #expect(
            try bench.deploy(application(larger))
                == [
                    .waitForResources(
                        larger.id,
                        reason: "needs 0.25 gpu; node local has 0 of 1 free; "
                            + "held by shop/side#2 0.75, shop/web#1 0.25"
                    ),
                    .withdraw(side.id, reason: ServeError(.deleted, gone, deployment: side.id)), .drain(r(2, "side")),
                ]
        )
        #expect(bench.report(.drained, r(2, "side")) == [.stop(r(2, "side"))])
        #expect(bench.report(.exited(reason: "stopped"), r(2, "side")) == [Self.start(3, larger)])
    }

    @Test func `it stays while replicas of the version before may call it`() throws {
        var bench = Bench(node: Self.node)
        let side = deployment("side", 1) { $0.resources = Resources(gpus: 0.75) }
        _ = try bench.run(application(Self.web(1, gpus: 0.25), side))
        let next = Self.web(1, version: 2, gpus: 0.5)
        let actions = try bench.deploy(application(next))
        #expect(!actions.contains { if case .withdraw = $0 { true } else { false } })
        #expect(bench.status("side")?.replicas.map(\.state) == [.running])
    }

    @Test func `those who wait longest get what becomes free`() throws {
        var bench = Bench(node: Self.node)
        _ = try bench.run(application(Self.web(1, gpus: 1)))
        let waiting = ["c", "a", "b"].map { Self.web(1, gpus: 0.5, in: $0) }
        for spec in waiting {
            _ = bench.wait(.seconds(1))
            let reason = "needs 0.5 gpu; node local has 0 of 1 free; held by shop/web#1 1"
            #expect(try bench.deploy(application(spec, named: spec.id.application)) == Self.waits(spec, reason))
        }
        _ = try bench.delete()
        _ = bench.report(.drained, r(1))
        let actions = bench.report(.exited(reason: "stopped"), r(1))
        #expect(actions.suffix(2) == [Self.start(2, waiting[0]), Self.start(3, waiting[1])])
    }

    @Test(arguments: [Resources(gpus: 2), Resources(cpus: 5), Resources(custom: ["licence": 3])])
    func `a deploy that can never fit is refused and changes nothing`(need: Resources) throws {
        var bench = Bench(node: Self.node)
        let spec = deployment("web") { $0.resources = need }
        let error = try #require(throws: ServeError.self) { try bench.deploy(application(spec)) }
        #expect(error.code == .insufficientResources)
        #expect(error.message.hasPrefix("deployment 'shop/web': a replica needs"))
        #expect(bench.state.status().applications.isEmpty)
    }

    @Test func `scaling beyond what the node has is refused and changes nothing`() throws {
        var bench = Bench(node: Self.node)
        _ = try bench.run(application(Self.web(1, gpus: 0.3)))
        let error = try #require(throws: ServeError.self) { try bench.scale(to: 4) }
        #expect(error.code == .insufficientResources)
        #expect(error.message.contains("4 replicas, of which 3 fit: each needs 0.3 gpu; node local has 0.1 of 1 free"))
        #expect(bench.status()?.target.replicas == 1)
    }

    @Test func `a rollout whose new replicas need what the old ones hold stops old ones first`() throws {
        var bench = Bench(node: Self.node)
        let (old, new) = (Self.web(2, gpus: 0.4), Self.web(2, version: 2, gpus: 0.4))
        _ = try bench.run(application(old))
        #expect(try bench.deploy(application(new)) == [publish([(r(1), old)], pool: new), .drain(r(2))])
        let reason = "old replicas stop first, because the new ones need what they hold"
        #expect(bench.status()?.message.hasSuffix(reason) == true)
        _ = bench.report(.drained, r(2))
        #expect(bench.report(.exited(reason: "stopped"), r(2)) == [Self.start(3, new)])
        #expect(bench.report(.ready, r(3)) == [publish([(r(3), new)], pool: new), .drain(r(1))])
        _ = bench.report(.drained, r(1))
        #expect(bench.report(.exited(reason: "stopped"), r(1)) == [Self.start(4, new)])
        #expect(bench.report(.ready, r(4)).last == .applicationRunning("shop"))
        #expect(bench.status()?.message == "")
    }

    @Test func `a rollout makes room even if fewer old replicas serve than its target`() throws {
        var bench = Bench(node: Self.node)
        let (old, new) = (Self.web(2, gpus: 0.5), Self.web(3, version: 2, gpus: 0.3))
        _ = try bench.run(application(old))
        #expect(try bench.deploy(application(new)) == [publish([(r(1), old)], pool: new), .drain(r(2))])
        _ = bench.report(.drained, r(2))
        #expect(bench.report(.exited(reason: "stopped"), r(2)) == [Self.start(3, new)])
        #expect(bench.report(.ready, r(3)).last == .drain(r(1)))
    }

    @Test func `a rollout that others keep from starting leaves its old replicas alone`() throws {
        var bench = Bench(node: Self.node)
        let (old, new) = (Self.web(1, gpus: 0), Self.web(1, version: 2, gpus: 0.5))
        _ = try bench.run(application(old))
        _ = try bench.run(application(Self.web(1, gpus: 0.8, in: "other"), named: "other"))
        let actions = try bench.deploy(application(new))
        #expect(!actions.contains(.drain(r(1))))
        #expect(bench.status()?.replicas.map(\.state) == [.running])
    }

    @Test func `a rollout with room starts first`() throws {
        var bench = Bench(node: Self.node)
        let (old, new) = (Self.web(1, gpus: 0.4), Self.web(1, version: 2, gpus: 0.4))
        _ = try bench.run(application(old))
        #expect(try bench.deploy(application(new)) == [Self.start(2, new)])
    }

    @Test func `the wait of a seat that failed counts, though the replica then waits for resources`() throws {
        var bench = Bench(node: Self.node)
        let (first, second) = (Self.web(1, gpus: 0.6), Self.web(1, gpus: 0.4, in: "other"))
        _ = try bench.run(application(second, named: "other"))
        _ = try bench.deploy(application(first))
        _ = bench.report(.exited(reason: "x"), r(2))
        // Another application takes the place while the seat waits.
        let third = Self.web(1, gpus: 0.5, in: "third")
        #expect(try bench.deploy(application(third, named: "third")).last == Self.start(3, third))
        let reason = "needs 0.6 gpu; node local has 0.1 of 1 free; held by third/web#3 0.5, other/web#1 0.4"
        #expect(bench.wait(.milliseconds(100)) == [.waitForResources(first.id, reason: reason)])
        #expect(bench.status()?.message.contains("1 pending: needs 0.6 gpu") == true)
    }
}
