import SwerveControl
import SwerveCore
import Testing

@Suite("Roll-outs")
struct RolloutTests {
    @Test("Old replicas serve until all new ones are ready; then the new ones are published and the old ones drained")
    func startFirst() throws {
        var bench = Bench()
        _ = try bench.run(application(deployment("web", 2, version: 1)))
        let new = deployment("web", 2, version: 2)
        #expect(try bench.deploy(application(new)) == [.start(r(3), new), .start(r(4), new)])
        #expect(bench.report(.ready, r(4)) == [])
        #expect(
            bench.report(.ready, r(3)) == [
                publish([r(3), r(4)], new), .drain(r(1)), .drain(r(2)), .applicationRunning("shop"),
            ]
        )
        #expect(bench.report(.drained, r(1)) == [.stop(r(1))])
        #expect(bench.report(.drained, r(1)) == [], "a doubled report")
        #expect(bench.report(.exited(reason: "stopped"), r(1)) == [])
        #expect(bench.report(.exited(reason: "stopped"), r(1)) == [], "a doubled report")
        #expect(bench.status()?.replicas.map(\.id) == [r(2), r(3), r(4)])
    }

    @Test("An old replica that dies during a roll-out is not replaced; the new ones take over when none is left")
    func oldDies() throws {
        var bench = Bench()
        let old = deployment("web", 2, version: 1)
        _ = try bench.run(application(old))
        let new = deployment("web", 2, version: 2) { $0.maxOngoingRequests = 3 }
        _ = try bench.deploy(application(new))
        _ = bench.report(.ready, r(3))
        #expect(bench.report(.exited(reason: "crash"), r(1)) == [publish([r(2)], old)])
        #expect(bench.status()?.message == "", "no failure of what is wanted")
        #expect(bench.report(.exited(reason: "crash"), r(2)) == [publish([r(3)], new)])
        #expect(
            bench.report(.ready, r(4)) == [publish([r(3), r(4)], new), .applicationRunning("shop")]
        )
    }

    @Test("A deploy replaces an ongoing one: replicas that never served go, and those that serve stay")
    func superseded() throws {
        var bench = Bench()
        _ = try bench.run(application(deployment("web", 2, version: 1)))
        _ = try bench.deploy(application(deployment("web", 2, version: 2)))
        _ = bench.report(.ready, r(3))
        let third = deployment("web", 1, version: 3)
        #expect(try bench.deploy(application(third)) == [.drain(r(3)), .stop(r(4)), .start(r(5), third)])
        #expect(
            bench.report(.ready, r(5)) == [
                publish([r(5)], third), .drain(r(1)), .drain(r(2)), .applicationRunning("shop"),
            ]
        )
    }

    @Test("Going back to the version that still serves needs no new replica")
    func backAgain() throws {
        var bench = Bench()
        let first = application(deployment("web", 2, version: 1))
        _ = try bench.run(first)
        _ = try bench.deploy(application(deployment("web", 2, version: 2)))
        #expect(try bench.deploy(first) == [.stop(r(3)), .stop(r(4)), .applicationRunning("shop")])
    }

    @Test("A version that ran before is not given up after a few failures when it comes back")
    func backAgainAndFailing() throws {
        var bench = Bench()
        _ = try bench.run(application(deployment("web", 1, version: 1)))
        _ = try bench.deploy(application(deployment("web", 1, version: 2)))
        let more = deployment("web", 2, version: 1)
        #expect(try bench.deploy(application(more)) == [.stop(r(2)), .start(r(3), more)])
        for number: UInt64 in 3...12 {
            _ = bench.report(.exited(reason: "x"), r(number))
            #expect(bench.wait(.seconds(10)).contains(.start(r(number + 1), more)))
        }
    }

    @Test("A deployment that the new spec leaves out serves until the rest is healthy and the route has changed")
    func vanishing() throws {
        var bench = Bench()
        _ = try bench.run(application(deployment("web"), deployment("model"), prefix: "/"))
        let front = deployment("front", 2)
        let model = deployment("model", version: 2)
        #expect(
            try bench.deploy(application(front, model, prefix: "/")) == [
                publish([], front), .start(r(3, "front"), front), .start(r(4, "front"), front),
                .start(r(5, "model"), model),
            ]
        )
        _ = bench.report(.ready, r(3, "front"))
        #expect(
            bench.report(.ready, r(4, "front")) == [
                publish([r(3, "front"), r(4, "front")], front),
                .exposeRoutes([route("/", to: id("front"))]),
            ],
            "the old route stays until the new ingress is healthy"
        )
        #expect(
            bench.report(.ready, r(5, "model")) == [
                publish([r(5, "model")], model), .drain(r(2, "model")),
                vanished("web"), .drain(r(1)), .applicationRunning("shop"),
            ]
        )
    }

    @Test("A new ingress gets the route before the old one is withdrawn")
    func newIngress() throws {
        var bench = Bench()
        _ = try bench.run(application(deployment("web"), prefix: "/"))
        let front = deployment("front", answersHTTP: false)
        _ = try bench.deploy(application(front, prefix: "/front"))
        #expect(
            bench.report(.ready, r(2, "front")) == [
                publish([r(2, "front")], front),
                .exposeRoutes([route("/front", to: id("front"), answersHTTP: false)]),
                vanished("web"), .drain(r(1)), .applicationRunning("shop"),
            ]
        )
    }

    @Test("A left-out deployment is restarted if it dies before the roll-out is done, and can come back")
    func vanishingDies() throws {
        var bench = Bench()
        let web = deployment("web")
        _ = try bench.run(application(web))
        _ = try bench.deploy(application(deployment("front")))
        bench.now = bench.now + .seconds(60)
        #expect(
            bench.report(.exited(reason: "crash"), r(1)) == [publish([], web), .start(r(3), web)]
        )
        #expect(bench.report(.ready, r(3)) == [publish([r(3)], web)])
        #expect(
            try bench.deploy(application(web)) == [
                vanished("front"), .stop(r(2, "front")), .applicationRunning("shop"),
            ]
        )
    }
}
