import SwerveControl
import SwerveCore
import Testing

/// How new replicas replace old ones, rule by rule. `RolloutTests` covers the default rule.
@Suite struct RolloutRuleTests {
    private func web(
        _ replicas: Int,
        version: UInt8,
        limit: Int = 100,
        _ rollout: DeploymentOptions.Rollout
    ) -> DeploymentSpec {
        deployment("web", replicas, version: version) {
            $0.maxOngoingRequests = limit
            $0.rollout = rollout
        }
    }

    private let oneByOne = DeploymentOptions.Rollout.rolling(maxSurge: 1, maxUnavailable: 0)

    private func failure(_ attempts: Int, _ last: ReplicaID) -> ControlAction {
        let text = "\(attempts) attempts to start a replica failed; last failure: "
        let message = "deployment 'shop/web': \(text)replica \(last) exited while it started: x"
        return .applicationFailed("shop", ServeError(.startFailed, message, deployment: id()))
    }

    // MARK: Rolling

    @Test func `rolling: each new replica serves with its own limit as soon as it is ready, and an old one goes`()
        throws
    {
        var bench = Bench()
        let old = web(3, version: 1, limit: 7, oneByOne)
        let new = web(3, version: 2, limit: 9, oneByOne)
        _ = try bench.run(application(old))
        #expect(try bench.deploy(application(new)) == [.start(r(4), new)])
        #expect(
            bench.report(.ready, r(4)) == [
                publish([(r(1), old), (r(2), old), (r(4), new)], pool: new), .drain(r(3)), .start(r(5), new),
            ]
        )
        #expect(bench.status()?.message == "")
        #expect(bench.report(.drained, r(3)) == [.stop(r(3))])
        #expect(
            bench.report(.ready, r(5)) == [
                publish([(r(1), old), (r(4), new), (r(5), new)], pool: new), .drain(r(2)), .start(r(6), new),
            ]
        )
        #expect(
            bench.report(.ready, r(6)) == [
                publish([r(4), r(5), r(6)], new), .drain(r(1)), .applicationRunning("shop"),
            ]
        )
    }

    @Test func `rolling: without surge old replicas go first, and a draining one keeps its place until it is gone`()
        throws
    {
        var bench = Bench()
        let rule = DeploymentOptions.Rollout.rolling(maxSurge: 0, maxUnavailable: 2)
        let old = web(3, version: 1, rule)
        let new = web(3, version: 2, rule)
        _ = try bench.run(application(old))
        #expect(try bench.deploy(application(new)) == [publish([r(1)], old), .drain(r(2)), .drain(r(3))])
        #expect(bench.report(.drained, r(2)) == [.stop(r(2))])
        #expect(bench.report(.exited(reason: "stopped"), r(2)) == [.start(r(4), new)])
        #expect(bench.report(.ready, r(4)) == [publish([r(4)], new), .drain(r(1))])
        #expect(bench.report(.exited(reason: "x"), r(3)) == [.start(r(5), new)])
    }

    @Test func `rolling: failing new replicas halt it, the remaining old ones serve, and the old version comes back`()
        throws
    {
        var bench = Bench()
        let old = web(2, version: 1, oneByOne)
        let new = web(2, version: 2, oneByOne)
        _ = try bench.run(application(old))
        _ = try bench.deploy(application(new))
        #expect(
            bench.report(.ready, r(3)) == [
                publish([(r(1), old), (r(3), new)], pool: new), .drain(r(2)), .start(r(4), new),
            ]
        )
        _ = bench.report(.exited(reason: "x"), r(2))
        #expect(
            bench.report(.exited(reason: "crash"), r(3)) == [publish([(r(1), old)], pool: new), .start(r(5), old)],
            "the old version heals"
        )
        #expect(bench.report(.ready, r(5)) == [publish([(r(1), old), (r(5), old)], pool: new)])
        #expect(bench.report(.exited(reason: "x"), r(4)) == [])
        #expect(bench.wait(.milliseconds(99)) == [], "nothing new starts early")
        var last: [ControlAction] = []
        for number: UInt64 in 6...9 {
            let wait = number == 6 ? 1 : 10_000
            #expect(bench.wait(.milliseconds(wait)).filter { !$0.isProbe } == [.start(r(number), new)])
            last = bench.report(.exited(reason: "x"), r(number))
        }
        #expect(last == [failure(6, r(9))])
        #expect(bench.status()?.state == .deployFailed)
        #expect(bench.status()?.options == old.options)
    }

    @Test func `rolling: a replica that succeeds a failed one must last before an old one goes for it`() throws {
        var bench = Bench()
        let calm = oneByOne
        func web(_ version: UInt8) -> DeploymentSpec {
            deployment("web", 1, version: version) {
                $0.rollout = calm
                $0.healthCheckPeriod = .seconds(1_000_000)
            }
        }
        _ = try bench.run(application(web(1)))
        _ = try bench.deploy(application(web(2)))
        #expect(bench.report(.exited(reason: "crash"), r(2)) == [])
        #expect(bench.wait(.milliseconds(100)) == [.start(r(3), web(2))])
        #expect(bench.report(.ready, r(3)) == [publish([r(1), r(3)], web(2))])
        #expect(bench.wait(.milliseconds(9_999)) == [])
        #expect(bench.wait(.milliseconds(1)) == [publish([r(3)], web(2)), .drain(r(1)), .applicationRunning("shop")])
    }

    @Test func `rolling: scaling during the roll-out moves the bounds`() throws {
        var bench = Bench()
        let old = web(3, version: 1, oneByOne)
        let new = web(3, version: 2, oneByOne)
        _ = try bench.run(application(old))
        _ = try bench.deploy(application(new))
        #expect(bench.report(.ready, r(4)).contains(.start(r(5), new)))
        #expect(try bench.scale(to: 5) == [.start(r(6), new), .start(r(7), new)], "5 and a surge of one")
        #expect(
            try bench.scale(to: 1) == [
                publish([r(4)], new), .drain(r(1)), .drain(r(2)), .stop(r(5)), .stop(r(6)),
                .stop(r(7)), .applicationRunning("shop"),
            ]
        )
    }

    @Test func `rolling: going back during the roll-out keeps the remaining old replicas`() throws {
        var bench = Bench()
        let old = web(2, version: 1, oneByOne)
        let new = web(2, version: 2, oneByOne)
        _ = try bench.run(application(old))
        _ = try bench.deploy(application(new))
        _ = bench.report(.ready, r(3))
        #expect(try bench.deploy(application(old)) == [.stop(r(4)), .start(r(5), old)])
        #expect(
            bench.report(.ready, r(5)) == [publish([r(1), r(5)], old), .drain(r(3)), .applicationRunning("shop")]
        )
    }

    @Test func `changing only the rule replaces nothing, and changing it during a roll-out interrupts no service`()
        throws
    {
        var bench = Bench()
        _ = try bench.run(application(web(2, version: 1, .startFirst)))
        let old = web(2, version: 1, oneByOne)
        #expect(try bench.deploy(application(old)) == [.applicationRunning("shop")])
        let new = web(2, version: 2, oneByOne)
        _ = try bench.deploy(application(new))
        _ = bench.report(.ready, r(3))
        let together = web(2, version: 2, .startFirst)
        #expect(try bench.deploy(application(together)) == [])
        #expect(bench.report(.ready, r(4)) == [publish([r(3), r(4)], new), .drain(r(1)), .applicationRunning("shop")])
    }

    // MARK: Start first, stop first

    @Test func `start first: new queue limits apply at once, replica limits together with the replica`() throws {
        var bench = Bench()
        let old = deployment("web", 1, version: 1) { $0.maxOngoingRequests = 7 }
        let new = deployment("web", 1, version: 2) {
            $0.maxOngoingRequests = 3
            $0.maxQueuedRequests = 5
        }
        _ = try bench.run(application(old))
        #expect(try bench.deploy(application(new)) == [publish([(r(1), old)], pool: new), .start(r(2), new)])
        #expect(bench.report(.ready, r(2)) == [publish([r(2)], new), .drain(r(1)), .applicationRunning("shop")])
    }

    @Test func `stop first: old replicas go at once, and a new one starts when an old one is gone`() throws {
        var bench = Bench()
        let old = web(2, version: 1, .stopFirst)
        let new = web(2, version: 2, .stopFirst)
        _ = try bench.run(application(old))
        #expect(try bench.deploy(application(new)) == [publish([], new), .drain(r(1)), .drain(r(2))])
        #expect(bench.report(.drained, r(1)) == [.stop(r(1))])
        #expect(bench.report(.exited(reason: "stopped"), r(1)) == [.start(r(3), new)])
        #expect(bench.report(.ready, r(3)) == [publish([r(3)], new)])
        #expect(bench.report(.exited(reason: "stopped"), r(2)) == [.start(r(4), new)])
        #expect(bench.report(.ready, r(4)) == [publish([r(3), r(4)], new), .applicationRunning("shop")])
    }

    @Test func `stop first: a version that cannot start gives way to the last good one`() throws {
        var bench = Bench()
        let old = web(1, version: 1, .stopFirst)
        let new = web(1, version: 2, .stopFirst)
        _ = try bench.run(application(old))
        _ = try bench.deploy(application(new))
        #expect(bench.report(.exited(reason: "stopped"), r(1)) == [.start(r(2), new)])
        _ = bench.report(.exited(reason: "x"), r(2))
        #expect(bench.wait(.milliseconds(100)) == [.start(r(3), new)])
        _ = bench.report(.exited(reason: "x"), r(3))
        #expect(bench.wait(.milliseconds(200)) == [.start(r(4), new)])
        #expect(bench.report(.initializationFailed(message: "no memory"), r(4)).first == .stop(r(4)))
        #expect(bench.report(.exited(reason: "stopped"), r(4)) == [.start(r(5), old)], "once the failed one is gone")
        #expect(bench.report(.ready, r(5)) == [publish([r(5)], old)])
    }

    @Test func `stop first: an old replica that cannot be stopped delays its successor by one minute`() throws {
        var bench = Bench()
        let new = web(1, version: 2, .stopFirst)
        _ = try bench.run(application(web(1, version: 1, .stopFirst)))
        _ = try bench.deploy(application(new))
        _ = bench.report(.drained, r(1))
        for _ in 1..<6 { #expect(bench.wait(.seconds(10)) == [.stop(r(1))]) }
        #expect(bench.wait(.seconds(10)) == [.stop(r(1)), .start(r(2), new)])
    }

    @Test func `stop first: a version that comes back waits until its own replica is gone`() throws {
        var bench = Bench()
        let old = web(1, version: 1, .stopFirst)
        _ = try bench.run(application(old))
        _ = try bench.deploy(application(web(1, version: 2, .stopFirst)))
        // The first replica drains: it is of the wanted version again, but will not serve any more.
        let back = try bench.deploy(application(old))
        #expect(!back.contains(.start(r(2), old)))
        #expect(bench.report(.drained, r(1)) == [.stop(r(1))])
        #expect(bench.report(.exited(reason: "stopped"), r(1)).contains(.start(r(2), old)))
    }
}
