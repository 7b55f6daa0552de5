import SwerveControl
import SwerveCore
import Testing

/// With many applications, an event costs what its own application costs. `takeChanged()` names those that it touched.
@Suite struct ProportionalWorkTests {
    /// Fifty applications, each with a route and a deployment of two replicas; those of the first one follow the load.
    private func cluster(node: NodeResources = NodeResources(cpus: 0, memory: 0)) throws -> Bench {
        var bench = Bench(node: node)
        for number in 0..<50 {
            let name = "app-\(number)"
            let web = deployment("web", number == 0 ? 1 : 2, in: name) { options in
                if number == 0 { options.autoscaling = Autoscaling(minReplicas: 2, maxReplicas: 4) }
                options.resources = Resources(cpus: node.cpus == .zero ? 0 : 1)
            }
            bench.now = bench.now + .milliseconds(1)
            _ = try bench.run(application(web, named: name, prefix: "/\(name)"))
        }
        _ = bench.state.takeChanged()
        return bench
    }

    private func replica(_ bench: Bench, _ application: String) throws -> ReplicaID {
        try #require(bench.state.status(of: application)?.deployments["web"]?.replicas.first?.id)
    }

    @Test func `a deploy touches only its application`() throws {
        var bench = try cluster()
        _ = try bench.run(application(deployment("web", 2, version: 2, in: "app-7"), named: "app-7", prefix: "/new"))
        #expect(bench.state.takeChanged() == ["app-7"])
    }

    @Test func `a scaling touches only its application`() throws {
        var bench = try cluster()
        _ = try bench.state.scale(id("web", in: "app-7"), to: 5, by: .user, now: bench.now)
        #expect(bench.state.takeChanged() == ["app-7"])
    }

    @Test func `the end of a replica touches only its application`() throws {
        var bench = try cluster(node: NodeResources(cpus: 200, memory: 0))
        _ = bench.report(.exited(reason: "killed"), try replica(bench, "app-7"))
        #expect(bench.state.takeChanged() == ["app-7"])
    }

    @Test func `a load touches only its application`() throws {
        var bench = try cluster()
        let loads = [id("web", in: "app-0"): Load(queued: 3, ongoing: 2)]
        _ = bench.state.report(loads, from: .instance, now: bench.now)
        #expect(bench.state.takeChanged() == ["app-0"])
    }

    @Test func `a tick touches only the applications that have something to do`() throws {
        var bench = try cluster()
        let due = try #require(bench.state.nextWakeUp)
        bench.now = due
        _ = bench.state.tick(now: due)
        #expect(bench.state.takeChanged().count == 1)
    }

    @Test func `what becomes free touches only the applications that wait for it`() throws {
        var bench = try cluster(node: NodeResources(cpus: 101, memory: 0))
        let large = deployment("web", 1, in: "large") { $0.resources = Resources(cpus: 2) }
        _ = try bench.run(application(large, named: "large"))
        _ = bench.state.takeChanged()
        _ = try bench.state.delete(application: "app-7", now: bench.now)
        for number in bench.state.status(of: "app-7")?.deployments["web"]?.replicas.map(\.id) ?? [] {
            _ = bench.report(.drained, number)
            _ = bench.report(.exited(reason: "stopped"), number)
        }
        #expect(bench.state.takeChanged() == ["app-7", "large"])
        #expect(bench.state.status(of: "large")?.deployments["web"]?.replicas.map(\.state) == [.starting])
    }
}
