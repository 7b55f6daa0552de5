import SwerveControl
import SwerveCore
import Testing

/// Deploys, users and the target capacity beside the policy.
@Suite struct AutoscalingChangeTests {
    @Test func `the first deploy starts the initial number, which stays for the delay`() throws {
        var bench = Bench()
        _ = try bench.run(application(autoscaled(1) { $0.initialReplicas = 4 }))
        #expect(
            bench.status()?.target == Target(replicas: 4, decidedBy: .policy, reason: "the deploy starts with them")
        )
        _ = bench.pass(.milliseconds(9900))
        #expect(bench.target == 4)
        _ = bench.pass(.seconds(1))
        #expect(bench.target == 1)
    }

    @Test func `a deploy keeps the number that the load needs, within the new bounds`() throws {
        var bench = Bench()
        _ = try bench.run(application(autoscaled(1, 10) { $0.initialReplicas = 2 }))
        _ = bench.load(12)
        _ = bench.pass(.seconds(5))
        #expect(bench.target == 6)
        _ = try bench.run(application(autoscaled(1, 10, version: 2) { $0.initialReplicas = 2 }))
        #expect(bench.target == 6, "only the code changed")
        _ = try bench.run(application(autoscaled(1, 4, version: 2)))
        #expect(bench.target == 4)
        _ = try bench.run(application(autoscaled(1, 4, version: 2) { $0.initialReplicas = 1 }))
        #expect(bench.target == 1, "another number to begin with")
        _ = try bench.run(application(deployment("web", 3, version: 2)))
        #expect(bench.status()?.target == Target(replicas: 3))
        #expect(bench.status()?.autoscaling == nil)
    }

    @Test func `changing only autoscaling replaces no replica`() throws {
        var bench = Bench()
        _ = try bench.run(application(autoscaled(2)))
        let actions = try bench.deploy(application(autoscaled(2, 20)))
        #expect(actions == [.applicationRunning("shop")])
    }

    @Test func `the policy goes on from a number that a user sets, after the delay`() throws {
        var bench = Bench()
        _ = try bench.run(application(autoscaled()))
        _ = bench.pass(.seconds(50))
        _ = try bench.state.scale(id(), to: 5, by: .user, now: bench.now)
        #expect(bench.status()?.target == Target(replicas: 5))
        _ = bench.pass(.seconds(9))
        #expect(bench.target == 5)
        _ = bench.pass(.seconds(3))
        #expect(bench.target == 1)
    }

    @Test func `a user cannot set a number out of the bounds`() throws {
        var bench = Bench()
        _ = try bench.run(application(autoscaled(2, 5)))
        for number in [1, 6] {
            let error = #expect(throws: ServeError.self) {
                try bench.state.scale(id(), to: number, by: .user, now: bench.now)
            }
            #expect(error?.code == .invalidOptions)
            #expect(
                error?.message
                    == "deployment 'shop/web' cannot be scaled to \(number) replicas; it is autoscaled and must have from "
                    + "2 to 5"
            )
        }
        #expect(bench.target == 2)
    }

    @Test func `the target capacity scales the bounds at once, and never below one replica`() throws {
        var bench = Bench()
        _ = try bench.run(application(autoscaled(4, 10)))
        _ = bench.load(100)
        _ = bench.pass(.seconds(5))
        #expect(bench.target == 10)
        _ = try bench.state.setTargetCapacity(50, now: bench.now)
        #expect(bench.status()?.target == Target(replicas: 5, decidedBy: .policy, reason: "the bounds are 2 to 5"))
        _ = try bench.state.setTargetCapacity(1, now: bench.now)
        #expect(bench.target == 1)
        _ = try bench.state.setTargetCapacity(0, now: bench.now)
        #expect(bench.target == 0)
        _ = try bench.state.setTargetCapacity(nil, now: bench.now)
        _ = bench.pass(.seconds(5))
        #expect(bench.target == 10)
        #expect(bench.state.goal.targetCapacity == nil)
    }

    @Test(arguments: [-1, 101])
    func `a target capacity out of range is refused`(percent: Int) {
        var bench = Bench()
        let error = #expect(throws: ServeError.self) { try bench.state.setTargetCapacity(percent, now: bench.now) }
        #expect(error?.message == "the target capacity is \(percent) %; it must be from 0 to 100")
    }

    @Test func `a dry run scales nothing and says what it would do`() throws {
        var bench = Bench()
        var web = autoscaled { $0.isDryRun = true }
        web.options.numReplicas = 3
        _ = try bench.run(application(web))
        _ = bench.load(20)
        #expect(bench.pass(.seconds(5)) == [])
        #expect(bench.status()?.target == Target(replicas: 3))
        #expect(bench.status()?.autoscaling?.wouldBe == 10)
        #expect(
            bench.status()?.autoscaling?.lastDecision
                == "3 to 10 replicas: the load is 20.0 requests (20 ongoing, 0 queued), and one replica should have 2.0"
        )
        _ = bench.load(0)
        #expect(bench.pass(.seconds(30)) == [])
        #expect(bench.status()?.autoscaling?.wouldBe == 1)
    }

    @Test func `replicas that do not run yet leave first, and no running one while another is starting`() throws {
        var bench = Bench()
        let web = autoscaled()
        _ = try bench.run(application(web))
        _ = bench.load(10)
        while bench.target == 1 { _ = bench.wait(.milliseconds(100)) }
        _ = bench.report(.ready, r(4))
        _ = bench.load(4)
        var actions: [ControlAction] = []
        for _ in 0..<150 { actions += bench.wait(.milliseconds(100)).filter { !$0.isProbe } }
        #expect(Set(actions) == [.stop(r(2)), .stop(r(3)), .stop(r(5))])
        #expect(bench.target == 2)
    }

    @Test func `a policy of the program decides, within the bounds, and is asked again after its period`() throws {
        var bench = Bench()
        _ = try bench.run(application(autoscaled { $0.policy = .type(ByTheClock.self) }))
        _ = bench.pass(.seconds(150))
        #expect(bench.target == 3)
        _ = bench.pass(.seconds(2000))
        #expect(bench.target == 10)
        #expect(bench.status()?.autoscaling?.policy == "ByTheClock")
    }

    @Test func `an answer that is no number keeps the target`() throws {
        var bench = Bench()
        _ = try bench.run(application(autoscaled(2) { $0.policy = .type(Confused.self) }))
        _ = bench.load(50)
        #expect(bench.pass(.seconds(100)) == [])
    }
}

/// Wants one replica more each minute.
struct ByTheClock: AutoscalingPolicy {
    func replicas(_ context: AutoscalingContext) -> Double { (context.time - .zero).seconds / 60 }
    var period: Duration? { .seconds(10) }
}

struct Confused: AutoscalingPolicy {
    func replicas(_ context: AutoscalingContext) -> Double { .nan }
}
