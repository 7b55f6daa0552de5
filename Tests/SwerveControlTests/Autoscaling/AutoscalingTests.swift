import SwerveControl
import SwerveCore
import Testing

/// How the target follows the load. Time passes only as the tests say.
@Suite struct AutoscalingTests {
    @Test func `a load above the target starts replicas after the delay, and not before`() throws {
        var bench = Bench()
        let web = autoscaled()
        _ = try bench.run(application(web))
        #expect(bench.load(10) == [])
        // The mean of the last second passes 2 after 0.2 s; the delay is a second.
        #expect(bench.pass(.milliseconds(1150)) == [])
        let started = Array(bench.pass(.milliseconds(200)).prefix(4))
        #expect(started == (2...5).map { ControlAction.start(r($0), web) })
        #expect(bench.target == 5)
    }

    @Test func `a load that is high for less than the delay starts nothing`() throws {
        var bench = Bench()
        _ = try bench.run(application(autoscaled()))
        _ = bench.load(10)
        _ = bench.pass(.milliseconds(300))
        _ = bench.load(0)
        #expect(bench.pass(.seconds(100)) == [])
    }

    @Test func `replicas that are starting count, so no more start for the same load`() throws {
        var bench = Bench()
        _ = try bench.run(application(autoscaled()))
        _ = bench.load(10)
        var started = 0
        for _ in 0..<600 {
            let actions = bench.wait(.milliseconds(100))
            started += actions.count { if case .start = $0 { true } else { false } }
        }
        #expect(started == 4)
    }

    @Test func `replicas leave when the load asked for fewer during the whole delay`() throws {
        var bench = Bench()
        _ = try bench.run(application(autoscaled()))
        _ = bench.load(10)
        _ = bench.pass(.seconds(20))
        _ = bench.load(3)
        #expect(bench.pass(.seconds(10)) == [])
        _ = bench.pass(.seconds(2))
        #expect(bench.target == 2)
    }

    @Test func `the number falls only to the highest that was wanted during the delay`() throws {
        var bench = Bench()
        _ = try bench.run(application(autoscaled()))
        _ = bench.load(20)
        _ = bench.pass(.seconds(20))
        #expect(bench.target == 10)
        // A pause just before the delay is over costs no replica, as the load asked for 7 in that time.
        _ = bench.load(14)
        _ = bench.pass(.seconds(9))
        _ = bench.load(0)
        _ = bench.pass(.seconds(2))
        #expect(bench.target == 7)
        _ = bench.load(14)
        _ = bench.pass(.seconds(60))
        #expect(bench.target == 7)
    }

    @Test func `a constant load at the border between two numbers causes one change at most`() throws {
        for load in 0...20 {
            var bench = Bench()
            _ = try bench.run(application(autoscaled()))
            _ = bench.load(load)
            _ = bench.pass(.seconds(30))
            #expect(bench.target == min(max(1, (load + 1) / 2), 10))
            #expect(bench.pass(.seconds(1000)) == [], "load \(load)")
        }
    }

    @Test func `factors damp a change, which then goes on step by step`() throws {
        var bench = Bench()
        _ = try bench.run(
            application(
                autoscaled(1, 20) {
                    $0.upscalingFactor = 0.5
                    $0.downscalingFactor = 0.5
                    $0.lookBack = .zero
                }
            )
        )
        _ = bench.load(34)
        var targets: [Int?] = []
        for _ in 0..<6 {
            _ = bench.pass(.milliseconds(1001))
            targets.append(bench.target)
        }
        #expect(targets == [9, 13, 15, 16, 17, 17])
        _ = bench.load(0)
        _ = bench.pass(.milliseconds(10_500))
        #expect(bench.target == 9)
        _ = bench.pass(.seconds(100))
        #expect(bench.target == 1, "the last step is not lost to rounding")
    }

    @Test func `a replica never counts for more requests than it takes`() throws {
        var bench = Bench()
        _ = try bench.run(application(autoscaled(maxOngoingRequests: 1)))
        _ = bench.load(1, queued: 2)
        _ = bench.pass(.seconds(5))
        #expect(bench.target == 3)
    }

    @Test func `the load is that of all processes, and goes with the process`() throws {
        var bench = Bench()
        _ = try bench.run(application(autoscaled(), deployment("caller")))
        _ = bench.load(2)
        let caller = r(2, "caller")
        _ = bench.report(.loadChanged([id(): Load(ongoing: 6)]), caller)
        #expect(bench.status()?.autoscaling?.load == Load(ongoing: 8))
        _ = bench.pass(.seconds(5))
        #expect(bench.target == 4)
        _ = bench.report(.exited(reason: "killed"), caller)
        #expect(bench.status()?.autoscaling?.load == Load(ongoing: 2))
        _ = bench.report(.loadChanged([id(): Load(ongoing: 6)]), caller)
        #expect(bench.status()?.autoscaling?.load == Load(ongoing: 2), "a late report of a replica that is gone")
        _ = bench.pass(.seconds(15))
        #expect(bench.target == 1)
    }

    @Test func `Ray's numbers need 30 s to grow and 10 minutes to shrink`() throws {
        var bench = Bench()
        _ = try bench.run(application(deployment { $0.autoscaling = .ray(maxReplicas: 4) }))
        _ = bench.load(6, queued: 100)
        _ = bench.pass(.seconds(30))
        #expect(bench.target == 1)
        _ = bench.pass(.seconds(5))
        #expect(bench.target == 4)
        _ = bench.load(0)
        _ = bench.pass(.seconds(599))
        #expect(bench.target == 4)
        _ = bench.pass(.seconds(40))
        #expect(bench.target == 1)
    }
}
