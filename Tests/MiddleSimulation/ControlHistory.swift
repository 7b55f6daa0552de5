import NIOCore
import SwerveActors
import SwerveControl
import SwerveController
import SwerveCore

/// A history of a controller in a process of its own, which dies and is replaced at any moment, while an operator
/// deploys, scales and deletes applications, and clients use them.
final class ControlHistory: History {
    let operators: Operator
    /// Whether replicas, their connections and the main process suffer, too. Otherwise no request may fail.
    private let hurtsReplicas: Bool
    private var failsInitialisers = false
    /// Such that six replicas, two of each deployment, always fit.
    private var modestResources = Resources()
    /// The last spec of each application that was asked for.
    private var specs: [String: ApplicationSpec] = [:]

    init(seed: UInt64) {
        var random = SplitMix64(seed: ~seed)
        let world = World(seed: seed, nodes: Self.nodes(using: &random))
        operators = Operator(world)
        hurtsReplicas = random.next(below: 2) == 0
        super.init(world)
        world.hasFailedStarts = random.next(below: 2) == 0
        modestResources = findModestResources()
        failsInitialisers = world.hasFailedStarts && random.next(below: 2) == 0
        if random.next(below: 3) == 0 { world.disk?.failsOneIn = 5 }
    }

    /// In a third of the histories nothing can be reserved; in the others replicas compete for one or two nodes.
    private static func nodes(using random: inout SplitMix64) -> [String: NodeResources] {
        if random.next(below: 3) == 0 { return NodeLedger.nothing }
        let names = ["local", "other"].prefix(1 + random.next(below: 2))
        return Dictionary(
            uniqueKeysWithValues: names.map { name in
                let gpus = (0..<random.next(below: 3)).map { NodeResources.GPU(id: "\(name)-\($0)") }
                let cpus = Double(1 + random.next(below: 4))
                let licences = ["licence": Double(random.next(below: 3))]
                return (name, NodeResources(cpus: cpus, gpus: gpus, memory: 0, custom: licences))
            }
        )
    }

    // MARK: The course

    override func run() {
        guard begin() else { return }
        for round in 0..<(1 + world.random.next(below: 2)) {
            world.note("round \(round)")
            addTraffic()
            let steps = 50 + world.random.next(below: 1000)
            for _ in 0..<steps {
                if !step(), !world.advance() { break }
                if chance(60) { event() }
                // The moments at which the loss of a controller could matter most.
                let isDelicate = world.disk?.isWriting == true || world.audit.lastStop > world.trace.count - 20
                if isDelicate, chance(30) { killController() }
            }
        }
        settle()
        rest()
        finish()
    }

    /// Deploys the first application and waits until it runs.
    private func begin() -> Bool {
        var deployments = 0
        while world.system.pools.pool(deployment).load.replicas == 0 {
            if operators.open == 0 {
                guard deployments < 8 else {
                    world.fail("no replica ever ran")
                    return false
                }
                deployments += 1
                operators.ask(.deploy(application("sim", isModest: true)))
            }
            if !world.step(), !world.advance() { return false }
        }
        return true
    }

    override var deployments: [DeploymentID] { world.audit.known.sorted() }

    private func addTraffic() {
        let isEasy = chance(3)
        for _ in 0..<(1 + world.random.next(below: 5)) {
            let isAlt = chance(3) && world.audit.known.contains(Self.alt)
            addClient(isEasy, to: isAlt ? Self.alt : deployment, below: isAlt ? "/alt" : "")
        }
        for _ in 0..<world.random.next(below: 6) { addCall(isEasy, to: pick(deployments)) }
    }
    private static let alt = DeploymentID(application: "alt", deployment: "SimActor")

    // MARK: Events

    private func event() {
        switch world.random.next(below: hurtsReplicas ? 20 : 14) {
        case 0, 1, 2: killController()
        case 3: stopController()
        case 4: if let wire = world.launcher.controller?.wires.first { world.breakConnection(wire) }
        case 5, 6: operators.ask(.deploy(application(pick(["sim", "sim", "alt"]))))
        case 7: operators.ask(.deploy(reconfigured(pick(["sim", "alt"]))))
        case 8, 9:
            let name = pick(["sim", "sim", "alt"])
            if let own = specs[name] {
                operators.ask(.scale(pick(own.deployments).id, to: world.random.next(below: 5)))
            }
        case 10: operators.setCapacity(pick([nil, 0, 50, 100]))
        case 11: if chance(2) { operators.ask(.delete(pick(["sim", "alt"]))) }
        case 12: addTraffic()
        case 13: calls.last { !$0.isOver }?.cancel()
        default: hurt()
        }
    }

    private func killController() {
        guard let process = world.launcher.controller else { return }
        if chance(2) { world.hold(process, within: 200_000_000) }
        world.kill(process)
    }

    /// A controller that is stopped for longer than the agent is patient is killed.
    private func stopController() {
        guard let process = world.launcher.controller, process.isRunning else { return }
        world.note("\(process.name) is stopped")
        process.stoppedUntil = world.now + .milliseconds(pick([200, 10_000, 40_000]))
    }

    private func hurt() {
        let workers = world.launcher.workers
        switch world.random.next(below: 5) {
        case 0, 1: if !workers.isEmpty { kill(pick(workers)) }
        case 2:
            guard let worker = workers.first, let wire = worker.wires.first(where: { !$0.isClosed }) else { return }
            if let replica = worker.replica { world.audit.hurt(replica) }
            world.breakConnection(wire)
        case 3:
            guard let worker = workers.first else { return }
            if let replica = worker.replica { world.audit.hurt(replica) }
            worker.stoppedUntil = world.now + .milliseconds(pick([200, 200_000]))
        default: world.main.stoppedUntil = world.now + .milliseconds(20)
        }
    }

    private func kill(_ worker: SimProcess) {
        if let replica = worker.replica { world.audit.hurt(replica) }
        world.kill(worker)
    }

    // MARK: Applications

    /// An application whose replicas are of a new version.
    ///
    /// - Parameter isModest: whether it starts, and leaves room for others that are modest.
    private func application(_ name: String, isModest: Bool = false) -> ApplicationSpec {
        let names = name == "alt" && chance(2) ? ["SimActor", "Side"] : ["SimActor"]
        let deployments = names.map { own in
            let id = DeploymentID(application: name, deployment: own)
            return spec(id, options(isModest), failsOneIn: failsInitialisers && !isModest && chance(3) ? 3 : 0)
        }
        let application = ApplicationSpec(
            name: name,
            routePrefix: name == "sim" ? "/" : "/\(name)",
            ingress: "SimActor",
            deployments: deployments
        )
        specs[name] = application
        return application
    }

    /// The last version of an application, whose replicas can stay.
    private func reconfigured(_ name: String) -> ApplicationSpec {
        guard var spec = specs[name] else { return application(name) }
        for index in spec.deployments.indices {
            spec.deployments[index].options.maxOngoingRequests = pick([1, 2, 5, 100])
        }
        specs[name] = spec
        return spec
    }

    private func options(_ isModest: Bool) -> DeploymentOptions {
        var options = DeploymentOptions()
        options.maxOngoingRequests = pick([1, 2, 5, 100])
        options.placement = chance(6) ? .inProcess : .process
        options.routing = pick([.roundRobin, .powerOfTwoChoices])
        options.placementStrategy = pick([.pack, .spread])
        options.rollout = pick([
            .startFirst, .stopFirst, .rolling(), .rolling(maxSurge: 1, maxUnavailable: 0),
            .rolling(maxSurge: 0, maxUnavailable: 1), .rolling(maxSurge: 2, maxUnavailable: .percent(50)),
        ])
        if chance(3) {
            options.autoscaling = Autoscaling(
                minReplicas: isModest || chance(2) ? 1 : 0,
                maxReplicas: isModest ? 2 : 3,
                targetOngoingRequests: pick([1, 2]),
                downscaleDelay: .seconds(2)
            )
        } else {
            options.numReplicas = 1 + world.random.next(below: isModest ? 2 : 3)
        }
        options.resources = isModest ? modestResources : randomResources()
        return options
    }

    private func findModestResources() -> Resources {
        let choices = [Resources(cpus: 0.5), Resources(gpus: 0.25), Resources(custom: ["licence": 0.5])]
        return pick(choices.filter { world.audit.room(for: $0, onEmptyNodes: true) >= 6 } + [Resources()])
    }

    private func randomResources() -> Resources {
        if world.audit.nodes == NodeLedger.nothing || chance(4) { return Resources() }
        return Resources(
            cpus: pick([0, 0, 0.5, 1]),
            gpus: pick([0, 0, 0.25, 0.5, 1]),
            custom: chance(3) ? ["licence": pick([0.5, 1])] : [:]
        )
    }

    // MARK: The end

    /// Lets no more faults happen: every request must be answered, and every application reach its goal.
    private func settle() {
        world.hasFaults = false
        world.continueAll()
        failsInitialisers = false
        world.disk?.failsOneIn = 0
        world.note("no more faults")
        // These are the last changes.
        while operators.waiting > 0, step() {}
        operators.setCapacity(nil)
        for name in ["sim", "alt"] where name == "sim" || specs[name] != nil {
            operators.ask(.deploy(application(name, isModest: true)))
        }
        answerAll()
        // Another controller that could not start may still wait, and so may a replica that failed often.
        waitUntil("every goal is reached", within: .minutes(20)) { status in problems(status) }
    }

    /// What is not as it should be; empty once all is.
    private func problems(_ status: ServeStatus) -> [String] {
        var problems: [String] = []
        for (name, spec) in specs.sorted(by: { $0.key < $1.key }) {
            guard let application = status.applications[name] else {
                problems.append("'\(name)' is missing")
                continue
            }
            for own in spec.deployments {
                guard let deployment = application.deployments[own.id.deployment] else {
                    problems.append("\(own.id) is missing")
                    continue
                }
                let target = operators.target(own.id) ?? deployment.target.replicas
                let running = deployment.replicas.count { $0.state == .running }
                if deployment.state == .healthy, running == target { continue }
                let isShort = deployment.pending != nil && world.audit.room(for: own.options.resources) == 0
                if !isShort {
                    problems.append("\(own.id) is \(deployment.state), \(running) of \(target): \(deployment.message)")
                }
            }
            if application.deployments.count > spec.deployments.count { problems.append("'\(name)' has too much") }
        }
        return problems
    }

    /// With a constant load nothing changes, also when another controller takes over.
    private func rest() {
        guard world.failures.isEmpty, chance(2) else { return }
        world.isHolding = true
        world.note("constant load")
        for _ in 0..<world.random.next(below: 5) {
            addCall(SimOrder(number: takeNumber(), work: .hang, size: 0), to: pick(deployments.filter(isWanted)))
        }
        pass(.seconds(25))
        let orders = world.audit.orders
        let targets = world.disk?.targets
        pass(.seconds(5))
        killController()
        pass(.seconds(15))
        world.check(world.audit.orders == orders, "replicas come or go although nothing changes")
        world.check(world.disk?.targets == targets, "targets change although nothing changes")
        world.isHolding = false
        answerAll()
    }

    private func isWanted(_ id: DeploymentID) -> Bool {
        specs[id.application]?.deployments.contains { $0.id == id } ?? false
    }

    /// Lets time pass.
    private func pass(_ time: TimeAmount) {
        let end = world.now + time
        while world.now < end {
            if !step(), !world.advance(atMost: end - world.now) { return }
        }
    }

    private func waitUntil(_ what: String, within limit: TimeAmount, _ problems: (ServeStatus) -> [String]) {
        let end = world.now + limit
        var last: [String] = []
        while world.now < end {
            guard operators.open == 0 else {
                last = ["\(operators.open) changes are not done"]
                pass(.seconds(2))
                continue
            }
            guard let status = status() else { return }
            last = problems(status)
            if last.isEmpty { return }
            pass(.seconds(5))
        }
        world.fail("not within \(limit.nanoseconds / 1_000_000_000) s: \(what): \(last)")
    }

    private func status() -> ServeStatus? {
        let controller = world.controller!
        var status: ServeStatus?
        let answer = Answer()
        Task(executorPreference: world.main.executor) { answer.status = await controller.status() }
        for _ in 0..<200_000 {
            status = answer.status
            if status != nil { return status }
            if !step(), !world.advance() { break }
        }
        world.fail("the controller does not tell its status")
        return nil
    }

    private final class Answer: @unchecked Sendable {
        // Unchecked: a world is confined to one thread.
        var status: ServeStatus?
    }
}
