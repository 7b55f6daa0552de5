import SwerveController
import SwerveCore
import SwerveTracing
import Testing

/// Which proxies are started, drained and killed, and when who waits is told.
@Suite struct ProxyFleetStateTests {
    /// A fleet and its time.
    private struct Bench {
        var state: ProxyFleetState
        var now = MonotonicTime(nanoseconds: 1_000_000_000)

        init(_ wanted: Int) {
            state = ProxyFleetState(wanted: wanted, drainTimeout: .seconds(20))
        }

        /// A fleet whose first proxies serve.
        static func serving(_ wanted: Int) -> Bench {
            var bench = Bench(wanted)
            _ = bench.state.begin(now: bench.now)
            for number in 1...UInt64(wanted) { _ = bench.serves(number) }
            return bench
        }

        mutating func serves(_ number: UInt64) -> [ProxyFleetState.Action] { state.serves(number, now: now) }
        mutating func exited(_ number: UInt64) -> [ProxyFleetState.Action] {
            state.exited(number, reason: "a reason", now: now)
        }
        mutating func advance(_ time: Duration) -> [ProxyFleetState.Action] {
            now = now + time
            return state.tick(now: now)
        }
        /// Lets time pass in which all proxies answer.
        mutating func live(_ time: Duration) {
            now = now + time
            for proxy in state.status { state.heard(proxy.number, now: now) }
        }
        var states: [ProxyStatus.State] { state.status.map(\.state) }
    }

    @Test func `all proxies start at once, and the fleet is complete when all serve`() {
        var bench = Bench(2)
        #expect(bench.state.begin(now: bench.now) == [.start(1), .start(2)])
        #expect(bench.serves(2) == [])
        #expect(bench.serves(1) == [.complete])
        #expect(bench.serves(1) == [], "said twice")
        #expect(bench.states == [.serving, .serving])
    }

    @Test func `a proxy that served for a while is replaced at once`() {
        var bench = Bench.serving(2)
        bench.live(.seconds(10))
        #expect(bench.exited(1) == [.start(3)])
        #expect(bench.serves(3) == [.complete])
    }

    @Test func `proxies that end early are started again after ever longer waits`() {
        var bench = Bench(1)
        _ = bench.state.begin(now: bench.now)
        var waits: [Duration] = []
        for number in 1...UInt64(12) {
            _ = bench.exited(number)
            let next = bench.state.nextWakeUp ?? bench.now
            waits.append(next - bench.now)
            #expect(bench.advance(next - bench.now) == [.start(number + 1)])
        }
        let expected = [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000, 10_000, 10_000, 10_000]
        #expect(waits == expected.map { .milliseconds($0) })
    }

    @Test func `after three failed starts in a row the fleet says so, and goes on`() {
        var bench = Bench(1)
        _ = bench.state.begin(now: bench.now)
        #expect(bench.exited(1) == [])
        #expect(bench.advance(.seconds(1)) == [.start(2)])
        #expect(bench.exited(2) == [])
        #expect(bench.advance(.seconds(1)) == [.start(3)])
        #expect(bench.exited(3) == [.failed(reason: "a reason")])
        #expect(bench.advance(.seconds(1)) == [.start(4)])
        #expect(bench.serves(4) == [.complete])
    }

    @Test func `proxies are replaced one at a time, and a new one serves before an old one drains`() {
        var bench = Bench.serving(2)
        #expect(bench.state.replaceAll(now: bench.now) == [.start(3)])
        #expect(bench.serves(3) == [.drain(1), .start(4)])
        #expect(bench.serves(4) == [.drain(2)])
        #expect(bench.exited(2) == [])
        #expect(bench.exited(1) == [.replaced])
        #expect(bench.state.status.map(\.number) == [3, 4])
    }

    @Test func `while proxies are replaced, as many serve as should`() {
        for wanted in 1...5 {
            var bench = Bench.serving(wanted)
            var actions = bench.state.replaceAll(now: bench.now)
            while let action = actions.first {
                actions.removeFirst()
                switch action {
                case .start(let number): actions += bench.serves(number)
                case .drain(let number): actions += bench.exited(number)
                case .replaced: #expect(actions.isEmpty)
                default: Issue.record("unexpected: \(action)")
                }
                #expect(bench.states.count { $0 == .serving } >= wanted)
                #expect(bench.states.count { $0 != .draining } <= wanted + 1)
            }
            #expect(bench.state.status.map(\.number) == (wanted..<2 * wanted).map { UInt64($0) + 1 })
        }
    }

    @Test func `when new proxies cannot be started, the old ones stay`() {
        var bench = Bench.serving(1)
        bench.live(.seconds(60))
        #expect(bench.state.replaceAll(now: bench.now) == [.start(2)])
        _ = bench.exited(2)
        #expect(bench.advance(.milliseconds(100)) == [.start(3)])
        _ = bench.exited(3)
        #expect(bench.advance(.milliseconds(200)) == [.start(4)])
        #expect(bench.exited(4) == [.failed(reason: "a reason")])
        bench.live(.seconds(10))
        #expect(bench.advance(.zero) == [])
        #expect(bench.state.status == [ProxyStatus(number: 1, state: .serving)])
    }

    @Test func `an old proxy that ends by itself gets no second successor`() {
        var bench = Bench.serving(1)
        #expect(bench.state.replaceAll(now: bench.now) == [.start(2)])
        #expect(bench.exited(1) == [])
        #expect(bench.advance(.seconds(1)) == [])
        #expect(bench.serves(2) == [.complete, .replaced])
    }

    @Test func `a proxy that does not serve in time is killed`() {
        var bench = Bench(1)
        _ = bench.state.begin(now: bench.now)
        #expect(bench.advance(.seconds(9)) == [])
        #expect(bench.state.nextWakeUp == bench.now + .seconds(1))
        #expect(bench.advance(.seconds(1)) == [.kill(1), .start(2)])
        #expect(bench.serves(1) == [], "too late")
        #expect(bench.advance(.seconds(1)) == [], "it is killed once")
        #expect(bench.exited(1) == [])
    }

    @Test func `a proxy that does not answer is killed, and another one starts before it has ended`() {
        var bench = Bench.serving(2)
        _ = bench.advance(.seconds(10))
        bench.state.heard(2, now: bench.now)
        #expect(bench.advance(.seconds(5)) == [.kill(1), .start(3)])
        #expect(bench.advance(.seconds(1)) == [])
        #expect(bench.exited(1) == [])
    }

    @Test func `a draining proxy that takes too long is killed`() {
        var bench = Bench.serving(1)
        _ = bench.state.replaceAll(now: bench.now)
        #expect(bench.serves(2) == [.drain(1)])
        for _ in 0..<5 {
            #expect(bench.advance(.seconds(4)) == [])
            bench.state.heard(2, now: bench.now)
        }
        #expect(bench.advance(.seconds(5)) == [.kill(1)])
        #expect(bench.exited(1) == [.replaced])
    }

    @Test func `in the end those that serve drain, those that start are killed, and no more start`() {
        var bench = Bench(2)
        _ = bench.state.begin(now: bench.now)
        _ = bench.serves(1)
        #expect(bench.state.end(now: bench.now) == [.drain(1), .kill(2)])
        #expect(bench.exited(2) == [])
        #expect(bench.exited(1) == [.ended])
        #expect(bench.advance(.seconds(100)) == [.ended])
    }

    @Test func `what is reported of a proxy that is gone changes nothing`() {
        var bench = Bench.serving(1)
        #expect(bench.exited(9) == [])
        #expect(bench.serves(9) == [])
        bench.state.launched(9, processID: 1)
        #expect(bench.state.status == [ProxyStatus(number: 1, state: .serving)])
    }
}

/// The load of several processes as one.
@Suite struct CombinedLoadsTests {
    private let a = DeploymentID(application: "a", deployment: "d")
    private let b = DeploymentID(application: "b", deployment: "d")

    @Test func `the loads of the processes add up`() {
        var loads = CombinedLoads<Int>()
        #expect(loads.report([a: Load(queued: 1, ongoing: 2)], from: 1) == [a: Load(queued: 1, ongoing: 2)])
        #expect(loads.report([a: Load(queued: 2, ongoing: 3)], from: 2) == [a: Load(queued: 3, ongoing: 5)])
        #expect(loads.report([b: Load(ongoing: 7)], from: 2) == [b: Load(ongoing: 7)])
        #expect(loads.report([a: Load()], from: 1) == [a: Load(queued: 2, ongoing: 3)])
    }

    @Test func `the load of a process that is gone goes`() {
        var loads = CombinedLoads<Int>()
        _ = loads.report([a: Load(ongoing: 2), b: Load(ongoing: 1)], from: 1)
        _ = loads.report([a: Load(ongoing: 3)], from: 2)
        #expect(loads.forget(1) == [a: Load(ongoing: 3), b: Load()])
        #expect(loads.forget(1) == [:])
    }
}

@Suite struct ProxySettingsTests {
    @Test(arguments: [Duration?.none, .milliseconds(2500)])
    func `settings survive their text`(_ limit: Duration?) throws {
        var settings = ProxySettings(
            instance: InstanceID(rawValue: 7),
            number: 3,
            address: "/tmp/a b/proxies.sock",
            eventLoops: 2,
            maxSharedBytes: 5,
            http: HTTPSettings(
                maxBodyBytes: 0,
                maxHeadBytes: 1,
                maxBufferedBytes: .max,
                maxConnections: 10,
                idleTimeout: .seconds(75),
                requestTimeout: limit
            )
        )
        let read = try #require(ProxySettings(settings.text))
        #expect(read.text == settings.text)
        #expect(read.http == settings.http)
        #expect(read.maxSharedBytes == 5)
        #expect(read.tracing == nil)
        settings.tracing = try TracingSettings(TracingOptions(), variable: { _ in nil }, program: "p")
        #expect(try #require(ProxySettings(settings.text)).tracing == settings.tracing)
    }

    @Test(arguments: ["", "proxy", "proxy\n7\n3", "controller\n7\na\nb\nc\n5"])
    func `other texts are no settings of a proxy`(_ text: String) {
        #expect(ProxySettings(text) == nil)
    }
}
