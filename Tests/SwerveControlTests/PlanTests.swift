import SwerveControl
import SwerveCore
import Testing

/// What a deploy would change, without doing it.
@Suite struct PlanTests {
    private func plan(_ new: DeploymentSpec..., after old: DeploymentSpec..., on node: NodeResources? = nil) throws
        -> DeployPlan
    {
        var bench = Bench(node: node ?? NodeResources(cpus: 0, memory: 0))
        if !old.isEmpty {
            let spec = ApplicationSpec(name: "shop", routePrefix: nil, ingress: "web", deployments: old)
            _ = try bench.run(spec)
        }
        return try bench.state.plan(ApplicationSpec(name: "shop", routePrefix: nil, ingress: "web", deployments: new))
    }

    @Test func `deployments are created and deleted`() throws {
        let plan = try plan(deployment("web"), deployment("new", 2), after: deployment("web"), deployment("gone"))
        #expect(plan.changes.map(\.action) == [.delete, .create, .unchanged])
        #expect(plan.changes.map(\.deployment.deployment) == ["gone", "new", "web"])
        #expect(plan.changesSomething)
        #expect(try !self.plan(deployment("web"), after: deployment("web")).changesSomething)
    }

    @Test func `an application can take over the route of one that is deleted before`() throws {
        var bench = Bench()
        _ = try bench.run(application(deployment(in: "old"), named: "old", prefix: "/shop"))
        let new = application(deployment(in: "new"), named: "new", prefix: "/shop")
        let error = #expect(throws: ServeError.self) { try bench.state.plan(new) }
        #expect(error?.message.contains("is taken by application 'old'") == true)
        #expect(try bench.state.plan(new, without: ["old"]).changes.map(\.action) == [.create])
        #expect(throws: ServeError.self) { try bench.state.plan(new, without: ["other"]) }
    }

    @Test func `a replacement says which fields differ and how it goes`() throws {
        let new = deployment("web", 2, version: 2) {
            $0.execution = .eventLoop
            $0.maxQueuedRequests = 5
        }
        let plan = try plan(new, after: deployment("web", 2))
        #expect(
            plan.description
                == "shop/web: replace (arguments, maxQueuedRequests: 10000 -> 5, execution: automatic -> eventLoop); "
                + "startFirst: up to 2 new replicas start beside the old ones\n"
        )
    }

    @Test func `the lightest sufficient action is chosen`() throws {
        var configured = deployment("web", 2)
        configured.userConfig = [1]
        var other = configured
        other.userConfig = [2]
        #expect(try plan(other, after: configured).changes.first?.action == .reconfigure)
        #expect(try plan(deployment("web", 3), after: deployment("web", 2)).changes.first?.action == .scale)
        let light = deployment("web") { $0.healthCheckPeriod = .seconds(1) }
        let change = try plan(light, after: deployment("web")).changes.first
        #expect(change?.action == .options)
        #expect(change?.fields.map(\.description) == ["healthCheckPeriod: 10.0 seconds -> 1.0 seconds"])
        var rebuilt = deployment("web")
        rebuilt.build = "b2"
        let replaced = try plan(rebuilt, after: deployment("web")).changes.first
        #expect(replaced?.action == .replace)
        #expect(replaced?.fields.map(\.name) == ["executable"])
    }

    @Test func `it says when old replicas have to stop first, and why`() throws {
        func web(_ version: UInt8) -> DeploymentSpec {
            deployment("web", 1, version: version) { $0.resources = Resources(cpus: 2) }
        }
        let plan = try plan(web(2), after: web(1), on: NodeResources(cpus: 3, memory: 0))
        #expect(
            plan.changes.first?.method.hasPrefix("forced to stop old replicas first: a new one needs 2 cpu") == true
        )
    }

    @Test func `a spec that a deploy would refuse is refused`() throws {
        let error = #expect(throws: ServeError.self) {
            try self.plan(deployment("web") { $0.maxOngoingRequests = 0 })
        }
        #expect(error?.code == .invalidOptions)
    }
}
