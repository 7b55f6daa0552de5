import SwerveControl
import SwerveCore
import Testing

/// A controller in a world that fails at random: what happens follows from the seed alone.
struct Simulation {
    var state = ControllerState()
    var world = World()
    var now = MonotonicTime.zero
    var random: SplitMix64
    /// What was or will be reported, in no particular order.
    var reports: [(event: ReplicaEvent, replica: ReplicaID)] = []
    /// From now on everything works.
    var isCalm = false

    init(seed: UInt64) {
        random = SplitMix64(seed: seed)
    }

    mutating func chance(_ percent: Int) -> Bool { random.next(below: 100) < percent }

    // MARK: The world's answers

    mutating func act(_ actions: [ControlAction], isTick: Bool = false) throws {
        try world.perform(actions, now: now, isTick: isTick)
        for action in actions {
            switch action {
            case .start(let replica, _): start(replica)
            case .drain(let replica): if isCalm || chance(70) { reports.append((.drained, replica)) }
            case .stop(let replica):
                if isCalm || chance(80) { reports.append((.exited(reason: "stopped"), replica)) }
            case .probe(let replica): if isCalm || chance(60) { reports.append((.probeAnswered, replica)) }
            default: break
            }
        }
    }

    private mutating func start(_ replica: ReplicaID) {
        switch isCalm ? 0 : random.next(below: 10) {
        case 0...5: reports += [(.launched(processID: 1), replica), (.ready, replica)]
        case 6: reports.append((.initializationFailed(message: "thrown"), replica))
        case 7: reports.append((.exited(reason: "crash"), replica))
        case 8: reports += [(.ready, replica), (.exited(reason: "crash"), replica)]
        default: break
        }
    }

    mutating func deliver() throws {
        guard !reports.isEmpty else { return }
        let index = random.next(below: reports.count)
        let (event, replica) = reports[index]
        // One in ten stays, to be reported again.
        if isCalm || !chance(10) { reports.remove(at: index) }
        world.delivers(event, of: replica)
        try act(state.handle(event, of: replica, now: now))
    }

    // MARK: What happens

    mutating func step() throws {
        switch random.next(below: 100) {
        case 0..<5: try deploy(randomSpec())
        case 5..<7: try delete(["a", "b"][random.next(below: 2)])
        case 7..<10: crash()
        case 10..<12:
            let stranger = r(UInt64(random.next(below: 1000)) + 100_000, "x", in: "a")
            try act(state.handle(chance(50) ? .ready : .exited(reason: "?"), of: stranger, now: now))
        case 12..<40: try pass(.milliseconds(random.next(below: 700)))
        case 40..<50: if let wakeUp = state.nextWakeUp { try pass(max(.zero, wakeUp - now)) }
        default: try deliver()
        }
    }

    mutating func pass(_ duration: Duration) throws {
        now = now + duration
        for _ in 0..<3 {
            try act(state.tick(now: now), isTick: true)
            guard let wakeUp = state.nextWakeUp, wakeUp <= now else { return }
        }
        throw Violation(description: "ticks do not help: due at \(state.nextWakeUp as Any), now \(now)")
    }

    private mutating func crash() {
        let alive = world.replicas.keys.sorted()
        guard !alive.isEmpty else { return }
        reports.append((.exited(reason: "crash"), alive[random.next(below: alive.count)]))
    }

    private mutating func randomSpec() -> ApplicationSpec {
        let name = ["a", "b"][random.next(below: 2)]
        var deployments: [DeploymentSpec] = []
        for own in ["x", "y", "z"] where deployments.isEmpty && own == "z" || chance(60) {
            let replicas = random.next(below: 4)
            let version = UInt8(random.next(below: 3))
            let queued = 10 + random.next(below: 2)
            let drainTime = Duration.seconds(Int(version))
            deployments.append(
                deployment(own, replicas, version: version, in: name) {
                    $0.maxQueuedRequests = queued
                    $0.startTimeout = .seconds(2)
                    $0.gracefulShutdownTimeout = drainTime
                    $0.healthCheckPeriod = .seconds(1)
                    $0.healthCheckTimeout = .milliseconds(500 + 1000 * Int(version))
                }
            )
        }
        let ingress = deployments[random.next(below: deployments.count)].id.deployment
        let prefix = ["/", "/p", nil][random.next(below: 3)]
        return ApplicationSpec(name: name, routePrefix: prefix, ingress: ingress, deployments: deployments)
    }

    private mutating func deploy(_ spec: ApplicationSpec) throws {
        do {
            let actions = try state.deploy(spec, now: now)
            world.deployed(spec)
            try act(actions)
        } catch let error as ServeError where error.message.contains("is taken by") {}
    }

    private mutating func delete(_ name: String) throws {
        do {
            let actions = try state.delete(application: name, now: now)
            world.deleted(name)
            try act(actions)
        } catch let error as ServeError where error.code == .notFound {
            if world.goals[name] != nil { throw error }
        }
    }

    // MARK: The end

    /// When nothing fails any more, all becomes as it should be; after a shutdown nothing is left.
    mutating func settle() throws {
        isCalm = true
        // First what was about to fail fails; then what was given up gets another chance.
        let end = now + .seconds(15)
        try settle(until: "time passes") { $0.now >= end }
        for name in world.failed.sorted() { try world.goals[name].map { try deploy($0) } }
        try settle(until: "all runs") { simulation in
            let world = simulation.world
            let status = simulation.state.status().applications
            return world.goals.keys.allSatisfy { world.isRunning($0) && status[$0]?.state == .running }
                && world.waiting.isEmpty && world.deleting.isEmpty
                && world.replicas.values.allSatisfy { $0.phase == .ready }
                && Set(simulation.state.status().applications.keys) == Set(world.goals.keys)
        }
        for name in world.goals.keys { world.deleted(name) }
        try act(state.shutdown(now: now))
        try settle(until: "all is gone") { simulation in
            simulation.state.status().applications.isEmpty && simulation.state.nextWakeUp == nil
                && simulation.world.replicas.isEmpty && simulation.world.routes.isEmpty
                && simulation.world.deleting.isEmpty
        }
    }

    private mutating func settle(until goal: String, _ isReached: (Self) -> Bool) throws {
        let end = now + .seconds(60)
        while now < end {
            while !reports.isEmpty { try deliver() }
            if isReached(self) { return }
            try pass(state.nextWakeUp.map { min(max(.zero, $0 - now), .seconds(1)) } ?? .seconds(1))
        }
        throw Violation(description: "not within a minute: \(goal); \(state.status())")
    }
}

@Suite("Simulation")
struct SimulationTests {
    /// Add the seed of a failure here when it is fixed.
    static let pastFailures: [UInt64] = []

    @Test("Whatever fails, no action is illegal, service goes on, and all converges", arguments: 0..<10)
    func simulate(batch: UInt64) {
        for seed in (batch == 0 ? Self.pastFailures : []) + Array(batch * 10..<(batch + 1) * 10) {
            var simulation = Simulation(seed: seed)
            var step = 0
            do {
                while step < 400 {
                    try simulation.step()
                    step += 1
                }
                try simulation.settle()
            } catch {
                Issue.record("seed \(seed), step \(step): \(error)")
                return
            }
        }
    }
}
