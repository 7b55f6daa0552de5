import Foundation
import SwerveControl
import SwerveCore
import Testing

/// A controller that takes over the goal of another one.
@Suite struct GoalTests {
    /// A bench whose controller takes over the goal of `bench` through JSON, and the actions of its first tick.
    private func restart(_ bench: Bench) throws -> (bench: Bench, actions: [ControlAction]) {
        let goal = try JSONDecoder().decode(GoalState.self, from: JSONEncoder().encode(bench.state.goal))
        #expect(goal == bench.state.goal)
        var next = Bench()
        next.state = ControllerState(goal: goal)
        #expect(next.state.nextWakeUp == (goal.applications.isEmpty ? nil : .zero))
        let actions = next.wait(.zero)
        return (next, actions)
    }

    @Test func `the first tick starts missing replicas with numbers that were never used`() throws {
        var bench = Bench()
        let web = deployment("web", 1) { $0.rollout = .rolling(maxSurge: .percent(50)) }
        let model = deployment("model", 1)
        _ = try bench.run(application(web, model, prefix: "/"))
        _ = try bench.scale(to: 2)
        var (next, actions) = try restart(bench)
        #expect(
            actions == [
                publish([], model), .start(r(4, "model"), model), publish([], web), .start(r(5), web),
                .start(r(6), web),
            ]
        )
        #expect(next.status()?.target == Target(replicas: 2, decidedBy: .policy))
        #expect(next.report(.ready, r(1)) == [], "a replica of the previous controller")
        _ = next.report(.ready, r(4, "model"))
        #expect(next.report(.ready, r(5)) == [publish([r(5)], web), .exposeRoutes([route("/", to: id())])])
        #expect(next.report(.ready, r(6)) == [publish([r(5), r(6)], web), .applicationRunning("shop")])
        #expect(next.wait(.zero) == [], "the goal is taken over once")
    }

    @Test
    func `an application whose working directory is not kept starts nothing, and what it falls back to is forgotten`()
        throws
    {
        var bench = Bench()
        var (old, new) = (deployment("web", 1, version: 1), deployment("web", 1, version: 2))
        (old.workingDirectory, new.workingDirectory) = ("00aa", "00bb")
        _ = try bench.run(application(old))
        _ = try bench.deploy(application(new))
        var goal = bench.state.goal
        goal.keep { _ in true }
        #expect(goal == bench.state.goal)
        goal.keep { $0 == "00bb" }
        #expect(goal.applications["shop"]?.deployments["web"]?.fallback == nil)
        #expect(goal.applications["shop"]?.deployments["web"]?.course == .serve)
        goal = bench.state.goal
        goal.keep { _ in false }
        var next = ControllerState(goal: goal)
        #expect(!next.tick(now: .zero).contains { if case .start = $0 { true } else { false } })
        let status = next.status().applications["shop"]
        #expect(status?.state == .deployFailed)
        #expect(status?.message.contains("the working directory of 'web', with the content 00bb, is not kept") == true)
        // One whose replicas run stays as it is.
        goal = bench.state.goal
        goal.keep(except: ["shop"]) { _ in false }
        #expect(goal == bench.state.goal)
    }

    @Test func `the next controller knows what a roll-out would fall back to`() throws {
        var bench = Bench()
        let old = deployment("web", 2, version: 1)
        let new = deployment("web", 1, version: 2)
        _ = try bench.run(application(old))
        _ = try bench.deploy(application(new))
        var (next, actions) = try restart(bench)
        #expect(actions == [publish([], new), .start(r(4), old), .start(r(5), new)], "the old version heals")
        for number: UInt64 in 5...7 {
            actions = next.report(.exited(reason: "x"), r(number))
            if number < 7 { _ = next.wait(.seconds(1)) }
        }
        #expect(actions.prefix(1) == [.start(r(8), old)])
        let (after, again) = try restart(next)
        #expect(again.prefix(3) == [publish([], old), .start(r(9), old), .start(r(10), old)], "and that it fell back")
        #expect(again.count == 4, "the deploy has failed for this controller as well")
        #expect(after.status()?.state == .deployFailed)
    }

    @Test func `the next controller has a route to what a failed rollout returned to`() throws {
        var bench = Bench()
        let old = deployment("web", 1, version: 1)
        let new = deployment("web", 1, version: 2)
        _ = try bench.run(application(old, prefix: "/"))
        _ = try bench.deploy(application(new, prefix: "/"))
        var (during, _) = try restart(bench)
        let isRouted = during.report(.ready, r(3)).contains(.exposeRoutes([route("/", to: id())]))
        #expect(isRouted, "while the old version heals")
        for number: UInt64 in 4...6 {
            _ = during.report(.exited(reason: "x"), r(number))
            if number < 6 { _ = during.wait(.seconds(1)) }
        }
        var (after, starts) = try restart(during)
        #expect(starts.contains(.start(r(7), old)), "the old version")
        #expect(after.report(.ready, r(7)).contains(.exposeRoutes([route("/", to: id())])))
    }

    @Test func `the next controller also keeps retrying a version that was healthy`() throws {
        var bench = Bench()
        let web = deployment()
        _ = try bench.run(application(web))
        var (next, actions) = try restart(bench)
        for number: UInt64 in 2...9 {
            #expect(actions.contains(.start(r(number), web)))
            _ = next.report(.exited(reason: "x"), r(number))
            actions = next.wait(.seconds(10))
        }
    }

    @Test func `an ongoing delete ends, because nothing is left`() throws {
        var bench = Bench()
        _ = try bench.run(application(deployment()))
        _ = try bench.delete()
        #expect(bench.state.goal.applications["shop"]?.isDeleting == true)
        let (next, actions) = try restart(bench)
        #expect(actions == [deleted()])
        #expect(next.state.goal.applications.isEmpty)
        #expect(next.state.status().applications.isEmpty)
        #expect(next.state.nextWakeUp == nil)
    }

    @Test func `only the replica numbers of a deleted application are remembered`() throws {
        var bench = Bench()
        _ = try bench.run(application(deployment("web", 2)))
        _ = try bench.delete()
        for number: UInt64 in 1...2 { _ = bench.report(.exited(reason: "stopped"), r(number)) }
        #expect(bench.state.goal.applications.isEmpty)
        var (next, actions) = try restart(bench)
        #expect(actions == [])
        let web = deployment()
        #expect(try next.deploy(application(web)) == [publish([], web), .start(r(3), web)])
    }

    @Test func `a load that the next controller is told before its first tick counts`() throws {
        var bench = Bench()
        _ = try bench.run(application(autoscaled()))
        _ = bench.load(6)
        _ = bench.pass(.seconds(5))
        #expect(bench.target == 3)

        let replicas = try #require(bench.status()).replicas.map { replica in
            Inventory.Replica(
                id: replica.id,
                spec: autoscaled(),
                configuration: autoscaled().configuration,
                reservation: Reservation(node: "local"),
                phase: .running(since: .zero),
                isPublished: true
            )
        }
        bench.state = ControllerState(goal: bench.state.goal)
        bench.state.adopt(Inventory(replicas: replicas), now: bench.now)
        _ = bench.load(6)
        _ = bench.pass(.seconds(60))
        #expect(bench.target == 3)
    }

    @Test func `the next controller tells the outcome of a deploy without doing it again`() throws {
        var bench = Bench()
        let web = deployment("web", 1)
        _ = try bench.deploy(application(web))
        _ = try bench.scale(to: 2)
        var (next, actions) = try restart(bench)
        #expect(try next.state.announceAgain("shop", now: .zero) == [])
        for case .start(let replica, _, _) in actions { actions += next.report(.ready, replica) }
        #expect(actions.contains(.applicationRunning("shop")))
        #expect(next.status()?.target.replicas == 2)
        #expect(try next.state.announceAgain("shop", now: .zero) == [.applicationRunning("shop")])
        #expect(throws: ServeError.self) { try next.state.announceAgain("other", now: .zero) }
    }

    @Test func `the next controller tells the callers of a deployment whose end was only stored`() throws {
        let gone = id("web", in: "gone")
        var next = ControllerState()
        next.adopt(Inventory(routes: [route("/gone", to: gone)], published: [gone]), now: .zero)
        #expect(next.nextWakeUp == .zero)
        let error = ServeError(.deleted, "deployment 'gone/web' was deleted", deployment: gone)
        #expect(next.tick(now: .zero) == [.withdraw(gone, reason: error), .exposeRoutes([])])
        #expect(next.nextWakeUp == nil)
        #expect(next.tick(now: .zero) == [])
    }

    @Test func `the end of an application is withdrawn by the next controller before it is announced`() throws {
        var bench = Bench()
        _ = try bench.deploy(application(deployment("web", 1)))
        _ = try bench.delete()
        var next = ControllerState(goal: bench.state.goal)
        next.adopt(Inventory(published: [id()]), now: .zero)
        // A late report comes before the first tick.
        #expect(next.handle(.exited(reason: "killed"), of: r(1), now: .zero) == [])
        #expect(next.tick(now: .zero) == [deleted(), .applicationDeleted("shop")])
    }

    @Test func `the next controller repeats a stop order only after a while, because that ends the replica by force`()
        throws
    {
        var bench = Bench()
        let web = deployment("web", 1)
        _ = try bench.run(application(web))
        let found = Inventory.Replica(
            id: r(1),
            spec: web,
            configuration: web.configuration,
            reservation: Reservation(node: "local"),
            phase: .stopping,
            isPublished: false
        )
        bench.state = ControllerState(goal: bench.state.goal)
        bench.state.adopt(Inventory(replicas: [found]), now: bench.now)
        #expect(!bench.wait(.zero).contains(.stop(r(1))))
        #expect(bench.wait(.seconds(10)).contains(.stop(r(1))))
    }

    @Test func `states are encoded as plain words`() throws {
        let json = try JSONEncoder().encode([ApplicationStatus.State.deployFailed, .running])
        #expect(String(decoding: json, as: UTF8.self) == #"["deployFailed","running"]"#)
        #expect("\(DeploymentStatus.State.updating) \(ReplicaStatus.State.draining)" == "updating draining")
    }

    @Test func `the next controller leaves the routes in force, also of an application without replicas`() throws {
        var bench = Bench()
        _ = try bench.run(application(deployment("web", 1, in: "shop"), prefix: "/shop"))
        _ = try bench.run(application(deployment("idle", 0, in: "idle"), named: "idle", prefix: "/idle"))
        let spec = deployment("web", 1, in: "shop")
        let found = Inventory.Replica(
            id: r(1),
            spec: spec,
            configuration: spec.configuration,
            reservation: Reservation(node: "local"),
            phase: .running(since: .zero),
            isPublished: true
        )
        let routes = [route("/idle", to: id("idle", in: "idle")), route("/shop", to: id())]

        var next = ControllerState(goal: bench.state.goal)
        next.adopt(Inventory(replicas: [found], routes: routes), now: bench.now)
        let actions = next.tick(now: bench.now)
        #expect(!actions.contains { if case .exposeRoutes = $0 { true } else { false } })
        #expect(!actions.contains { if case .start = $0 { true } else { false } })
    }
}
