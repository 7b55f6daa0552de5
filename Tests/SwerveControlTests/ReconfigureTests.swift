import SwerveControl
import SwerveCore
import Testing

/// Changes that replicas take over in place.
@Suite struct ReconfigureTests {
    private func web(
        _ replicas: Int,
        _ config: UInt8?,
        limit: Int = 100,
        _ rule: DeploymentOptions.Rollout = .startFirst
    ) -> DeploymentSpec {
        var spec = deployment("web", replicas) {
            $0.maxOngoingRequests = limit
            $0.rollout = rule
        }
        spec.userConfig = config.map { [$0] }
        return spec
    }

    @Test func `another user configuration reaches one replica after the other, which go on serving`() throws {
        var bench = Bench()
        let new = web(2, 2)
        _ = try bench.run(application(web(2, 1)))
        #expect(try bench.deploy(application(new)) == [.reconfigure(r(1), new, number: 1)])
        #expect(bench.status()?.replicas.map(\.state) == [.reconfiguring, .running])
        #expect(bench.report(.reconfigured(number: 1), r(1)) == [.reconfigure(r(2), new, number: 1)])
        #expect(bench.report(.reconfigured(number: 1), r(1)) == [], "a doubled report")
        #expect(bench.report(.reconfigured(number: 1), r(2)) == [.applicationRunning("shop")])
        #expect(bench.status()?.state == .healthy)
    }

    @Test func `where replicas may be missing, they leave the set while they change`() throws {
        var bench = Bench()
        let rule = DeploymentOptions.Rollout.rolling(maxSurge: 1, maxUnavailable: 1)
        let new = web(3, 2, rule)
        _ = try bench.run(application(web(3, 1, rule)))
        #expect(
            try bench.deploy(application(new))
                == [publish([r(2), r(3)], new), .reconfigure(r(1), new, number: 1)]
        )
        #expect(
            bench.report(.reconfigured(number: 1), r(1))
                == [publish([r(1), r(3)], new), .reconfigure(r(2), new, number: 1)]
        )
    }

    @Test func `the only replica stays in the set, so no call waits`() throws {
        var bench = Bench()
        let new = web(1, 2, .stopFirst)
        _ = try bench.run(application(web(1, 1, .stopFirst)))
        #expect(try bench.deploy(application(new)) == [.reconfigure(r(1), new, number: 1)])
    }

    @Test func `a lower limit of requests holds for callers before the replica, a higher one after it`() throws {
        var bench = Bench()
        _ = try bench.run(application(web(1, nil, limit: 10)))
        let low = web(1, nil, limit: 5)
        #expect(try bench.deploy(application(low)) == [publish([r(1)], low), .reconfigure(r(1), low, number: 1)])
        #expect(bench.report(.reconfigured(number: 1), r(1)) == [.applicationRunning("shop")])
        let high = web(1, nil, limit: 20)
        #expect(try bench.deploy(application(high)) == [.reconfigure(r(1), high, number: 2)])
        #expect(bench.report(.reconfigured(number: 2), r(1)) == [publish([r(1)], high), .applicationRunning("shop")])
    }

    @Test func `a configuration that a replica refuses ends the rollout, and those that changed change back`() throws {
        var bench = Bench()
        let (old, new) = (web(3, 1), web(3, 2))
        _ = try bench.run(application(old))
        _ = try bench.deploy(application(new))
        #expect(bench.report(.reconfigured(number: 1), r(1)) == [.reconfigure(r(2), new, number: 1)])
        let reason = "replica shop/web#2 could not be reconfigured: too low"
        let error = ServeError(.startFailed, "deployment 'shop/web': \(reason)", deployment: id())
        #expect(
            bench.report(.reconfigurationFailed(number: 1, message: "too low"), r(2))
                == [.reconfigure(r(1), old, number: 2), .applicationFailed("shop", error)]
        )
        #expect(bench.report(.reconfigured(number: 2), r(1)) == [.reconfigure(r(2), old, number: 2)])
        #expect(bench.report(.reconfigured(number: 2), r(2)) == [])
        #expect(bench.status()?.state == .deployFailed)
        #expect(bench.status()?.message == "\(reason); the previous version has 3 of 3 replicas running")
    }

    @Test func `a replica that refuses even the configuration that worked is replaced`() throws {
        var bench = Bench()
        let old = web(1, 1)
        _ = try bench.run(application(old))
        _ = try bench.deploy(application(web(1, 2)))
        #expect(
            bench.report(.reconfigurationFailed(number: 1, message: "x"), r(1)).first
                == .reconfigure(r(1), old, number: 2)
        )
        let actions = bench.report(.reconfigurationFailed(number: 2, message: "x"), r(1))
        #expect(actions == [publish([], old), .drain(r(1))])
        #expect(bench.wait(.milliseconds(100)) == [.start(r(2), old)])
    }

    @Test func `a replica that does not finish to change is stopped, and the rollout ends`() throws {
        var bench = Bench()
        let old = web(2, 1)
        _ = try bench.run(application(old))
        _ = try bench.deploy(application(web(2, 2)))
        bench.now = bench.now + .seconds(600)
        let actions = bench.wait(.zero)
        #expect(actions.contains(.stop(r(1))))
        #expect(actions.contains(.start(r(3), old)))
        #expect(
            bench.status()?.message.hasPrefix("replica shop/web#1 did not reconfigure within 600.0 seconds") == true
        )
    }

    @Test func `the first configuration, and the loss of it, replace the replicas`() throws {
        var bench = Bench()
        let (none, some) = (web(1, nil), web(1, 1))
        _ = try bench.run(application(none))
        #expect(try bench.deploy(application(some)) == [.start(r(2), some)])
        _ = bench.report(.ready, r(2))
        #expect(try bench.deploy(application(none)) == [.start(r(3), none)])
    }

    @Test func `options that concern only the controller touch no replica and hold at once`() throws {
        var bench = Bench()
        _ = try bench.run(application(deployment()))
        let new = deployment {
            $0.healthCheckPeriod = .seconds(1)
            $0.gracefulShutdownTimeout = .seconds(2)
        }
        #expect(try bench.deploy(application(new)) == [.applicationRunning("shop")])
        #expect(bench.wait(.seconds(10)) == [.probe(r(1))])
        _ = bench.report(.probeAnswered, r(1))
        #expect(bench.wait(.seconds(1)) == [.probe(r(1))])
        _ = try bench.deploy(application(deployment("web", 0)))
    }

    @Test func `the same content again changes nothing, another executable replaces the replicas`() throws {
        var bench = Bench()
        var spec = web(1, 1)
        _ = try bench.run(application(spec))
        #expect(try bench.deploy(application(spec)) == [.applicationRunning("shop")])
        spec.build = "another"
        #expect(try bench.deploy(application(spec)) == [.start(r(2), spec)])
    }
}
