import SwerveControl
import SwerveCore
import Testing

@Suite("Deploying")
struct DeployTests {
    @Test("A first deploy starts all replicas, publishes each ready one and announces the application once")
    func firstDeploy() throws {
        var bench = Bench()
        let web = deployment("web", 2)
        #expect(
            try bench.deploy(application(web, prefix: "/shop")) == [
                publish([], web), .start(r(1), web), .start(r(2), web),
            ]
        )
        #expect(bench.report(.launched(processID: 7), r(1)) == [])
        #expect(
            bench.report(.ready, r(2)) == [
                publish([r(2)], web), .exposeRoutes([route("/shop", to: id())]),
            ]
        )
        #expect(
            bench.report(.ready, r(1)) == [publish([r(1), r(2)], web), .applicationRunning("shop")]
        )
        #expect(bench.report(.ready, r(1)) == [], "a doubled report")
    }

    @Test("A deployment that wants no replicas runs without any")
    func noReplicas() throws {
        var bench = Bench()
        let web = deployment("web", 0)
        #expect(
            try bench.deploy(application(web, prefix: "/")) == [
                publish([], web), .exposeRoutes([route("/", to: id())]), .applicationRunning("shop"),
            ]
        )
        #expect(bench.state.nextWakeUp == nil)
        let more = deployment("web", 1)
        #expect(try bench.deploy(application(more, prefix: "/")) == [.start(r(1), more)])
        #expect(
            bench.report(.ready, r(1)) == [publish([r(1)], more), .applicationRunning("shop")]
        )
        #expect(
            try bench.deploy(application(web, prefix: "/")) == [
                publish([], web), .drain(r(1)), .applicationRunning("shop"),
            ]
        )
    }

    @Test("Deploying a running spec again only reports that it runs; deploying a pending one reports nothing")
    func identical() throws {
        var bench = Bench()
        let spec = application(deployment("web", 2))
        _ = try bench.deploy(spec)
        #expect(try bench.deploy(spec) == [])
        _ = bench.report(.ready, r(1))
        #expect(bench.report(.ready, r(2)).last == .applicationRunning("shop"))
        #expect(try bench.deploy(spec) == [.applicationRunning("shop")])
    }

    @Test("Scaling up starts the missing replicas; the published set grows as they become ready")
    func scaleUp() throws {
        var bench = Bench()
        _ = try bench.run(application(deployment("web", 1)))
        let more = deployment("web", 3)
        #expect(try bench.deploy(application(more)) == [.start(r(2), more), .start(r(3), more)])
        #expect(bench.report(.ready, r(3)) == [publish([r(1), r(3)], more)])
        #expect(
            bench.report(.ready, r(2)) == [
                publish([r(1), r(2), r(3)], more), .applicationRunning("shop"),
            ]
        )
    }

    @Test("Scaling down stops starting replicas first, then the newest, and publishes before it drains")
    func scaleDown() throws {
        var bench = Bench()
        _ = try bench.deploy(application(deployment("web", 4)))
        for number: UInt64 in [1, 2, 4] { _ = bench.report(.ready, r(number)) }
        let three = deployment("web", 3)
        #expect(try bench.deploy(application(three)) == [.stop(r(3)), .applicationRunning("shop")])
        let one = deployment("web", 1)
        #expect(
            try bench.deploy(application(one)) == [
                publish([r(1)], one), .drain(r(2)), .drain(r(4)), .applicationRunning("shop"),
            ]
        )
        #expect(bench.report(.ready, r(3)) == [], "ready too late")
        #expect(bench.report(.exited(reason: "stopped"), r(3)) == [])
    }

    @Test("Callers get new limits at once, but no new replica count")
    func callerOptions() throws {
        var bench = Bench()
        _ = try bench.run(application(deployment("web", 1)))
        let limited = deployment("web", 1) { $0.maxQueuedRequests = 5 }
        #expect(
            try bench.deploy(application(limited)) == [
                publish([r(1)], limited), .applicationRunning("shop"),
            ]
        )
        let turns = deployment("web", 2) {
            $0.maxQueuedRequests = 5
            $0.routing = .roundRobin
        }
        #expect(
            try bench.deploy(application(turns)) == [publish([r(1)], turns), .start(r(2), turns)]
        )
    }

    @Test(
        "An invalid spec is refused with a description of the mistake, and changes nothing",
        arguments: [
            (application(deployment(), named: "a/b"), "application 'a/b': the name"),
            (application(deployment("a b")), "the name 'a b' may hold"),
            (application(deployment(in: "other")), "belongs to another application"),
            (application(deployment("x"), deployment("x")), "two deployments are named 'x'"),
            (application(deployment("x", -1)), "deployment 'x': numReplicas is -1"),
            (application(), "its ingress '' is not one of its deployments"),
            (application(deployment(), prefix: "shop"), "must start with '/'"),
            (application(deployment(), prefix: ""), "must start with '/'"),
            (application(deployment(), prefix: "/shop/"), "must not end with '/'"),
            (application(deployment(in: "b"), named: "b", prefix: "/taken"), "is taken by application 'a'"),
        ]
    )
    func refused(spec: ApplicationSpec, problem: String) throws {
        var bench = Bench()
        _ = try bench.run(application(deployment(in: "a"), named: "a", prefix: "/taken"))
        let before = bench.state.status()
        let error = #expect(throws: ServeError.self) { try bench.deploy(spec) }
        #expect(error?.code == .invalidOptions)
        #expect(error?.message.contains(problem) == true, "\(error?.message ?? "")")
        #expect(bench.state.status() == before)
    }

    @Test("A prefix that an application is giving up stays taken until its route has changed")
    func prefixInForce() throws {
        var bench = Bench()
        _ = try bench.run(application(deployment(version: 1), prefix: "/old"))
        let moved = deployment(version: 2)
        _ = try bench.deploy(application(moved, prefix: "/new"))
        let rival = application(deployment(in: "rival"), named: "rival", prefix: "/old")
        #expect(throws: ServeError.self) { try bench.deploy(rival) }
        #expect(bench.report(.ready, r(2)).contains(.exposeRoutes([route("/new", to: id())])))
        #expect(try bench.deploy(rival).count == 2)
    }
}
