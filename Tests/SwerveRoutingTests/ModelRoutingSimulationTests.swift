import SwerveCore
import SwerveRouting
import Testing

/// Several processes that send requests for models to several replicas, in simulated time.
private struct ModelWorld {
    struct Request {
        let caller: Int
        let model: String
        let came: MonotonicTime
    }
    private enum Event {
        case arrival(Request)
        case report(ReplicaModels, of: Int, to: Int)
        case tick(Int)
        case loaded(Int, load: UInt64)
        case unloaded(Int, model: String)
        case served(Int, request: UInt64)
    }
    private struct Caller {
        var router = ReplicaRouter()
        var waiting: [ReplicaRouter.Ticket: Request] = [:]
        var timer: MonotonicTime?
    }
    private struct Replica {
        var cache: ModelCache
        var requests: [UInt64: Request] = [:]
        /// Those that have their model and wait for the processor.
        var ready: [UInt64] = []
        var running = 0
        var reported: UInt64 = 0
        var loads: [String: Int] = [:]
    }

    private var random: SplitMix64
    private(set) var now = MonotonicTime.zero
    private var events: [(time: MonotonicTime, order: Int, event: Event)] = []
    private var nextOrder = 0
    private var nextRequest: UInt64 = 0
    private var callers: [Caller]
    private var replicas: [Replica]
    private let loadTime: Duration
    private let serviceTime: Duration
    /// How long each answered request took, in the order of the answers.
    private(set) var latencies: [(model: String, time: Duration)] = []

    init(
        seed: UInt64,
        callers: Int = 3,
        replicas: Int = 4,
        maxModels: Int = 3,
        loadTime: Duration = .seconds(1),
        serviceTime: Duration = .milliseconds(10),
        limit: Int = 100
    ) {
        random = SplitMix64(seed: seed)
        self.loadTime = loadTime
        self.serviceTime = serviceTime
        self.replicas = Array(repeating: Replica(cache: ModelCache(maxModels: maxModels)), count: replicas)
        self.callers = Array(repeating: Caller(), count: callers)
        for caller in self.callers.indices {
            for replica in self.replicas.indices {
                let report = self.replicas[replica].cache.report
                _ = self.callers[caller].router.know(report, of: Self.id(replica), now: now, using: &random)
            }
            let published = (0..<replicas).map { (id: Self.id($0), limit: limit) }
            _ = self.callers[caller].router.update(published, options: PoolOptions(), using: &random)
        }
    }

    private static func id(_ index: Int) -> ReplicaID {
        ReplicaID(deployment: DeploymentID("app/models")!, number: UInt64(index))
    }

    /// How often a model was loaded, anywhere.
    func loads(of model: String) -> Int { replicas.reduce(0) { $0 + ($1.loads[model] ?? 0) } }
    var allLoads: Int { replicas.reduce(0) { $0 + $1.loads.values.reduce(0, +) } }
    /// How many replicas have it.
    func holders(of model: String) -> Int {
        replicas.count { $0.cache.report.models.contains { $0.id == model } }
    }

    /// Requests at random times, so many in a second on average, from now on.
    mutating func send(_ model: String, each second: Int, for duration: Duration) {
        let count = Int(duration.seconds * Double(second))
        for _ in 0..<count {
            let time = now + .microseconds(random.next(below: Int(duration.nanoseconds / 1_000)))
            schedule(at: time, .arrival(Request(caller: random.next(below: callers.count), model: model, came: time)))
        }
    }

    /// The same for each of so many models.
    mutating func send(models count: Int, each second: Int, for duration: Duration) {
        for model in 0..<count { send("m\(model)", each: second, for: duration) }
    }

    private mutating func schedule(at time: MonotonicTime, _ event: Event) {
        // The next one is last.
        var low = 0
        var high = events.count
        while low < high {
            let middle = (low + high) / 2
            if events[middle].time > time { low = middle + 1 } else { high = middle }
        }
        events.insert((time, nextOrder, event), at: low)
        nextOrder += 1
    }

    mutating func run() {
        while let (time, _, event) = events.popLast() {
            now = time
            switch event {
            case .arrival(let request): arrive(request)
            case .report(let report, let replica, let caller):
                let id = Self.id(replica)
                take(callers[caller].router.know(report, of: id, now: now, using: &random), caller)
            case .tick(let caller):
                callers[caller].timer = nil
                take(callers[caller].router.tick(now: now, using: &random).assignments, caller)
            case .loaded(let replica, let load): perform(replicas[replica].cache.loaded(load, now: now), replica)
            case .unloaded(let replica, let model): perform(replicas[replica].cache.unloaded(model, now: now), replica)
            case .served(let replica, let request): finish(request, replica)
            }
        }
    }

    private mutating func arrive(_ request: Request) {
        let caller = request.caller
        switch callers[caller].router.admit(RoutingRequest(modelID: request.model), now: now, using: &random) {
        case .assigned(let slot): ask(slot, request)
        case .queued(let ticket, _):
            callers[caller].waiting[ticket] = request
            setTimer(caller)
        case .refused(let error): preconditionFailure("\(error)")
        }
    }

    private mutating func take(_ assignments: [ReplicaRouter.Assignment], _ caller: Int) {
        for assignment in assignments {
            ask(assignment.slot, callers[caller].waiting.removeValue(forKey: assignment.ticket)!)
        }
        setTimer(caller)
    }

    private mutating func setTimer(_ caller: Int) {
        guard let time = callers[caller].router.nextWakeUp, callers[caller].timer.map({ time < $0 }) ?? true else {
            return
        }
        callers[caller].timer = time
        schedule(at: time, .tick(caller))
    }

    private mutating func ask(_ index: Int, _ request: Request) {
        let id = nextRequest
        nextRequest += 1
        replicas[index].requests[id] = request
        if replicas[index].cache.use(request.model, by: id) {
            begin(id, index)
        } else {
            perform(replicas[index].cache.wait(id, for: request.model, by: id, now: now), index)
        }
    }

    private mutating func perform(_ actions: ModelCache.Actions, _ index: Int) {
        for call in actions.granted { begin(call, index) }
        for model in actions.unloads { schedule(at: now + .milliseconds(1), .unloaded(index, model: model)) }
        for load in actions.loads {
            replicas[index].loads[load.model, default: 0] += 1
            schedule(at: now + loadTime, .loaded(index, load: load.id))
        }
        let report = replicas[index].cache.report
        guard report.number != replicas[index].reported else { return }
        replicas[index].reported = report.number
        for caller in callers.indices {
            schedule(at: now + .milliseconds(1 + random.next(below: 20)), .report(report, of: index, to: caller))
        }
    }

    /// A replica works on one request at a time.
    private mutating func begin(_ request: UInt64, _ index: Int) {
        replicas[index].ready.append(request)
        guard replicas[index].running == 0 else { return }
        serveNext(index)
    }

    private mutating func serveNext(_ index: Int) {
        guard !replicas[index].ready.isEmpty else { return }
        let next = replicas[index].ready.removeFirst()
        replicas[index].running = 1
        schedule(at: now + serviceTime, .served(index, request: next))
    }

    private mutating func finish(_ id: UInt64, _ index: Int) {
        replicas[index].running = 0
        serveNext(index)
        let request = replicas[index].requests.removeValue(forKey: id)!
        latencies.append((request.model, now - request.came))
        perform(replicas[index].cache.end(id, now: now), index)
        let (first, more) = callers[request.caller].router.release(index, now: now, using: &random)
        take([first].compactMap(\.self) + more, request.caller)
    }
}

@Suite struct ModelRoutingSimulationTests {
    private static let seeds: Range<UInt64> = 0..<8

    @Test("A burst of first requests from several processes loads the model once", arguments: seeds)
    func burst(seed: UInt64) {
        var world = ModelWorld(seed: seed, maxModels: 2, loadTime: .seconds(2))
        world.send("new", each: 6_000, for: .milliseconds(10))
        world.run()
        #expect(world.latencies.count == 60)
        #expect(world.loads(of: "new") == 1)
    }

    @Test("Models in little demand are loaded once each, and stay where they are", arguments: seeds)
    func cold(seed: UInt64) {
        var world = ModelWorld(seed: seed, serviceTime: .milliseconds(5))
        world.send(models: 10, each: 2, for: .seconds(60))
        world.run()
        #expect(world.latencies.count == 1_200)
        // Two processes that see different lists for a moment may load one twice.
        #expect((10...11).contains(world.allLoads))
    }

    @Test(
        "A model in more demand than one replica can serve spreads, and the others stay",
        arguments: seeds
    )
    func hot(seed: UInt64) {
        var world = ModelWorld(seed: seed)
        world.send(models: 5, each: 1, for: .seconds(60))
        world.send("hot", each: 180, for: .seconds(60))
        world.run()
        #expect(world.holders(of: "hot") >= 2)
        let late = world.latencies.suffix(2_000).filter { $0.model == "hot" }.map(\.time)
        #expect(late.sorted()[late.count / 2] < .milliseconds(60))
        #expect((0..<5).map { world.loads(of: "m\($0)") }.reduce(0, +) <= 10)
    }

    @Test(
        "Replicas that have more to do than they can still serve most of the time, rather than load",
        arguments: seeds
    )
    func overloaded(seed: UInt64) {
        var world = ModelWorld(seed: seed, callers: 2, replicas: 3, maxModels: 2, loadTime: .milliseconds(500))
        // Twice what three replicas can do.
        world.send(models: 12, each: 50, for: .seconds(4))
        world.run()
        #expect(world.latencies.count == 2_400)
        #expect(world.allLoads <= 80, "\(world.allLoads) \(world.now)")
        #expect(world.now < .zero + .seconds(20), "\(world.allLoads) \(world.now)")
    }

    @Test(
        "Where replicas take few requests at a time, those for a model wait for each other rather than load it again",
        arguments: seeds
    )
    func fewPlaces(seed: UInt64) {
        var world = ModelWorld(seed: seed, callers: 2, replicas: 3, maxModels: 1, loadTime: .seconds(2), limit: 1)
        world.send(models: 3, each: 20, for: .seconds(30))
        world.run()
        #expect(world.latencies.count == 1_800)
        #expect(world.allLoads <= 4)
    }

    @Test("With more models than there is room for, every request is answered", arguments: seeds)
    func overcommitted(seed: UInt64) {
        var world = ModelWorld(
            seed: seed,
            callers: 2,
            replicas: 2,
            maxModels: 2,
            loadTime: .milliseconds(50),
            serviceTime: .milliseconds(2)
        )
        world.send(models: 9, each: 5, for: .seconds(20))
        world.run()
        #expect(world.latencies.count == 900)
    }
}
