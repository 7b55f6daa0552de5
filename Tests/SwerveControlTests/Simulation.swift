import SwerveControl
import SwerveCore

/// A controller in a world that fails at random. The seed alone decides what happens.
struct Simulation {
    var state: ControllerState
    /// The goal as the controller stored it.
    var stored = StoredGoal()
    var world = World()
    /// The status, followed by what the controller says has changed.
    private var followed: [String: ApplicationStatus] = [:]
    var now = MonotonicTime.zero
    var random: SplitMix64
    var faults: Faults
    /// The reports to deliver, in no particular order.
    var reports: [(event: ReplicaEvent, replica: ReplicaID)] = []
    /// How many reports were delivered since time last passed.
    private var delivered = 0
    /// The processes that run, whether or not the controller knows.
    var alive: Set<ReplicaID> = []
    private let rollouts: [DeploymentOptions.Rollout] = [
        .startFirst, .stopFirst, .rolling(), .rolling(maxSurge: 1, maxUnavailable: 0),
        .rolling(maxSurge: 0, maxUnavailable: 1), .rolling(maxSurge: 2, maxUnavailable: .percent(50)),
    ]
    /// Whether all reports arrive and nothing fails except what is permanently broken.
    var isCalm = false

    init(seed: UInt64) {
        random = SplitMix64(seed: seed)
        faults = Faults(using: &random)
        world.nodes = Self.nodes(using: &random)
        state = ControllerState(nodes: world.nodes, isStored: true)
    }

    /// In half of the simulations, replicas compete for what one or two nodes have.
    private static func nodes(using random: inout SplitMix64) -> [String: NodeResources] {
        if random.next(below: 2) == 0 { return NodeLedger.nothing }
        let names = ["local", "other"].prefix(1 + random.next(below: 2))
        return Dictionary(
            uniqueKeysWithValues: names.map { name in
                let gpus = (0...random.next(below: 2)).map { NodeResources.GPU(id: "\(name)-\($0)") }
                let cpus = Double(1 + random.next(below: 3))
                return (name, NodeResources(cpus: cpus, gpus: gpus, memory: 1000 * random.next(below: 3)))
            }
        )
    }

    mutating func chance(_ percent: Int) -> Bool { random.next(below: 100) < percent }

    // MARK: The world's reactions

    mutating func act(_ actions: [ControlAction], isTick: Bool = false) throws {
        try stored.follow(&state)
        for name in state.takeChanged() { followed[name] = state.status(of: name) }
        if isTick, followed != state.status().applications {
            throw Violation(description: "a status changed unsaid at \(now)\n\(summary)")
        }
        let deployments = state.goal.applications.values.flatMap(\.deployments.values)
        let fallenBack = deployments.filter { if case .fallenBack = $0.course { true } else { false } }.map(\.spec.id)
        try world.perform(actions, fallenBack: Set(fallenBack), now: now, isTick: isTick)
        try world.checkResources { state.status() }
        for action in actions {
            switch action {
            case .start(let replica, let spec, _): start(replica, spec)
            case .drain(let replica): if alive.contains(replica), isCalm || chance(70) { report(.drained, replica) }
            case .stop(let replica): stop(replica)
            case .probe(let replica):
                guard alive.contains(replica), isCalm || chance(faults.probesAnswered) else { continue }
                report(.probeAnswered, replica)
                report(isCalm || chance(faults.probesAnswered) ? .checkPassed : .checkFailed(message: "sick"), replica)
            case .reconfigure(let replica, let spec, let number):
                guard alive.contains(replica) else { continue }
                if faults.isBroken(spec.configuration) {
                    report(.reconfigurationFailed(number: number, message: "refused"), replica)
                } else {
                    report(.reconfigured(number: number), replica)
                }
            default: break
            }
        }
    }

    private mutating func report(_ event: ReplicaEvent, _ replica: ReplicaID) {
        reports.append((event, replica))
    }

    private mutating func start(_ replica: ReplicaID, _ spec: DeploymentSpec) {
        alive.insert(replica)
        report(.launched(processID: 1), replica)
        let isFull = faults.room[replica.deployment].map { room in
            world.replicas.count {
                $0.key.deployment == replica.deployment && $0.value.phase != .starting && !isEndless($0.key)
            } >= room
        }
        if faults.brokenVersions.contains(spec.arguments[0]) || faults.isBroken(spec.configuration) || isFull == true {
            switch random.next(below: 10) {
            case 0..<6: report(.initializationFailed(message: "thrown"), replica)
            case 6..<9: die(replica)
            default: break
            }
        } else if faults.crashingVersions.contains(spec.arguments[0]) {
            report(.ready, replica)
            die(replica)
        } else if isCalm || !chance(faults.failedStarts) {
            report(.ready, replica)
        } else {
            switch random.next(below: 4) {
            case 0: report(.initializationFailed(message: "thrown"), replica)
            case 1: die(replica)
            case 2:
                report(.ready, replica)
                die(replica)
            default: break
            }
        }
    }

    private mutating func stop(_ replica: ReplicaID) {
        if isEndless(replica) { return }
        if isCalm || chance(80) { die(replica) }
    }

    private func isEndless(_ replica: ReplicaID) -> Bool { faults.endless.contains(replica.number % 64) }

    private mutating func die(_ replica: ReplicaID) {
        alive.remove(replica)
        report(.exited(reason: "crash"), replica)
    }

    private mutating func crash() {
        if let victim = alive.sorted().randomElement(using: &random) { die(victim) }
    }

    mutating func deliver() throws {
        guard !reports.isEmpty else { return }
        delivered += 1
        if delivered > 5_000 { throw Violation(description: "reports without end at \(now)\n\(summary)") }
        let index = random.next(below: reports.count)
        let (event, replica) = reports[index]
        // Some reports are doubled, and some get lost.
        if isCalm || !chance(faults.doubledReports) { reports.remove(at: index) }
        if !isCalm && chance(faults.lostReports) { return }
        let mustBeReplaced = event.isExit && world.hasLasted(replica, now: now)
        world.delivers(event, of: replica, now: now)
        let actions = state.handle(event, of: replica, now: now)
        try act(actions)
        if mustBeReplaced { try world.checkReplacement(of: replica, actions) }
    }

    // MARK: Events

    mutating func step() throws {
        switch random.next(below: 100) {
        case 0..<faults.deploys: try deploy(randomSpec())
        case 20..<22: try delete(["a", "b"][random.next(below: 2)])
        case 22..<25: crash()
        case 25..<27:
            let stranger = r(UInt64(random.next(below: 1000)) + 100_000, "x", in: "a")
            try act(state.handle(chance(50) ? .ready : .exited(reason: "?"), of: stranger, now: now))
        case 27: faults.change(using: &random)
        case 28..<30: try scale()
        case 30: if faults.losesControllers { try crashController() }
        case 31..<45: try pass(.milliseconds(random.next(below: 700)))
        case 45: try pass(.seconds(random.next(below: 12)))
        case 46:
            try spend(.seconds(11))
            crash()
        case 47..<60: if let wakeUp = state.nextWakeUp { try pass(max(.zero, wakeUp - now)) }
        default: try deliver()
        }
    }

    mutating func pass(_ duration: Duration) throws {
        if duration > .zero { delivered = 0 }
        now = now + duration
        for _ in 0..<3 {
            try act(state.tick(now: now), isTick: true)
            guard let wakeUp = state.nextWakeUp, wakeUp <= now else { return }
        }
        throw Violation(description: "three ticks leave work due at \(state.nextWakeUp as Any), now \(now)")
    }

    /// Lets time pass and does everything that becomes due.
    private mutating func spend(_ duration: Duration) throws {
        let end = now + duration
        while now < end {
            while !reports.isEmpty { try deliver() }
            try pass(min(end - now, max(.milliseconds(1), (state.nextWakeUp ?? end) - now)))
        }
    }

    private mutating func randomSpec() -> ApplicationSpec {
        let name = ["a", "b"][random.next(below: 2)]
        if chance(30), var last = world.goals[name] {
            for index in last.deployments.indices where last.deployments[index].userConfig != nil {
                last.deployments[index].userConfig = [UInt8(random.next(below: 3))]
            }
            return last
        }
        var deployments: [DeploymentSpec] = []
        for own in ["x", "y", "z"] where deployments.isEmpty && own == "z" || chance(60) {
            let replicas = random.next(below: 4)
            let version = UInt8(random.next(below: 3))
            let queued = 10 + random.next(below: 2)
            let drainTime = Duration.seconds(Int(version))
            let rollout = rollouts[random.next(below: rollouts.count)]
            let deadline = chance(20) ? Duration.seconds(3) : .seconds(600)
            let config = chance(70) ? [UInt8(random.next(below: 3))] : nil
            let resources = randomResources()
            let most = world.nodes == NodeLedger.nothing || !chance(50) ? nil : 1 + random.next(below: 2)
            let strategy: DeploymentOptions.PlacementStrategy = chance(50) ? .pack : .spread
            var spec =
                deployment(own, replicas, version: version, in: name) {
                    $0.resources = resources
                    $0.maxReplicasPerNode = most
                    $0.placementStrategy = strategy
                    $0.maxQueuedRequests = queued
                    $0.maxOngoingRequests = 1 + Int(version) + Int(config?.first ?? 0)
                    $0.rollout = rollout
                    $0.startTimeout = .seconds(2)
                    $0.progressDeadline = deadline
                    $0.gracefulShutdownTimeout = drainTime
                    $0.healthCheckPeriod = .seconds(1)
                    $0.healthCheckTimeout = .milliseconds(500 + 1000 * Int(version))
                }
            spec.userConfig = config
            deployments.append(spec)
        }
        let ingress = deployments[random.next(below: deployments.count)].id.deployment
        let prefix = ["/", "/p", nil][random.next(below: 3)]
        return ApplicationSpec(name: name, routePrefix: prefix, ingress: ingress, deployments: deployments)
    }

    private mutating func randomResources() -> Resources {
        if world.nodes == NodeLedger.nothing || chance(30) { return Resources() }
        let (cpus, gpus) = ([0, 0.5, 1][random.next(below: 3)], [0, 0.3, 0.5, 1][random.next(below: 4)])
        return Resources(cpus: cpus, gpus: chance(40) ? 0 : gpus, memory: chance(80) ? 0 : 400)
    }

    private mutating func deploy(_ spec: ApplicationSpec) throws {
        do {
            let actions = try state.deploy(spec, now: now)
            if !world.couldFit(spec) { throw Violation(description: "what can never fit was deployed: \(spec)") }
            world.deployed(spec)
            try act(actions)
        } catch let error as ServeError where error.message.contains("is taken by") {
        } catch let error as ServeError where error.code == .insufficientResources && !world.couldFit(spec) {
            world.reached.insert(.refused)
        }
    }

    private mutating func scale() throws {
        let id = DeploymentID(
            application: ["a", "b"][random.next(below: 2)],
            deployment: ["x", "y", "z"][random.next(below: 3)]
        )
        let target = random.next(below: 4)
        let isWanted = world.goals[id.application]?.deployments.contains { $0.id == id } ?? false
        do {
            let actions = try state.scale(id, to: target, by: .policy, now: now)
            if !isWanted { throw Violation(description: "\(id) was scaled, but does not exist") }
            world.scaled(id, to: target)
            try act(actions)
        } catch let error as ServeError where error.code == .notFound && !isWanted {
        } catch let error as ServeError where error.code == .startFailed && isWanted {
            let status = state.status().applications[id.application]?.deployments[id.deployment]
            if status?.state != .deployFailed { throw error }
        } catch let error as ServeError where error.code == .insufficientResources && isWanted {
            let room = world.effective(id).map { spec in
                world.nodes.values.reduce(0) { $0 + World.Free($1).room(for: spec.options, of: id) }
            }
            if room ?? .max >= max(target, 1) { throw error }
        }
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

    /// The controller dies, perhaps after it stored a change and before it acted on it. A new one continues.
    private mutating func crashController() throws {
        if chance(30) {
            _ = state.tick(now: now)
            try stored.follow(&state)
        }
        try stored.check(state)
        // Nobody passes on what a replica reports about an earlier controller's change.
        reports.removeAll { $0.event.endsChange }
        state = ControllerState(goal: stored.goal, nodes: world.nodes, isStored: true)
        state.adopt(world.inventory, now: now)
        world.lostController()
        try pass(.zero)
    }

    // MARK: The end

    /// Checks three things: once nothing fails except what is permanently broken, every call is answered; once nothing
    /// is broken, every goal is reached; after a shutdown nothing is left.
    mutating func settle() throws {
        isCalm = true
        try stored.check(state)
        try settle(within: .seconds(150), until: "every call is answered and whatever can run runs") { simulation in
            let waiting = simulation.world.waiting.filter { !simulation.isShort($0) }
            return waiting.isEmpty && simulation.world.deleting.isEmpty
                && simulation.state.status().applications.values.allSatisfy { simulation.isAtRest($0) }
        }
        faults = Faults(endless: faults.endless)
        // Applications that were given up need another deploy. The others recover once their waits are over.
        let end = now + .seconds(15)
        try settle(within: .seconds(16), until: "time passes") { $0.now >= end }
        for (name, application) in state.status().applications.sorted(by: { $0.key < $1.key })
        where application.state == .deployFailed {
            guard var goal = world.goals[name] else { continue }
            // A replica that cannot be stopped holds its place for a minute.
            for index in goal.deployments.indices {
                goal.deployments[index].options.progressDeadline = .seconds(600)
            }
            try deploy(goal)
        }
        try settle(within: .seconds(100), until: "all runs") { simulation in
            let world = simulation.world
            let status = simulation.state.status().applications
            return world.goals.allSatisfy { name, goal in
                simulation.isShort(name)
                    || world.isRunning(name) && status[name]?.state == .running
                        && status[name]?.deployments.count == goal.deployments.count
            }
                && world.waiting.allSatisfy(simulation.isShort) && world.deleting.isEmpty
                && world.replicas.values.allSatisfy { $0.phase == .ready || $0.isStuck }
                && Set(status.keys) == Set(world.goals.keys)
        }
        for name in world.goals.keys { world.deleted(name) }
        try act(state.shutdown(now: now))
        try settle(within: .seconds(100), until: "all is gone") { simulation in
            simulation.state.status().applications.isEmpty && simulation.state.nextWakeUp == nil
                && simulation.world.replicas.values.allSatisfy(\.isStuck) && simulation.world.routes.isEmpty
                && simulation.world.deleting.isEmpty
        }
    }

    /// Whether the application lacks replicas for which there is no room.
    private func isShort(_ application: String) -> Bool {
        if world.nodes == NodeLedger.nothing { return false }
        let deployments = state.status().applications[application]?.deployments.values
        return deployments?.contains { $0.pending != nil && world.isOutOfRoom($0.id) } ?? false
    }

    /// Whether the application runs, or has failed or lacks resources and runs as well as it can.
    private func isAtRest(_ application: ApplicationStatus) -> Bool {
        if application.state == .running || isShort(application.name) { return true }
        if application.state == .deploying || application.state == .deleting { return false }
        return application.deployments.values.allSatisfy { deployment in
            guard let spec = world.effective(deployment.id), world.published[deployment.id] != nil else { return true }
            let target = min(deployment.target.replicas, faults.room[deployment.id] ?? .max)
            return !faults.isSound(spec) || deployment.state == .deleting
                || world.published[deployment.id]?.count ?? 0 >= target
        }
    }

    private mutating func settle(within limit: Duration, until goal: String, _ isReached: (Self) -> Bool) throws {
        let end = now + limit
        while now < end {
            while !reports.isEmpty { try deliver() }
            if isReached(self) { return }
            try pass(state.nextWakeUp.map { min(max(.zero, $0 - now), .seconds(1)) } ?? .seconds(1))
        }
        throw Violation(description: "not within \(limit): \(goal)\n\(summary)")
    }

    /// A description of a failed simulation, for people.
    private var summary: String {
        let applications = state.status().applications.values.map { application in
            let deployments = application.deployments.values.map { deployment in
                let replicas = deployment.replicas.map { "#\($0.id.number) \($0.state)" }
                let version = world.deployments[deployment.id]?.arguments.description ?? "none"
                return "  \(deployment.id) \(deployment.state) of \(deployment.target.replicas), version \(version), "
                    + "published \(world.published[deployment.id] ?? []): \(replicas)"
            }
            return "\(application.name) \(application.state): \(application.message)\n"
                + deployments.joined(separator: "\n")
        }
        return applications.joined(separator: "\n") + "\n\(faults)\nwaiting \(world.waiting), "
            + "deleting \(world.deleting), failed \(world.failed), routes \(world.routes.map(\.prefix))"
    }
}

extension ReplicaEvent {
    var isExit: Bool { if case .exited = self { true } else { false } }
    var endsChange: Bool {
        switch self {
        case .reconfigured, .reconfigurationFailed: true
        default: false
        }
    }
}
