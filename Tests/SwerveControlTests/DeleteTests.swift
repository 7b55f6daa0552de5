import SwerveControl
import SwerveCore
import Testing

@Suite("Deleting")
struct DeleteTests {
    @Test("A delete withdraws everything, removes the route, drains running replicas and stops the others")
    func wholeApplication() throws {
        var bench = Bench()
        _ = try bench.run(application(deployment("web"), deployment("model", 1), prefix: "/"))
        _ = try bench.deploy(application(deployment("web"), deployment("model", 2), prefix: "/"))
        #expect(
            try bench.delete() == [
                deleted("model"), deleted("web"), .exposeRoutes([]), .drain(r(2, "model")), .stop(r(3, "model")),
                .drain(r(1)),
                .applicationFailed("shop", ServeError(.deleted, "application 'shop' was deleted")),
            ]
        )
        #expect(bench.state.status().applications["shop"]?.state == .deleting)
        #expect(try bench.delete() == [], "a second delete joins the first")
        #expect(bench.report(.exited(reason: "stopped"), r(3, "model")) == [])
        #expect(bench.report(.drained, r(2, "model")) == [.stop(r(2, "model"))])
        #expect(bench.report(.exited(reason: "stopped"), r(2, "model")) == [])
        #expect(bench.state.status().applications["shop"]?.message == "1 replica is still stopping")
        #expect(bench.report(.exited(reason: "crash"), r(1)) == [.applicationDeleted("shop")])
        #expect(bench.state.status() == ServeStatus(applications: [:]))
        #expect(bench.state.nextWakeUp == nil)
        #expect(throws: ServeError(.notFound, "there is no application 'shop'")) { try bench.delete() }
    }

    @Test("An application without replicas is deleted at once")
    func empty() throws {
        var bench = Bench()
        _ = try bench.deploy(application(deployment("web", 0)))
        #expect(try bench.delete() == [deleted(), .applicationDeleted("shop")])
    }

    @Test("A name can be deployed again while old replicas still stop; the delete ends when those are gone")
    func deployAgain() throws {
        var bench = Bench()
        let web = deployment("web", 1)
        _ = try bench.run(application(web, prefix: "/"))
        _ = try bench.delete()
        #expect(
            try bench.deploy(application(web, prefix: "/")) == [publish([], web), .start(r(2), web)]
        )
        #expect(
            bench.report(.ready, r(2)) == [
                publish([r(2)], web), .exposeRoutes([route("/", to: id())]),
                .applicationRunning("shop"),
            ]
        )
        #expect(bench.report(.drained, r(1)) == [.stop(r(1))])
        #expect(bench.report(.exited(reason: "stopped"), r(1)) == [.applicationDeleted("shop")])
        #expect(bench.state.status().applications["shop"]?.state == .running)
    }

    @Test("The prefix of an application that is being deleted is free")
    func prefixIsFree() throws {
        var bench = Bench()
        _ = try bench.run(application(deployment(), prefix: "/"))
        _ = try bench.delete()
        let rival = application(deployment("web", 0, in: "rival"), named: "rival", prefix: "/")
        #expect(try bench.deploy(rival).contains(.exposeRoutes([route("/", to: id("web", in: "rival"))])))
    }

    @Test("A shutdown deletes all applications and refuses new ones")
    func shutdown() throws {
        var bench = Bench()
        for name in ["b", "a"] {
            _ = try bench.run(application(deployment(in: name), named: name, prefix: "/\(name)"))
        }
        let (a, b) = (r(2, in: "a"), r(1, in: "b"))
        #expect(
            bench.state.shutdown(now: bench.now) == [
                deleted(in: "a"), deleted(in: "b"), .exposeRoutes([]), .drain(a), .drain(b),
            ]
        )
        #expect(bench.state.shutdown(now: bench.now) == [])
        let error = #expect(throws: ServeError.self) { try bench.deploy(application(deployment())) }
        #expect(error?.code == .shutDown)
        #expect(bench.report(.exited(reason: "x"), a) == [.applicationDeleted("a")])
        #expect(bench.report(.exited(reason: "x"), b) == [.applicationDeleted("b")])
    }
}
