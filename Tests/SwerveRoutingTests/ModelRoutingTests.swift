import SwerveCore
import SwerveRouting
import Testing

/// A routing with replicas, behind a reference, so that expectations can pass events to it.
private final class Routing {
    private var machine = ModelRouting()
    private var random = SplitMix64(seed: 7)
    private(set) var candidates: [RoutingReplica]
    private var numbers: [UInt64: UInt64] = [:]
    var now = MonotonicTime.zero

    init(_ count: Int, limit: Int = 100) {
        candidates = (0..<count).map { RoutingReplica(id: Self.id($0), limit: limit) }
    }

    static func id(_ index: Int) -> ReplicaID {
        ReplicaID(deployment: DeploymentID("app/models")!, number: UInt64(index))
    }

    /// Replica `index` says what it has.
    func know(_ index: Int, loaded: [String] = [], loading: [String] = [], maxModels: Int = 3, loadTime: Int = 1_000) {
        let models =
            loaded.map { ModelStatus(id: $0, state: .loaded, loadTime: .milliseconds(loadTime)) }
            + loading.map { ModelStatus(id: $0, state: .loading) }
        numbers[UInt64(index), default: 0] += 1
        machine.know(
            ReplicaModels(maxModels: maxModels, models: models, number: numbers[UInt64(index)]!),
            of: Self.id(index)
        )
    }

    func set(_ index: Int, ongoing: Int) { candidates[index].ongoing = ongoing }

    func choose(_ model: String) -> Int? { machine.choose(model, among: candidates, now: now, using: &random) }

    /// A request for the model begins.
    func begin(_ model: String) -> Int? {
        guard let index = choose(model) else { return nil }
        machine.began(on: Self.id(index), now: now)
        candidates[index].ongoing += 1
        return index
    }

    func end(_ index: Int) {
        machine.ended(on: Self.id(index), now: now)
        candidates[index].ongoing -= 1
    }
}

@Suite struct ModelRoutingTests {
    @Test("A request goes to the replica that has its model")
    func holder() {
        let routing = Routing(3)
        routing.know(0, loaded: ["a"])
        routing.know(1, loaded: ["b", "c"])
        routing.know(2, loading: ["d"])
        for _ in 0..<20 {
            #expect(routing.begin("a") == 0)
            #expect(routing.begin("b") == 1)
            #expect(routing.begin("d") == 2)
        }
    }

    @Test("A burst of first requests goes to one replica, the one with the most room")
    func burst() {
        let routing = Routing(4)
        for (index, loaded) in [["a"], ["b", "c"], [], ["d"]].enumerated() { routing.know(index, loaded: loaded) }
        for _ in 0..<50 { #expect(routing.begin("new") == 2) }
    }

    @Test("All processes load a model on the same replica, and different models on different ones")
    func agreement() {
        var used: Set<Int> = []
        for model in 0..<40 {
            let choices = (0..<5).map { _ in
                let routing = Routing(4)
                for index in 0..<4 { routing.know(index) }
                return routing.choose("model \(model)")
            }
            #expect(Set(choices).count == 1)
            used.insert(choices[0] ?? -1)
        }
        #expect(used == [0, 1, 2, 3])
    }

    @Test("A replica that does not confirm is not counted on for ever")
    func confirmation() {
        let routing = Routing(2)
        routing.know(0, maxModels: 9)
        routing.know(1)
        #expect(routing.begin("a") == 0)
        routing.know(0, loaded: ["b", "c", "d", "e", "f", "g", "h"], maxModels: 9)
        #expect(routing.begin("a") == 0)
        routing.now = routing.now + .seconds(2)
        #expect(routing.begin("a") == 1)
    }

    @Test("When its replica is full, a model spreads after as long as a load takes")
    func full() {
        let routing = Routing(3, limit: 4)
        routing.know(0, loaded: ["a"], loadTime: 500)
        routing.know(1, loaded: ["b"])
        routing.know(2)
        for _ in 0..<4 { #expect(routing.begin("a") == 0) }
        #expect(routing.begin("a") == nil)
        #expect(routing.begin("b") == 1)
        routing.now = routing.now + .milliseconds(499)
        #expect(routing.begin("a") == nil)
        routing.now = routing.now + .milliseconds(1)
        for _ in 0..<4 { #expect(routing.begin("a") == 2) }
        // It is being loaded there.
        routing.now = routing.now + .milliseconds(900)
        #expect(routing.begin("a") == nil)
    }

    @Test("While its first load goes on, the requests of a burst that its replica cannot take wait")
    func fullWhileLoading() {
        let routing = Routing(3, limit: 4)
        for index in 0..<3 { routing.know(index) }
        let first = routing.begin("a")
        for _ in 0..<3 { #expect(routing.begin("a") == first) }
        routing.know(first!, loading: ["a"])
        for _ in 0..<10 {
            routing.now = routing.now + .seconds(10)
            #expect(routing.begin("a") == nil)
        }
    }

    @Test("Of several replicas that have the model, the less busy one gets the request")
    func lessBusy() {
        let routing = Routing(2)
        for index in 0..<2 { routing.know(index, loaded: ["a"]) }
        for _ in 0..<10 { _ = routing.begin("a") }
        #expect(routing.candidates.map(\.ongoing) == [5, 5])
    }

    /// A replica that works on one request at a time has `depth` of them, and gets another whenever it ends one.
    private func requests(_ depth: Int, each milliseconds: Int, untilSpread limit: Int, _ routing: Routing) -> Int? {
        // Alone first.
        for _ in 0..<10 {
            #expect(routing.begin("a") == 0)
            routing.now = routing.now + .milliseconds(milliseconds)
            routing.end(0)
        }
        for _ in 0..<depth where routing.begin("a") != 0 { return nil }
        for count in 1...limit {
            routing.now = routing.now + .milliseconds(milliseconds)
            routing.end(0)
            if routing.begin("a") != 0 { return count }
        }
        return nil
    }

    @Test("A model spreads when its requests have waited as long as another load takes")
    func spread() throws {
        let routing = Routing(2)
        routing.know(0, loaded: ["a"], loadTime: 1_000)
        routing.know(1)
        // Each request waits for four others, of 10 ms each: 25 of them have waited for a second. But the mean that the
        // routing knows lags behind.
        let count = try #require(requests(5, each: 10, untilSpread: 100, routing))
        #expect((25...45).contains(count), "\(count)")
    }

    @Test("Where another model would have to go, it takes twice as much")
    func spreadWithoutRoom() throws {
        let routing = Routing(2)
        routing.know(0, loaded: ["a"], loadTime: 1_000)
        routing.know(1, loaded: ["b"], maxModels: 1)
        let count = try #require(requests(5, each: 10, untilSpread: 100, routing))
        #expect((50...75).contains(count), "\(count)")
    }

    @Test("A model that takes no time to load does not spread because a request met the end of another one")
    func noSpreadForNothing() {
        let routing = Routing(2)
        routing.know(0, loaded: ["a"], loadTime: 0)
        routing.know(1)
        #expect(requests(2, each: 2, untilSpread: 50, routing) == nil)
    }

    @Test("A model whose requests do not wait for each other stays where it is")
    func noSpread() {
        let routing = Routing(2)
        routing.know(0, loaded: ["a"], loadTime: 100)
        routing.know(1)
        #expect(requests(1, each: 10, untilSpread: 2_000, routing) == nil)

        // Twenty requests that run beside each other take as long as one.
        let other = Routing(2)
        other.know(0, loaded: ["a"], loadTime: 100)
        other.know(1)
        for _ in 0..<10 {
            #expect(other.begin("a") == 0)
            other.now = other.now + .milliseconds(100)
            other.end(0)
        }
        for _ in 0..<20 {
            #expect(other.begin("a") == 0)
            other.now = other.now + .milliseconds(5)
        }
        for _ in 0..<2_000 {
            other.end(0)
            #expect(other.begin("a") == 0)
            other.now = other.now + .milliseconds(5)
        }
    }

    @Test("A model in little demand is used in one place only, though several replicas have it")
    func quiet() {
        let routing = Routing(3)
        for index in 0..<3 { routing.know(index, loaded: ["a"]) }
        let first = routing.begin("a")
        for _ in 0..<20 {
            routing.end(first!)
            #expect(routing.begin("a") == first)
        }
    }
}

/// Requests for models in ``ReplicaRouter``.
@Suite struct RouterModelTests {
    private func id(_ index: Int) -> ReplicaID {
        ReplicaID(deployment: DeploymentID("app/models")!, number: UInt64(index))
    }

    /// A router with replicas that have these models.
    private func router(_ models: [[String]], limit: Int) -> ReplicaRouter {
        var router = ReplicaRouter()
        var random = SplitMix64(seed: 1)
        for (index, loaded) in models.enumerated() {
            let status = loaded.map { ModelStatus(id: $0, state: .loaded, loadTime: .seconds(1)) }
            let report = ReplicaModels(maxModels: 2, models: status, number: 1)
            _ = router.know(report, of: id(index), now: .zero, using: &random)
        }
        let replicas = models.indices.map { (id: id($0), limit: limit) }
        _ = router.update(replicas, options: PoolOptions(), using: &random)
        return router
    }

    private func request(_ model: String?) -> RoutingRequest { RoutingRequest(modelID: model) }

    @Test("A request for a model goes where the model is")
    func holder() {
        var router = router([["a"], ["b"], []], limit: 10)
        var random = SplitMix64(seed: 1)
        for _ in 0..<5 {
            #expect(router.admitIfFree(using: &random) == nil)
            let (a, b, c) = (
                router.admit(request("a"), now: .zero, using: &random),
                router.admit(request("b"), now: .zero, using: &random),
                router.admit(request("c"), now: .zero, using: &random)
            )
            #expect(a == .assigned(0))
            #expect(b == .assigned(1))
            #expect(c == .assigned(2))
        }
    }

    @Test("Of those that wait, one whose model is where there is room goes ahead, but not for ever")
    func overtaking() throws {
        var router = router([["a"], ["b"]], limit: 1)
        var random = SplitMix64(seed: 1)
        for model in ["a", "b"] { _ = router.admit(request(model), now: .zero, using: &random) }
        var tickets: [ReplicaRouter.Ticket] = []
        for model in ["c"] + Array(repeating: "a", count: 100) {
            guard case .queued(let ticket, nil) = router.admit(request(model), now: .zero, using: &random) else {
                Issue.record("there is no room")
                return
            }
            tickets.append(ticket)
        }
        for count in 1...ModelRouting.maximumOvertakings {
            let next = router.release(0, now: .zero, using: &random).first
            #expect(next == ReplicaRouter.Assignment(ticket: tickets[count], slot: 0))
        }
        let next = router.release(0, now: .zero, using: &random).first
        #expect(next == ReplicaRouter.Assignment(ticket: tickets[0], slot: 0))
    }

    @Test("A request that waits for its model holds up no other, and goes elsewhere when it has waited for long")
    func waiting() throws {
        var router = router([["a"], []], limit: 1)
        var random = SplitMix64(seed: 1)
        let first = router.admit(request("a"), now: .zero, using: &random)
        #expect(first == .assigned(0))
        guard case .queued(let ticket, nil) = router.admit(request("a"), now: .zero, using: &random) else {
            Issue.record("it does not wait")
            return
        }
        let other = router.admit(request("c"), now: .zero, using: &random)
        #expect(other == .assigned(1))
        _ = router.release(1, now: .zero, using: &random)
        #expect(router.nextWakeUp == .zero + .seconds(1))
        let early = router.tick(now: .zero + .milliseconds(999), using: &random).assignments
        #expect(early == [])
        let late = router.tick(now: .zero + .seconds(1), using: &random).assignments
        #expect(late == [ReplicaRouter.Assignment(ticket: ticket, slot: 1)])
        #expect(router.nextWakeUp == nil)
    }

    @Test("When all replicas leave and others come, what was known about the first is forgotten")
    func others() {
        var router = router([["a"], []], limit: 10)
        var random = SplitMix64(seed: 1)
        let new = [(id: id(7), limit: 10), (id: id(8), limit: 10)]
        _ = router.update(new, options: PoolOptions(), using: &random)
        #expect(!router.hasModels)
        #expect(router.queuedCount == 0)
    }
}
