import SwerveControl
import SwerveCore
import Testing

/// What needs no delay: a queue in front of busy replicas, and a first request without replicas.
@Suite struct BurstTests {
    @Test func `a queue in front of busy replicas starts one replica at once`() throws {
        var bench = Bench()
        let web = autoscaled { $0.startsForQueue = true }
        _ = try bench.run(application(web))
        #expect(bench.load(2, queued: 1) == [.start(r(2), web)])
        #expect(bench.status()?.target.reason == "all 1 replicas are busy; 2 ongoing, 1 queued")
    }

    @Test func `the next replica starts at once only when the first runs and requests still wait`() throws {
        var bench = Bench()
        let web = autoscaled {
            $0.startsForQueue = true
            $0.upscaleDelay = .seconds(100)
        }
        _ = try bench.run(application(web))
        _ = bench.load(2, queued: 20)
        #expect(bench.load(2, queued: 30) == [])
        #expect(bench.report(.ready, r(2)) == [publish([r(1), r(2)], web), .start(r(3), web)])
        _ = bench.load(6)
        #expect(bench.report(.ready, r(3)) == [publish([r(1), r(2), r(3)], web)])
    }

    @Test func `a queue that the present replicas can take starts nothing`() throws {
        var bench = Bench()
        _ = try bench.run(application(autoscaled { $0.startsForQueue = true }))
        #expect(bench.load(1, queued: 1) == [])
    }

    @Test func `Swerve's defaults grow within 0.3 s without any queue`() throws {
        var bench = Bench()
        _ = try bench.run(application(deployment { $0.autoscaling = Autoscaling() }))
        _ = bench.load(10)
        _ = bench.pass(.milliseconds(300))
        #expect(bench.target ?? 0 > 1)
        _ = bench.pass(.seconds(1))
        #expect(bench.target == 5)
        _ = bench.load(0)
        _ = bench.pass(.seconds(59))
        #expect(bench.target == 5)
        _ = bench.pass(.seconds(2))
        #expect(bench.target == 1)
    }

    @Test func `at zero, the first request starts a replica at once`() throws {
        var bench = Bench()
        let web = autoscaled(0)
        #expect(try bench.deploy(application(web)) == [publish([], web), .applicationRunning("shop")])
        #expect(bench.load(0, queued: 1) == [.start(r(1), web)])
        #expect(bench.status()?.target.reason == "there is no replica; 0 ongoing, 1 queued")
        #expect(bench.status()?.state == .upscaling)
        #expect(bench.state.status().applications["shop"]?.state == .running)
        #expect(bench.report(.ready, r(1)) == [publish([r(1)], web)])
    }

    @Test func `a deployment falls to zero only from one, after a delay of its own`() throws {
        var bench = Bench()
        let web = autoscaled(0) { $0.downscaleToZeroDelay = .seconds(30) }
        _ = try bench.deploy(application(web))
        _ = bench.load(6)
        _ = bench.pass(.seconds(5))
        #expect(bench.target == 3)
        _ = bench.load(0)
        _ = bench.pass(.seconds(12))
        #expect(bench.target == 1)
        _ = bench.pass(.seconds(17))
        #expect(bench.target == 1)
        _ = bench.pass(.seconds(3))
        #expect(bench.target == 0)
        #expect(bench.status()?.replicas == [])
        #expect(bench.load(1) != [], "and comes back")
    }

    @Test func `a replica that is starting for the first request is not given up when the request goes`() throws {
        var bench = Bench()
        _ = try bench.deploy(application(autoscaled(0)))
        _ = bench.load(0, queued: 1)
        _ = bench.load(0)
        #expect(bench.wait(.seconds(5)) == [])
        #expect(bench.target == 1)
    }
}
