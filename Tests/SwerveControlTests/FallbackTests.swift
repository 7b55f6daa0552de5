import SwerveControl
import SwerveCore
import Testing

/// Roll-outs that fail: the previous version continues to serve.
@Suite struct FallbackTests {
    private let old = deployment("web", 2, version: 1) { $0.maxOngoingRequests = 7 }
    private let new = deployment("web", 1, version: 2)
    private let reason = "3 attempts to start a replica failed; last failure: no memory"

    private var failed: ControlAction {
        .applicationFailed("shop", ServeError(.startFailed, "deployment 'shop/web': \(reason)", deployment: id()))
    }

    /// Lets every started replica fail until `times` rounds have failed. Returns the actions of the last failure.
    private func fail(_ times: Int, after actions: [ControlAction], in bench: inout Bench) -> [ControlAction] {
        var actions = actions
        for attempt in 1...times {
            for case .start(let replica, _, _) in actions {
                actions = bench.report(.initializationFailed(message: "no memory"), replica)
                _ = bench.report(.exited(reason: "stopped"), replica)
            }
            if attempt < times { actions = bench.wait(.milliseconds(100 << (attempt - 1))) }
        }
        return actions
    }

    /// A bench in which `old` is healthy and the roll-out of `new` failed.
    private func afterFailedRollout() throws -> Bench {
        var bench = Bench()
        _ = try bench.run(application(old, prefix: "/"))
        _ = fail(3, after: try bench.deploy(application(new, prefix: "/new")), in: &bench)
        return bench
    }

    @Test func `a version that cannot start leaves the old one serving, which the status shows`() throws {
        var bench = Bench()
        _ = try bench.run(application(old, prefix: "/"))
        let actions = try bench.deploy(application(new, prefix: "/new"))
        #expect(actions == [.start(r(3), new)])
        #expect(fail(3, after: actions, in: &bench) == [.stop(r(5)), failed], "the route also stays")
        let shop = bench.state.status().applications["shop"]
        #expect(shop?.state == .deployFailed)
        #expect(shop?.message == "deployment 'web': \(reason); the previous version has 2 of 2 replicas running")
        let web = shop?.deployments["web"]
        #expect(web?.state == .deployFailed)
        #expect(web?.target.replicas == 2)
        #expect(web?.options == old.options)
        #expect(web?.replicas.map(\.id) == [r(1), r(2)])
        #expect(bench.wait(.seconds(5)) == [], "no more starts")
    }

    @Test func `after a failed roll-out a replica of the old version that dies is replaced`() throws {
        var bench = try afterFailedRollout()
        bench.now = bench.now + .seconds(10)
        #expect(
            bench.report(.exited(reason: "crash"), r(1)) == [publish([r(2)], old), .start(r(6), old)]
        )
        #expect(
            bench.status()?.message
                == "\(reason); the previous version has 1 of 2 replicas running; "
                + "its last failure: replica shop/web#1 exited: crash"
        )
        #expect(bench.report(.ready, r(6)) == [publish([r(2), r(6)], old)])
        #expect(bench.status()?.message == "\(reason); the previous version has 2 of 2 replicas running")
    }

    @Test func `after a failed roll-out the old version is probed, and replaced when it hangs`() throws {
        var bench = try afterFailedRollout()
        let end = bench.now + .seconds(120)
        var actions: [ControlAction] = []
        while bench.now < end, !actions.contains(.stop(r(1))) {
            actions = bench.wait(.seconds(1))
            if actions.contains(.probe(r(2))) { _ = bench.report(.probeAnswered, r(2)) }
        }
        #expect(actions.prefix(3) == [publish([r(2)], old), .stop(r(1)), .start(r(6), old)])
    }

    @Test func `a roll-out that fails after old replicas died brings the old version back to its target`() throws {
        var bench = Bench()
        _ = try bench.run(application(old))
        var actions = try bench.deploy(application(new))
        #expect(bench.report(.exited(reason: "crash"), r(1)) == [publish([r(2)], old)])
        actions = fail(3, after: actions, in: &bench)
        #expect(actions == [.stop(r(5)), .start(r(6), old), failed])
        #expect(bench.report(.ready, r(6)) == [publish([r(2), r(6)], old)])
    }

    @Test func `a roll-out that fails after all old replicas died starts the old version again`() throws {
        var bench = Bench()
        _ = try bench.run(application(old))
        let actions = try bench.deploy(application(new))
        for number: UInt64 in 1...2 { _ = bench.report(.exited(reason: "crash"), r(number)) }
        // The old version heals at once, but only as far as the new target needs it.
        _ = fail(3, after: actions, in: &bench)
        _ = bench.wait(.seconds(1))
        let starts = bench.status()?.replicas.filter { $0.state == .starting }
        #expect(starts?.count == 2)
        #expect(bench.status()?.options == old.options)
    }

    @Test func `new replicas that are ready but too few are drained when the roll-out fails`() throws {
        var bench = Bench()
        _ = try bench.run(application(deployment("web", 1, version: 1)))
        let two = deployment("web", 2, version: 2)
        _ = try bench.deploy(application(two))
        #expect(bench.report(.ready, r(2)) == [])
        var actions: [ControlAction] = [.start(r(3), two)]
        for attempt in 0..<6 {
            guard case .start(let replica, _, _)? = actions.first else { break }
            actions = bench.report(.exited(reason: "x"), replica)
            if attempt < 5 { actions = bench.wait(.milliseconds(100 << attempt)) }
        }
        #expect(actions.first == .drain(r(2)))
        #expect(actions.count == 2)
        #expect(bench.status()?.message.hasSuffix("the previous version has 1 of 1 replicas running") == true)
    }

    @Test func `new replicas that serve because no old one is left keep serving when the deploy fails`() throws {
        var bench = Bench()
        _ = try bench.run(application(deployment("web", 1, version: 1)))
        let two = deployment("web", 2, version: 2) { $0.healthCheckPeriod = .seconds(1_000_000) }
        _ = try bench.deploy(application(two))
        _ = bench.report(.ready, r(2))
        #expect(bench.report(.exited(reason: "x"), r(1)) == [publish([r(2)], two)])
        var actions: [ControlAction] = []
        for attempt in 0..<6 {
            actions = bench.report(.exited(reason: "x"), r(UInt64(3 + attempt)))
            _ = bench.wait(.milliseconds(100 << attempt))
        }
        #expect(actions.count == 1)
        #expect(bench.status()?.state == .unhealthy)
        #expect(bench.report(.ready, r(9)) == [publish([r(2), r(9)], two)])
        #expect(bench.state.status().applications["shop"]?.state == .running)
    }

    @Test func `deploying the failed version again or with another scale is another try`() throws {
        var bench = try afterFailedRollout()
        #expect(try bench.deploy(application(new, prefix: "/new")) == [.start(r(6), new)])
        #expect(fail(3, after: [.start(r(6), new)], in: &bench).last == failed)
        let more = deployment("web", 2, version: 2)
        #expect(try bench.deploy(application(more, prefix: "/new")) == [.start(r(9), more), .start(r(10), more)])
        _ = bench.report(.ready, r(9))
        #expect(
            bench.report(.ready, r(10)) == [
                publish([r(9), r(10)], more), .drain(r(1)), .drain(r(2)),
                .exposeRoutes([route("/new", to: id())]), .applicationRunning("shop"),
            ]
        )
    }

    @Test func `deploying the old version again after a failed roll-out needs no new replica`() throws {
        var bench = try afterFailedRollout()
        #expect(try bench.deploy(application(old, prefix: "/")) == [.applicationRunning("shop")])
        #expect(bench.status()?.state == .healthy)
    }

    @Test func `a second roll-out that fails falls back to the same version as the first`() throws {
        var bench = try afterFailedRollout()
        let third = deployment("web", 1, version: 3)
        _ = fail(3, after: try bench.deploy(application(third)), in: &bench)
        bench.now = bench.now + .seconds(10)
        #expect(bench.report(.exited(reason: "crash"), r(2)).last == .start(r(9), old))
    }

    @Test func `a version that a failed roll-out falls back to has its last target`() throws {
        var bench = Bench()
        _ = try bench.run(application(old))
        let more = deployment("web", 3, version: 1) { $0.maxOngoingRequests = 7 }
        _ = try bench.deploy(application(more))
        let actions = try bench.deploy(application(new))
        #expect(actions == [.stop(r(3)), .start(r(4), new)])
        #expect(fail(3, after: actions.suffix(1), in: &bench) == [.stop(r(6)), .start(r(7), more), failed])
    }

    @Test func `a failed roll-out falls back to a version that was never complete if there is no better one`() throws {
        var bench = Bench()
        _ = try bench.deploy(application(old))
        _ = bench.report(.ready, r(1))
        let actions = try bench.deploy(application(new))
        #expect(actions == [.stop(r(2)), .start(r(3), new)])
        #expect(fail(3, after: actions.suffix(1), in: &bench) == [.stop(r(5)), .start(r(6), old), failed])
    }

    @Test func `a failed roll-out does not fall back to a version with zero replicas, so callers get the failure`()
        throws
    {
        var bench = Bench()
        _ = try bench.run(application(old))
        _ = try bench.deploy(application(deployment("web", 0, version: 1) { $0.maxOngoingRequests = 7 }))
        let actions = fail(3, after: try bench.deploy(application(new)), in: &bench)
        let error = ServeError(.unavailable, "deployment 'shop/web' has no replica: \(reason)", deployment: id())
        #expect(actions == [.withdraw(id(), reason: error), .stop(r(5)), failed])
    }

    @Test func `a failed roll-out does not fall back to a version from before a delete`() throws {
        var bench = Bench()
        _ = try bench.run(application(old))
        _ = try bench.delete()
        let actions = fail(3, after: try bench.deploy(application(new)), in: &bench)
        #expect(actions.count == 3)
        #expect(actions.last == failed)
        #expect(bench.status()?.message == "0 of 1 replicas running; \(reason)")
    }
}
