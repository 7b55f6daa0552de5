import SwerveControl
import SwerveCore
import Testing

@Suite("Replicas that fail")
struct FailureTests {
    @Test("A first deploy that cannot start backs off, gives up, and gives its callers the reason")
    func givesUp() throws {
        var bench = Bench()
        let web = deployment("web", 2)
        _ = try bench.deploy(application(web))
        #expect(bench.report(.initializationFailed(message: "no model"), r(1)) == [.stop(r(1))])
        #expect(bench.report(.initializationFailed(message: "no model"), r(1)) == [], "a doubled report")
        #expect(bench.report(.exited(reason: "gone"), r(1)) == [], "the exit after it is not another failure")
        #expect(bench.report(.exited(reason: "killed"), r(2)) == [])
        #expect(bench.status()?.state == .updating)
        #expect(
            bench.status()?.message
                == "0 of 2 replicas running; last failure: replica shop/web#2 exited while it started: killed"
        )
        #expect(bench.wait(.milliseconds(99)) == [])
        #expect(bench.wait(.milliseconds(1)) == [.start(r(3), web), .start(r(4), web)])
        for number: UInt64 in [3, 4] { _ = bench.report(.exited(reason: "x"), r(number)) }
        #expect(bench.state.nextWakeUp == bench.now + .milliseconds(200))
        #expect(bench.wait(.milliseconds(200)) == [.start(r(5), web), .start(r(6), web)])
        #expect(bench.report(.exited(reason: "x"), r(5)) == [])
        let last = "last failure: replica shop/web#6 exited while it started: y"
        let message = "6 attempts to start a replica failed; \(last)"
        #expect(
            bench.report(.exited(reason: "y"), r(6)) == [
                .withdraw(
                    id(),
                    reason: ServeError(
                        .unavailable,
                        "deployment 'shop/web' has no replica: \(message)",
                        deployment: id()
                    )
                ),
                .applicationFailed(
                    "shop",
                    ServeError(.startFailed, "deployment 'shop/web': \(message)", deployment: id())
                ),
            ]
        )
        #expect(bench.state.nextWakeUp == nil)
        #expect(bench.state.status().applications["shop"]?.state == .deployFailed)
    }

    @Test("Giving up stops the replicas that are still starting")
    func givingUpStopsTheRest() throws {
        var bench = Bench()
        _ = try bench.deploy(application(deployment("web", 21)))
        for number: UInt64 in 1...19 { _ = bench.report(.exited(reason: "x"), r(number)) }
        let actions = bench.report(.exited(reason: "x"), r(20))
        #expect(actions.contains(.stop(r(21))), "after 20 failures, regardless of the number of replicas")
        #expect(bench.report(.ready, r(21)) == [])
    }

    @Test("Waits double from a tenth of a second up to ten seconds")
    func backOff() throws {
        var bench = Bench()
        let web = deployment("web", 2) { $0.healthCheckPeriod = .seconds(1_000_000) }
        _ = try bench.deploy(application(web))
        _ = bench.report(.ready, r(1))
        bench.now = bench.now + .seconds(1)
        var waits: [Duration] = []
        for number: UInt64 in 2...40 {
            let isLast = number == 7
            #expect(bench.report(.exited(reason: "x"), r(number)).isEmpty == !isLast, "then the deploy has failed")
            let wakeUp = try #require(bench.state.nextWakeUp)
            waits.append(wakeUp - bench.now)
            #expect(bench.wait(wakeUp - bench.now) == [.start(r(number + 1), web)])
        }
        #expect(waits.prefix(9).map(\.seconds) == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10, 10])
        #expect(waits.last == .seconds(10))
        #expect(bench.status()?.state == .unhealthy, "one was ready, so the controller keeps trying")
    }

    @Test("A replica that becomes ready after failures and lasts makes the next wait short")
    func provenByAnother() throws {
        var bench = Bench()
        let web = deployment("web", 2) { $0.healthCheckPeriod = .seconds(1_000_000) }
        _ = try bench.deploy(application(web))
        _ = bench.report(.exited(reason: "x"), r(2))
        _ = bench.wait(.milliseconds(100))
        _ = bench.report(.exited(reason: "x"), r(3))
        #expect(bench.wait(.milliseconds(199)) == [])
        #expect(bench.wait(.milliseconds(1)) == [.start(r(4), web)])
        _ = bench.report(.ready, r(1))
        bench.now = bench.now + .seconds(10)
        _ = bench.report(.exited(reason: "x"), r(4))
        #expect(bench.wait(.milliseconds(100)) == [.start(r(5), web)])
    }

    @Test("A replica that is not ready in time is stopped and counts as a failed start")
    func startTimeout() throws {
        var bench = Bench()
        let web = deployment { $0.startTimeout = .seconds(5) }
        _ = try bench.deploy(application(web))
        #expect(bench.state.nextWakeUp == bench.now + .seconds(5))
        #expect(bench.wait(.milliseconds(4999)) == [])
        #expect(bench.wait(.milliseconds(1)) == [.stop(r(1))])
        #expect(bench.report(.ready, r(1)) == [], "ready too late")
        #expect(
            bench.status()?.message.hasSuffix("replica shop/web#1 did not start within 5.0 seconds; it was placing")
                == true
        )
        #expect(bench.wait(.milliseconds(100)) == [.start(r(2), web)])
        #expect(bench.wait(.milliseconds(4900)) == [], "the first has been stopping for 5 s")
        #expect(bench.wait(.milliseconds(100)) == [.stop(r(2))])
        #expect(bench.wait(.milliseconds(200)) == [.start(r(3), web)])
        #expect(bench.wait(.milliseconds(4700)) == [.stop(r(1))], "stopped again after ten seconds")
    }

    @Test("An infinite start timeout never ends")
    func endlessTimeout() throws {
        var bench = Bench()
        bench.now = MonotonicTime(nanoseconds: 1_000)
        _ = try bench.deploy(application(deployment { $0.startTimeout = .seconds(Int64.max) }))
        #expect(bench.wait(.seconds(1_000_000_000)) == [])
    }

    @Test("A replica that dies after a while leaves the published set and is replaced at once")
    func replacedAtOnce() throws {
        var bench = Bench()
        let web = deployment("web", 2)
        _ = try bench.run(application(web))
        bench.now = bench.now + .seconds(10)
        #expect(
            bench.report(.exited(reason: "signal 11"), r(1)) == [
                publish([r(2)], web), .start(r(3), web),
            ]
        )
        #expect(bench.status()?.state == .unhealthy)
        #expect(
            bench.status()?.message == "1 of 2 replicas running; last failure: replica shop/web#1 exited: signal 11"
        )
        #expect(bench.report(.ready, r(3)) == [publish([r(2), r(3)], web)])
        #expect(bench.status()?.state == .healthy)
        #expect(bench.status()?.message == "")
    }

    @Test("A replica that keeps dying young waits longer each time, until one has lasted")
    func dyingYoung() throws {
        var bench = Bench()
        let web = deployment()
        _ = try bench.run(application(web))
        for (number, wait) in zip([1, 2, 3] as [UInt64], [100, 200, 400]) {
            bench.now = bench.now + .milliseconds(9_999)
            #expect(bench.report(.exited(reason: "x"), r(number)) == [publish([], web)])
            #expect(bench.wait(.milliseconds(wait - 1)) == [])
            #expect(bench.wait(.milliseconds(1)) == [.start(r(number + 1), web)])
            #expect(bench.report(.ready, r(number + 1)) == [publish([r(number + 1)], web)])
        }
        bench.now = bench.now + .seconds(10)
        #expect(bench.report(.exited(reason: "x"), r(4)).last == .start(r(5), web))
        _ = bench.report(.exited(reason: "x"), r(5))
        #expect(bench.wait(.milliseconds(100)) == [.start(r(6), web)], "short again")
    }

    @Test("Reports of unknown replicas are ignored")
    func unknown() throws {
        var bench = Bench()
        _ = try bench.run(application(deployment()))
        let events: [ReplicaEvent] = [
            .launched(processID: 1), .ready, .initializationFailed(message: "x"), .exited(reason: "x"),
            .probeAnswered, .drained,
        ]
        for event in events {
            for stranger in [r(9), r(1, "model"), r(1, "web", in: "other")] {
                #expect(bench.report(event, stranger) == [])
            }
        }
        for event in events where event != .exited(reason: "x") {
            #expect(bench.report(event, r(1)) == [], "\(event) changes nothing for a running replica")
        }
    }
}
