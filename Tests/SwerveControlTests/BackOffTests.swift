import SwerveControl
import SwerveCore
import Testing

/// How the back-offs of seats interact when replicas of different ages fail.
@Suite struct BackOffTests {
    /// A deployment without health checks, so that the next wake-up is the end of a wait.
    private func web(_ replicas: Int) -> DeploymentSpec {
        deployment("web", replicas) { $0.healthCheckPeriod = .seconds(1_000_000) }
    }

    private func starts(_ actions: [ControlAction]) -> [ReplicaID] {
        actions.compactMap { if case .start(let replica, _, _) = $0 { replica } else { nil } }
    }

    /// Lets the newest replica die young again and again until its seat waits ten seconds.
    private func crashLoop(_ bench: inout Bench, from first: UInt64) throws -> UInt64 {
        var number = first
        for _ in 0..<8 {
            _ = bench.report(.exited(reason: "crash"), r(number))
            let wakeUp = try #require(bench.state.nextWakeUp)
            _ = bench.wait(wakeUp - bench.now)
            number += 1
        }
        _ = bench.report(.exited(reason: "crash"), r(number))
        #expect(bench.state.nextWakeUp == bench.now + .seconds(10))
        return number
    }

    @Test func `the end of a replica that lasted starts the next one at once, whatever else waits`() throws {
        var bench = Bench()
        let web = web(3)
        _ = try bench.run(application(web))
        bench.now = bench.now + .seconds(10)
        #expect(starts(bench.report(.exited(reason: "crash"), r(3))) == [r(4)])
        let last = try crashLoop(&bench, from: 4)
        #expect(
            bench.report(.exited(reason: "signal 11"), r(1)) == [
                publish([r(2)], web), .start(r(last + 1), web),
            ]
        )
        #expect(starts(bench.report(.exited(reason: "signal 11"), r(2))) == [r(last + 2)])
    }

    @Test func `a replica that lasted and fails its health check is replaced in the same tick`() throws {
        var bench = Bench()
        _ = try bench.run(application(deployment("web", 1) { $0.healthCheckTimeout = .seconds(1) }))
        for wait in [10, 10, 10] { #expect(starts(bench.wait(.seconds(wait))).isEmpty) }
        #expect(starts(bench.wait(.seconds(1))) == [r(2)])
    }

    @Test func `the first crash of a replica waits a tenth of a second, even while another one crash-loops`() throws {
        var bench = Bench()
        _ = try bench.run(application(web(3)))
        let last = try crashLoop(&bench, from: 3)
        #expect(starts(bench.report(.exited(reason: "signal 11"), r(2))) == [r(last + 1)])
        _ = bench.report(.ready, r(last + 1))
        #expect(starts(bench.report(.exited(reason: "crash"), r(last + 1))) == [])
        #expect(starts(bench.wait(.milliseconds(99))) == [])
        #expect(starts(bench.wait(.milliseconds(1))) == [r(last + 2)])
        #expect(bench.state.nextWakeUp == bench.now + .milliseconds(9_900), "the other seat still waits")
    }

    @Test func `replicas that each crash once, one after another, all wait a tenth of a second`() throws {
        var bench = Bench()
        _ = try bench.run(application(web(5)))
        for number: UInt64 in 1...5 {
            bench.now = bench.now + .seconds(1)
            #expect(starts(bench.report(.exited(reason: "crash"), r(number))) == [])
            #expect(starts(bench.wait(.milliseconds(99))) == [])
            #expect(starts(bench.wait(.milliseconds(1))) == [r(number + 5)])
            _ = bench.report(.ready, r(number + 5))
        }
    }

    @Test func `the wait of a replica that is no longer wanted does not delay others`() throws {
        var bench = Bench()
        _ = try bench.run(application(web(2)))
        _ = bench.report(.exited(reason: "crash"), r(2))
        _ = try bench.deploy(application(web(1)))
        #expect(bench.state.nextWakeUp == MonotonicTime.zero + .seconds(1_000_000), "nothing waits any more")
        bench.now = bench.now + .seconds(10)
        #expect(starts(bench.report(.exited(reason: "signal 11"), r(1))) == [r(3)])
    }

    @Test func `scaling down keeps the seats with the shortest waits`() throws {
        var bench = Bench()
        _ = try bench.run(application(web(4)))
        let last = try crashLoop(&bench, from: 4)
        _ = bench.report(.exited(reason: "signal 11"), r(2))
        _ = bench.report(.exited(reason: "crash"), r(last + 1))
        #expect(starts(try bench.deploy(application(web(3)))) == [])
        #expect(starts(bench.wait(.milliseconds(100))) == [r(last + 2)])
    }

    @Test func `a crash loop starts once in ten seconds, even when replicas that lasted die beside it`() throws {
        var bench = Bench()
        _ = try bench.run(application(web(2)))
        bench.now = bench.now + .seconds(10)
        _ = bench.report(.exited(reason: "crash"), r(2))
        let last = try crashLoop(&bench, from: 3)
        #expect(starts(bench.report(.exited(reason: "signal 11"), r(1))) == [r(last + 1)])
        #expect(starts(bench.wait(.milliseconds(9_999))) == [])
        #expect(starts(bench.wait(.milliseconds(1))) == [r(last + 2)])
        _ = bench.report(.exited(reason: "crash"), r(last + 2))
        #expect(bench.state.nextWakeUp == bench.now + .seconds(10))
    }
}
