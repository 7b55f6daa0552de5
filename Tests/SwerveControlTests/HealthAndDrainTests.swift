import SwerveControl
import SwerveCore
import Testing

@Suite("Health checks and draining")
struct HealthAndDrainTests {
    @Test("A running replica is probed once a period, one probe at a time")
    func probes() throws {
        var bench = Bench()
        _ = try bench.run(application(deployment()))
        #expect(bench.state.nextWakeUp == bench.now + .seconds(10))
        #expect(bench.wait(.seconds(10)) == [.probe(r(1))])
        #expect(bench.wait(.seconds(12)) == [], "one outstanding")
        #expect(bench.report(.probeAnswered, r(1)) == [])
        #expect(bench.wait(.zero) == [.probe(r(1))], "overdue by now")
        #expect(bench.report(.probeAnswered, r(1)) == [])
        #expect(bench.state.nextWakeUp == bench.now + .seconds(10))
        #expect(bench.wait(.milliseconds(9_999)) == [])
        #expect(bench.wait(.milliseconds(1)) == [.probe(r(1))])
    }

    @Test("A replica is stopped after three misses in a row; an answer in between, even a late one, resets the count")
    func threeMisses() throws {
        var bench = Bench()
        let web = deployment("web", 1)
        _ = try bench.run(application(web))
        #expect(bench.wait(.seconds(10)) == [.probe(r(1))])
        #expect(bench.wait(.seconds(30)) == [.probe(r(1))])
        #expect(bench.wait(.seconds(30)) == [.probe(r(1))])
        #expect(bench.report(.probeAnswered, r(1)) == [])
        #expect(bench.wait(.seconds(10)) == [.probe(r(1))])
        #expect(bench.wait(.seconds(30)) == [.probe(r(1))])
        #expect(bench.wait(.seconds(30)) == [.probe(r(1))])
        #expect(
            bench.wait(.seconds(30)) == [publish([], web), .stop(r(1)), .start(r(2), web)]
        )
        #expect(bench.status()?.replicas.map(\.state) == [.unhealthy, .starting])
        #expect(bench.report(.probeAnswered, r(1)) == [])
        #expect(bench.wait(.seconds(10)) == [.stop(r(1))])
        #expect(bench.report(.ready, r(2)) == [publish([r(2)], web)])
        #expect(bench.report(.exited(reason: "killed"), r(1)) == [])
        #expect(bench.status()?.state == .healthy)
    }

    @Test("A drained replica is stopped again every ten seconds until it is gone")
    func stopRepeats() throws {
        var bench = Bench()
        _ = try bench.run(application(deployment("web", 1)))
        _ = try bench.deploy(application(deployment("web", 0)))
        #expect(bench.wait(.seconds(19)) == [])
        #expect(bench.report(.drained, r(1)) == [.stop(r(1))])
        #expect(bench.wait(.milliseconds(9_999)) == [], "the drain timeout no longer matters")
        #expect(bench.wait(.milliseconds(1)) == [.stop(r(1))])
        #expect(bench.wait(.seconds(10)) == [.stop(r(1))])
        #expect(bench.report(.exited(reason: "killed"), r(1)) == [])
        #expect(bench.state.nextWakeUp == nil)
    }

    @Test("A replica that does not drain in time is stopped")
    func drainTimeout() throws {
        var bench = Bench()
        _ = try bench.run(application(deployment("web", 1)))
        _ = try bench.deploy(application(deployment("web", 0)))
        #expect(bench.wait(.milliseconds(19_999)) == [])
        #expect(bench.wait(.milliseconds(1)) == [.stop(r(1))])
        #expect(bench.report(.drained, r(1)) == [], "too late")
    }

    @Test("When the time for a shutdown is over, draining replicas are stopped, and stopped again when asked again")
    func hurry() throws {
        var bench = Bench()
        _ = try bench.run(application(deployment("web", 2)))
        _ = bench.state.shutdown(now: bench.now)
        #expect(bench.state.hurry(now: bench.now) == [.stop(r(1)), .stop(r(2))])
        _ = bench.report(.exited(reason: "stopped"), r(1))
        #expect(bench.state.hurry(now: bench.now) == [.stop(r(2))])
    }

    @Test("A tick acts only on the deployments that are due")
    func manyTimers() throws {
        var bench = Bench()
        let fast = deployment("fast") { $0.healthCheckPeriod = .seconds(3) }
        _ = try bench.run(application(deployment("web"), fast))
        #expect(bench.wait(.seconds(3)) == [.probe(r(2, "fast"))])
        _ = bench.report(.probeAnswered, r(2, "fast"))
        #expect(bench.state.nextWakeUp == bench.now + .seconds(3))
        #expect(bench.wait(.seconds(7)) == [.probe(r(2, "fast")), .probe(r(1))])
    }
}
