import SwerveControl
import SwerveCore

/// A controller with one autoscaled deployment under a load that changes, whose replicas start slowly and sometimes
/// die. Throws when the controller does what it must not.
///
/// The load is what the calling processes have in progress, each its share. A process may be a replica of another
/// deployment, which can die with its load.
struct LoadSimulation {
    private var random: SplitMix64
    private var bench = Bench()
    private let settings: Autoscaling
    private let web: DeploymentSpec
    /// Starts under way, with the time at which they are over.
    private var starting: [ReplicaID: MonotonicTime] = [:]
    private var running: Set<ReplicaID> = []
    private var draining: [ReplicaID: MonotonicTime] = [:]
    /// What each process has in progress.
    private var loads: [LoadSource: Int] = [:]
    private var callers: [ReplicaID] = []
    private(set) var changes = 0

    init(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        func chance(_ percent: Int) -> Bool { random.next(below: 100) < percent }
        let least = random.next(below: 3)
        let settings = Autoscaling(
            minReplicas: least,
            maxReplicas: least + 1 + random.next(below: 12),
            targetOngoingRequests: [0.5, 1, 2, 3.5, 50][random.next(below: 5)],
            upscaleDelay: .milliseconds([0, 100, 2000][random.next(below: 3)]),
            downscaleDelay: .milliseconds([500, 5000, 20_000][random.next(below: 3)]),
            downscaleToZeroDelay: chance(50) ? .seconds(3) : nil,
            upscalingFactor: [1, 0.4, 2][random.next(below: 3)],
            downscalingFactor: [1, 0.4][random.next(below: 2)],
            lookBack: .milliseconds([0, 500, 3000][random.next(below: 3)]),
            aggregation: [.mean, .max, .min][random.next(below: 3)],
            startsForQueue: chance(50)
        )
        let limit = 1 + random.next(below: 8)
        self.settings = settings
        self.web = deployment {
            $0.autoscaling = settings
            $0.maxOngoingRequests = limit
        }
        self.random = random
    }

    // MARK: A history

    mutating func run() throws {
        let callers = deployment("caller", 3)
        try act(bench.deploy(application(web, callers)))
        try pass(.seconds(2))
        for _ in 0..<25 { try step() }
        try settle()
    }

    private mutating func step() throws {
        switch random.next(below: 10) {
        case 0: try killOne()
        case 1...4: try changeLoad()
        default: try pass(.milliseconds(random.next(below: 4000)))
        }
    }

    /// The load stays as it is: the number that it needs is reached, and kept.
    private mutating func settle() throws {
        try pass(longestChange)
        let current = loads.values.reduce(0, +)
        let needed = Int((Double(current) / share - 1e-6).rounded(.up))
        let expected = min(max(needed, settings.minReplicas), settings.maxReplicas)
        if target != expected {
            throw Violation(description: "\(current) requests need \(expected) replicas, but the target is \(target)")
        }
        if running.count != expected { throw Violation(description: "\(running.count) run, not \(expected)") }
        let before = changes
        try pass(.seconds(100))
        if changes != before { throw Violation(description: "the target flaps under a constant load") }
    }

    /// Steps that factors leave over, each after its delay.
    private var longestChange: Duration {
        (settings.lookBack + settings.downscaleDelay + settings.upscaleDelay + .seconds(5)) * 12
    }

    private var share: Double { min(settings.targetOngoingRequests, Double(web.options.maxOngoingRequests)) }
    private var target: Int { bench.target ?? -1 }

    private mutating func changeLoad() throws {
        let sources = [LoadSource.instance] + callers.map { .replica($0) }
        let source = sources[random.next(below: sources.count)]
        loads[source] = random.next(below: 3) == 0 ? 0 : random.next(below: Int(share * 8) + 2)
        try report(source)
    }

    private mutating func report(_ source: LoadSource) throws {
        // What the running replicas cannot take waits.
        let capacity = running.count * web.options.maxOngoingRequests
        let all = loads.values.reduce(0, +)
        let own = loads[source] ?? 0
        let queued = min(own, max(0, all - capacity))
        let load = [web.id: Load(queued: queued, ongoing: own - queued)]
        let state =
            switch source {
            case .replica(let replica): bench.state.handle(.loadChanged(load), of: replica, now: bench.now)
            default: bench.state.report(load, from: source, now: bench.now)
            }
        try act(state)
    }

    private mutating func killOne() throws {
        let victims = running.sorted() + callers
        guard !victims.isEmpty else { return }
        let victim = victims[random.next(below: victims.count)]
        running.remove(victim)
        callers.removeAll { $0 == victim }
        loads[.replica(victim)] = nil
        try act(bench.report(.exited(reason: "killed"), victim))
    }

    // MARK: Time and replicas

    private mutating func pass(_ duration: Duration) throws {
        let end = bench.now + duration
        while true {
            let events = starting.values.min().map { [$0] } ?? []
            let due = ([bench.state.nextWakeUp, draining.values.min()].compactMap(\.self) + events).min() ?? end
            if due > end { break }
            bench.now = max(bench.now, due)
            for replica in starting.keys.sorted() where starting[replica]! <= bench.now {
                starting[replica] = nil
                if replica.deployment == web.id { running.insert(replica) } else { callers.append(replica) }
                try act(bench.report(.ready, replica))
            }
            for replica in draining.keys.sorted() where draining[replica]! <= bench.now {
                draining[replica] = nil
                try act(bench.report(.drained, replica))
            }
            try act(bench.state.tick(now: bench.now))
        }
        bench.now = end
    }

    private mutating func act(_ actions: [ControlAction]) throws {
        var later: [ControlAction] = []
        let isDraining = actions.contains {
            if case .drain(let replica) = $0 { replica.deployment == web.id } else { false }
        }
        for action in actions {
            switch action {
            case .start(let replica, _, _):
                starting[replica] = bench.now + .milliseconds(50 + random.next(below: 1500))
            case .stop(let replica):
                starting[replica] = nil
                later += bench.report(.exited(reason: "stopped"), replica)
            case .drain(let replica):
                running.remove(replica)
                draining[replica] = bench.now + .milliseconds(random.next(below: 3000))
            case .probe(let replica): later += bench.report(.probeAnswered, replica)
            default: break
            }
        }
        if isDraining, let left = starting.keys.first(where: { $0.deployment == web.id }) {
            throw Violation(description: "a running replica leaves while \(left) is starting: \(actions)")
        }
        try check(actions)
        if !later.isEmpty { try act(later) }
    }

    private var lastTarget: Int?

    private mutating func check(_ actions: [ControlAction]) throws {
        guard let status = bench.status() else { return }
        let target = status.target.replicas
        if !(settings.minReplicas...settings.maxReplicas).contains(target) {
            throw Violation(description: "the target \(target) is out of the bounds")
        }
        if target != lastTarget { changes += 1 }
        lastTarget = target
        let held = loads.filter { isKnown($0.key) }.values.reduce(0, +)
        if let load = status.autoscaling?.load, load.total > held {
            throw Violation(description: "the load \(load) is more than the \(held) requests that there are")
        }
    }

    private func isKnown(_ source: LoadSource) -> Bool {
        if case .replica(let replica) = source { callers.contains(replica) } else { true }
    }
}
