import SwerveControl
import SwerveCore
import Testing

/// The target is decided separately, not read from the spec.
@Suite struct ScaleTests {
    @Test func `scaling sets another target, which the status shows, until the next deploy sets it again`() throws {
        var bench = Bench()
        let web = deployment("web", 1)
        _ = try bench.run(application(web))
        #expect(try bench.scale(to: 2) == [.start(r(2), web)])
        #expect(bench.status()?.target == Target(replicas: 2, decidedBy: .policy))
        #expect(bench.report(.ready, r(2)) == [publish([r(1), r(2)], web)])
        #expect(bench.status()?.state == .healthy)
        #expect(try bench.scale(to: 2) == [], "the same again")
        #expect(
            try bench.deploy(application(web)) == [publish([r(1)], web), .drain(r(2)), .applicationRunning("shop")]
        )
        #expect(bench.status()?.target == Target(replicas: 1, decidedBy: .user))
    }

    @Test func `a deployment can be scaled to zero and back`() throws {
        var bench = Bench()
        let web = deployment("web", 1)
        _ = try bench.run(application(web))
        #expect(try bench.scale(to: 0) == [publish([], web), .drain(r(1))])
        #expect(try bench.scale(to: 1) == [.start(r(2), web)])
    }

    @Test func `a waiting deploy succeeds when it is scaled down to the running replicas`() throws {
        var bench = Bench()
        _ = try bench.deploy(application(deployment("web", 3)))
        _ = bench.report(.ready, r(2))
        #expect(try bench.scale(to: 1) == [.stop(r(1)), .stop(r(3)), .applicationRunning("shop")])
    }

    @Test func `after a failed roll-out scaling applies to the version that serves`() throws {
        var bench = Bench()
        let old = deployment("web", 1, version: 1)
        _ = try bench.run(application(old))
        _ = try bench.deploy(application(deployment("web", 1, version: 2)))
        for number: UInt64 in 2...4 {
            _ = bench.report(.exited(reason: "x"), r(number))
            if number < 4 { _ = bench.wait(.seconds(1)) }
        }
        #expect(bench.status()?.state == .deployFailed)
        #expect(try bench.scale(to: 2) == [.start(r(5), old)])
    }

    @Test func `a deployment that could not be started is not scaled but deployed again`() throws {
        var bench = Bench()
        _ = try bench.deploy(application(deployment("web", 1)))
        for number: UInt64 in 1...3 {
            _ = bench.report(.initializationFailed(message: "no weights"), r(number))
            _ = bench.report(.exited(reason: "x"), r(number))
            if number < 3 { _ = bench.wait(.seconds(1)) }
        }
        #expect(bench.status()?.state == .deployFailed)
        let goal = bench.state.goal
        let error = #expect(throws: ServeError.self) { try bench.scale(to: 2) }
        #expect(error?.code == .startFailed)
        #expect(error?.message.contains("is started again only by another deploy") == true)
        #expect(error?.message.contains("no weights") == true)
        #expect(bench.state.goal == goal)
    }

    @Test(arguments: [-1, 10_001])
    func `a target out of range is refused and changes nothing`(replicas: Int) throws {
        var bench = Bench()
        _ = try bench.run(application(deployment("web", 1)))
        let goal = bench.state.goal
        let error = #expect(throws: ServeError.self) { try bench.scale(to: replicas) }
        #expect(error?.code == .invalidOptions)
        #expect(
            error?.message
                == "deployment 'shop/web' cannot be scaled to \(replicas) replicas; the number must be from 0 to 10000"
        )
        #expect(bench.state.goal == goal)
    }

    @Test func `a deployment that does not exist or is being deleted cannot be scaled`() throws {
        var bench = Bench()
        _ = try bench.run(application(deployment("web"), deployment("old")))
        _ = try bench.deploy(application(deployment("web", version: 2)))
        for name in ["old", "other"] {
            let error = #expect(throws: ServeError.self) { try bench.scale(name, to: 1) }
            #expect(error?.code == .notFound)
        }
        _ = try bench.delete()
        #expect(throws: ServeError.self) { try bench.scale(to: 1) }
    }
}
