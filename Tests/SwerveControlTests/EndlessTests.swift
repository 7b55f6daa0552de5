import SwerveControl
import SwerveCore
import Testing

/// Situations that would last forever without a limit.
@Suite struct EndlessTests {
    private let web = deployment("web", 1) { $0.healthCheckPeriod = .seconds(1_000_000) }

    /// Lets the controller stop the replica five more times, each time without an answer.
    private func tellToStop(_ replica: ReplicaID, in bench: inout Bench) {
        for _ in 2...6 { #expect(bench.wait(.seconds(10)) == [.stop(replica)]) }
    }

    @Test func `a delete does not wait for a replica that cannot be stopped`() throws {
        var bench = Bench()
        _ = try bench.run(application(web))
        _ = try bench.delete()
        #expect(bench.report(.drained, r(1)) == [.stop(r(1))])
        tellToStop(r(1), in: &bench)
        #expect(bench.state.status().applications["shop"]?.state == .deleting)
        #expect(bench.wait(.seconds(10)) == [.stop(r(1)), .applicationDeleted("shop")])
        #expect(bench.state.status() == ServeStatus(applications: [:]))
        #expect(bench.state.nextWakeUp == nil)
        #expect(bench.report(.exited(reason: "at last"), r(1)) == [])
    }

    @Test func `a shutdown does not wait for a replica that cannot be stopped`() throws {
        var bench = Bench()
        _ = try bench.deploy(application(web))
        #expect(bench.state.shutdown(now: bench.now).contains(.stop(r(1))))
        tellToStop(r(1), in: &bench)
        #expect(bench.wait(.seconds(10)) == [.stop(r(1)), .applicationDeleted("shop")])
    }

    @Test func `a deployment that was left out goes even if one of its replicas cannot be stopped`() throws {
        var bench = Bench()
        _ = try bench.run(application(web, deployment("model")))
        _ = try bench.deploy(application(web))
        _ = bench.report(.drained, r(2, "model"))
        tellToStop(r(2, "model"), in: &bench)
        #expect(bench.status("model") != nil)
        _ = bench.wait(.seconds(10))
        #expect(bench.status("model") == nil)
    }

    @Test func `while its deployment runs, a replica that cannot be stopped stays in the status and is stopped again`()
        throws
    {
        var bench = Bench()
        let hanging = deployment { $0.healthCheckTimeout = .seconds(10) }
        _ = try bench.run(application(hanging))
        for _ in 1...4 { _ = bench.wait(.seconds(10)) }
        #expect(bench.status()?.replicas.map(\.state) == [.unhealthy, .starting])
        for _ in 1...20 { #expect(bench.wait(.seconds(10)) == [.stop(r(1))]) }
        #expect(bench.status()?.replicas.map(\.id) == [r(1), r(2)])
        #expect(bench.report(.ready, r(2)) == [publish([r(2)], hanging)])
    }

    @Test func `a deploy ends even if two deployments crash in turns, so that both are never healthy at once`()
        throws
    {
        var bench = Bench()
        let model = deployment("model", 1) { $0.healthCheckPeriod = .seconds(1_000_000) }
        _ = try bench.deploy(application(web, model))
        var replicas = [r(1), r(2, "model")]
        var announced: [ControlAction] = []
        for round in 0..<6 where announced.isEmpty {
            let turn = round % 2
            #expect(!bench.report(.ready, replicas[turn]).contains(.applicationRunning("shop")))
            bench.now = bench.now + .seconds(60)
            let actions = bench.report(.exited(reason: "crash"), replicas[turn])
            for case .start(let replica, _, _) in actions { replicas[turn] = replica }
            announced = actions.filter { if case .applicationFailed = $0 { true } else { false } }
        }
        #expect(announced.count == 1)
    }

    @Test func `a tick does not probe a replica that it drains`() throws {
        var bench = Bench()
        _ = try bench.run(application(deployment("web", 1, version: 1)))
        let new = deployment("web", 2, version: 2) {
            $0.startTimeout = .seconds(10)
            $0.healthCheckPeriod = .seconds(10)
        }
        _ = try bench.deploy(application(new))
        for number: UInt64 in 4...8 {
            _ = bench.report(.exited(reason: "x"), r(number - 1))
            let wakeUp = try #require(bench.state.nextWakeUp)
            #expect(bench.wait(wakeUp - bench.now).contains(.start(r(number), new)))
        }
        #expect(bench.report(.ready, r(2)) == [])
        let actions = bench.wait(.seconds(10))
        #expect(actions.contains(.drain(r(2))), "the sixth failure ends the roll-out")
        #expect(!actions.contains(.probe(r(2))))
    }
}
