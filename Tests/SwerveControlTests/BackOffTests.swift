import SwerveControl
import SwerveCore
import Testing

/// Who waits for whom when replicas of different ages fail.
@Suite struct BackOffTests {
    /// Health checks are out of the way, so that the next wake-up is the end of a wait.
    private func web(_ replicas: Int) -> DeploymentSpec {
        deployment("web", replicas) { $0.healthCheckPeriod = .seconds(1_000_000) }
    }

    private func starts(_ actions: [ControlAction]) -> [ReplicaID] {
        actions.compactMap { if case .start(let replica, _) = $0 { replica } else { nil } }
    }

    /// Lets the newest replica die young, again and again, until its seat waits ten seconds.
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

    @Test func `the end of a replica that lasted starts the next one, whatever else waits`() throws {
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

    @Test func `a health check that fails in a replica that lasted starts the next one in the same tick`() throws {
        var bench = Bench()
        _ = try bench.run(application(deployment("web", 1) { $0.healthCheckTimeout = .seconds(1) }))
        for wait in [10, 10, 10] { #expect(starts(bench.wait(.seconds(wait))).isEmpty) }
        #expect(starts(bench.wait(.seconds(1))) == [r(2)])
    }

    @Test func `the first crash of a replica waits a tenth of a second, whatever another one goes through`() throws {
        var bench = Bench()
        _ = try bench.run(application(web(3)))
        let last = try crashLoop(&bench, from: 3)
        #expect(starts(bench.report(.exited(reason: "signal 11"), r(2))) == [r(last + 1)])
        _ = bench.report(.ready, r(last + 1))
        #expect(starts(bench.report(.exited(reason: "crash"), r(last + 1))) == [])
        #expect(starts(bench.wait(.milliseconds(99))) == [])
        #expect(starts(bench.wait(.milliseconds(1))) == [r(last + 2)])
        #expect(bench.state.nextWakeUp == bench.now + .milliseconds(9_900), "the other waits on")
    }

    @Test func `replicas that each crash once, one after the other, all wait a tenth of a second`() throws {
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

    @Test func `a wait for a replica that is no longer wanted holds up no other`() throws {
        var bench = Bench()
        _ = try bench.run(application(web(2)))
        _ = bench.report(.exited(reason: "crash"), r(2))
        _ = try bench.deploy(application(web(1)))
        #expect(bench.state.nextWakeUp == MonotonicTime.zero + .seconds(1_000_000), "nothing waits any more")
        bench.now = bench.now + .seconds(10)
        #expect(starts(bench.report(.exited(reason: "signal 11"), r(1))) == [r(3)])
    }

    @Test func `of the waits that are left over the shortest stay`() throws {
        var bench = Bench()
        _ = try bench.run(application(web(4)))
        let last = try crashLoop(&bench, from: 4)
        _ = bench.report(.exited(reason: "signal 11"), r(2))
        _ = bench.report(.exited(reason: "crash"), r(last + 1))
        #expect(starts(try bench.deploy(application(web(3)))) == [])
        #expect(starts(bench.wait(.milliseconds(100))) == [r(last + 2)])
    }

    @Test func `a crash loop is tried once in ten seconds, also when others die of age beside it`() throws {
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
