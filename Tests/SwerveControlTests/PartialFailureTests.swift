import SwerveControl
import SwerveCore
import Testing

/// Deployments of which some replicas can start and others cannot.
@Suite struct PartialFailureTests {
    private func failed(_ running: String, after failures: Int, _ message: String) -> ControlAction {
        let text = "deployment 'shop/web': \(running) replicas running after \(failures) failures; last failure: "
        return .applicationFailed("shop", ServeError(.startFailed, text + message, deployment: id()))
    }

    /// Lets each started replica fail, `count` times in total. Returns the actions of the last failure.
    private func fail(_ count: Int, from first: UInt64, in bench: inout Bench) throws -> [ControlAction] {
        var last: [ControlAction] = []
        for number in first..<first + UInt64(count) {
            last = bench.report(.initializationFailed(message: "no GPU"), r(number))
            #expect(last.first == .stop(r(number)))
            _ = bench.report(.exited(reason: "stopped"), r(number))
            let wakeUp = try #require(bench.state.nextWakeUp)
            _ = bench.wait(wakeUp - bench.now)
        }
        return last
    }

    private let web = deployment("web", 2) { $0.healthCheckPeriod = .seconds(1_000_000) }

    @Test func `a deploy fails when one replica is ready and the other keeps failing; the ready one serves`() throws {
        var bench = Bench()
        _ = try bench.deploy(application(web, prefix: "/"))
        #expect(bench.report(.ready, r(1)).first == publish([r(1)], web))
        #expect(try fail(5, from: 2, in: &bench) == [.stop(r(6))])
        #expect(bench.state.status().applications["shop"]?.state == .unhealthy)
        #expect(try fail(1, from: 7, in: &bench) == [.stop(r(7)), failed("1 of 2", after: 6, "no GPU")])
        #expect(try fail(10, from: 8, in: &bench) == [.stop(r(17))], "reported once, still retried")
        let shop = bench.state.status().applications["shop"]
        #expect(shop?.state == .unhealthy)
        #expect(shop?.message == "deployment 'web': 1 of 2 replicas running; last failure: no GPU")
        #expect(shop?.deployments["web"]?.replicas.map(\.id) == [r(1), r(18)])
    }

    @Test func `a failed deploy still succeeds when the missing replica starts after all`() throws {
        var bench = Bench()
        _ = try bench.run(application(deployment("old")))
        _ = try bench.deploy(application(web, prefix: "/"))
        _ = bench.report(.ready, r(2))
        _ = try fail(6, from: 3, in: &bench)
        #expect(
            bench.report(.ready, r(9)) == [
                publish([r(2), r(9)], web), vanished("old"), .drain(r(1, "old")),
            ],
            "deployments that the spec leaves out go now"
        )
        #expect(bench.state.status().applications["shop"]?.state == .running)
        #expect(bench.state.status().applications["shop"]?.message == "")
    }

    @Test func `a deploy fails even if its replicas become ready for a moment each time`() throws {
        var bench = Bench()
        let web = deployment("web", 2) { $0.startTimeout = .seconds(1_000_000) }
        _ = try bench.deploy(application(web))
        var actions: [ControlAction] = []
        for number: UInt64 in 2...7 {
            #expect(bench.report(.ready, r(number)) == [publish([r(number)], web)])
            actions = bench.report(.exited(reason: "out of memory"), r(number))
            if number < 7 { #expect(bench.wait(.seconds(10)) == [.start(r(number + 1), web)]) }
        }
        let message = "replica shop/web#7 exited: out of memory"
        #expect(actions == [publish([], web), failed("0 of 2", after: 6, message)])
    }

    @Test func `deploying a partly failed spec again retries at once, and fails again`() throws {
        var bench = Bench()
        _ = try bench.deploy(application(web))
        _ = bench.report(.ready, r(1))
        _ = try fail(9, from: 2, in: &bench)
        #expect(bench.report(.exited(reason: "x"), r(11)) == [])
        #expect(try bench.deploy(application(web)) == [.start(r(12), web)])
        #expect(try fail(5, from: 12, in: &bench) == [.stop(r(16))])
        #expect(try fail(1, from: 17, in: &bench).last == failed("1 of 2", after: 6, "no GPU"))
    }

    @Test func `scaling a partly failed deployment down to its running replicas makes it healthy`() throws {
        var bench = Bench()
        _ = try bench.deploy(application(web))
        _ = bench.report(.ready, r(1))
        _ = try fail(6, from: 2, in: &bench)
        let one = deployment("web", 1) { $0.healthCheckPeriod = .seconds(1_000_000) }
        #expect(try bench.deploy(application(one)) == [.stop(r(8)), .applicationRunning("shop")])
        #expect(bench.status()?.state == .healthy)
    }

    @Test func `a deploy fails when an unchanged deployment beside the new one keeps crashing`() throws {
        var bench = Bench()
        let model = deployment("model") { $0.healthCheckPeriod = .seconds(1_000_000) }
        _ = try bench.run(application(deployment("web"), model))
        let new = deployment("web", version: 2)
        _ = try bench.deploy(application(new, model))
        _ = bench.report(.exited(reason: "x"), r(2, "model"))
        _ = bench.report(.ready, r(3))
        var last: [ControlAction] = []
        for (number, wait) in zip([4, 5] as [UInt64], [100, 200]) {
            _ = bench.wait(.milliseconds(wait))
            last = bench.report(.exited(reason: "x"), r(number, "model"))
        }
        let message = "replica shop/model#5 exited while it started: x"
        let text = "deployment 'shop/model': 0 of 1 replicas running after 3 failures; last failure: \(message)"
        #expect(last == [.applicationFailed("shop", ServeError(.startFailed, text, deployment: id("model")))])
    }

    @Test func `losses of replicas that lasted also count, so that a deploy that never completes fails`() throws {
        var bench = Bench()
        _ = try bench.deploy(application(web))
        var all: [ControlAction] = []
        for number: UInt64 in 1...6 {
            _ = bench.report(.ready, r(number))
            bench.now = bench.now + .seconds(11)
            all += bench.report(.exited(reason: "x"), r(number))
        }
        #expect(all.count { if case .applicationFailed = $0 { true } else { false } } == 1)
    }
}
