import SwerveControl
import SwerveCore
import Testing

/// What the user's health check and slow starts lead to.
@Suite struct UserHealthTests {
    @Test func `a replica whose check fails three times in a row finishes its requests and is replaced`() throws {
        var bench = Bench()
        let web = deployment("web", 2)
        _ = try bench.run(application(web))
        bench.now = bench.now + .seconds(60)
        for _ in 1...2 { #expect(bench.report(.checkFailed(message: "model lost"), r(1)) == []) }
        #expect(bench.status()?.replicas.first?.message == "model lost")
        #expect(bench.status()?.replicas.first?.state == .running)
        #expect(
            bench.report(.checkFailed(message: "model lost"), r(1))
                == [publish([r(2)], web), .drain(r(1)), .start(r(3), web)]
        )
        #expect(bench.status()?.replicas.first?.state == .unhealthy)
        #expect(bench.status()?.state == .unhealthy)
        #expect(
            bench.status()?.message
                == "1 of 2 replicas running; last failure: 3 health checks of replica shop/web#1 failed in a row: "
                + "model lost"
        )
        #expect(bench.report(.drained, r(1)) == [.stop(r(1))])
    }

    @Test func `a check that passes in between starts the count again`() throws {
        var bench = Bench()
        _ = try bench.run(application(deployment()))
        for _ in 1...2 { _ = bench.report(.checkFailed(message: "x"), r(1)) }
        #expect(bench.report(.checkPassed, r(1)) == [])
        #expect(bench.status()?.replicas.first?.message == "")
        for _ in 1...2 { #expect(bench.report(.checkFailed(message: "x"), r(1)) == []) }
        #expect(bench.report(.checkFailed(message: "x"), r(1)) != [])
    }

    @Test func `an answered probe does not hide that the user's check fails`() throws {
        var bench = Bench()
        _ = try bench.run(application(deployment()))
        for _ in 1...2 {
            _ = bench.report(.probeAnswered, r(1))
            _ = bench.report(.checkFailed(message: "x"), r(1))
        }
        _ = bench.report(.probeAnswered, r(1))
        #expect(bench.report(.checkFailed(message: "x"), r(1)).contains(.drain(r(1))))
    }

    // MARK: Start-up

    @Test func `the status shows the phase of a start and how long the phases before took`() throws {
        var bench = Bench()
        _ = try bench.deploy(application(deployment()))
        func startUp() -> StartUp? { bench.status()?.replicas.first?.startUp }
        #expect(startUp()?.phase == .placing)
        bench.now = bench.now + .milliseconds(1)
        _ = bench.report(.placed(ReplicaPlace(address: "a")), r(1))
        #expect(startUp()?.phase == .spawning)
        bench.now = bench.now + .milliseconds(2)
        _ = bench.report(.launched(processID: 7), r(1))
        #expect(startUp()?.phase == .connecting)
        bench.now = bench.now + .milliseconds(4)
        _ = bench.report(.connected, r(1))
        #expect(startUp()?.phase == .loading)
        bench.now = bench.now + .seconds(8)
        _ = bench.report(.ready, r(1))
        let expected = StartUp(
            placed: .milliseconds(1),
            spawned: .milliseconds(3),
            connected: .milliseconds(7),
            ready: .milliseconds(8007)
        )
        #expect(startUp() == expected)
        #expect(startUp()?.phase == .ready)
    }

    @Test func `a start is reported as slow after 30 seconds and every 30 seconds, once for all replicas`() throws {
        var bench = Bench()
        _ = try bench.deploy(application(deployment("web", 2)))
        for number: UInt64 in 1...2 { _ = bench.report(.launched(processID: nil), r(number)) }
        bench.now = bench.now + .seconds(5)
        _ = bench.report(.connected, r(1))
        #expect(bench.tick(after: .milliseconds(24_999)) == [])
        #expect(bench.tick(after: .milliseconds(1)) == [.reportSlowStart(r(1), .loading, .seconds(25))])
        #expect(bench.tick(after: .milliseconds(29_999)) == [])
        #expect(bench.tick(after: .milliseconds(1)) == [.reportSlowStart(r(1), .loading, .seconds(55))])
        _ = bench.report(.ready, r(1))
        #expect(bench.tick(after: .seconds(30)).contains(.reportSlowStart(r(2), .connecting, .seconds(90))))
    }
}
