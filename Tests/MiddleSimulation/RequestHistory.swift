import NIOCore
import SwerveActors
import SwerveController
import SwerveCore

/// A history of requests, of which the controller is in the main process: replicas die, connections break, processes
/// stop, and the application is deployed again.
final class RequestHistory: History {
    /// Of a third of the histories many calls are hedged. That begins only when enough calls of a method have ended.
    private let hedges: Bool
    private let limitsQueues: Bool

    init(seed: UInt64) {
        var random = SplitMix64(seed: ~seed)
        hedges = random.next(below: 3) == 0
        limitsQueues = random.next(below: 6) == 0
        super.init(World(seed: seed), hasBack: random.next(below: 2) == 0)
        world.limitsQueues = limitsQueues
    }

    override func run() {
        deploy(isHealthy: true)
        var deployments = 1
        while world.system.pools.pool(deployment).load.replicas == 0 {
            if world.step() || world.advance() { continue }
            // The controller gives up an application after three failed attempts to start its first replicas.
            guard deployments < 5 else { return world.fail("no replica ever ran") }
            deployments += 1
            deploy(isHealthy: true)
        }
        let rounds = 1 + world.random.next(below: 3)
        let method = pick([SimOrder.Work.echo, .stream, .batch])
        if hedges { gainExperience(method) }
        for round in 0..<rounds {
            world.note("round \(round)")
            let isEasy = chance(4)
            for _ in 0..<(1 + world.random.next(below: 5)) { addClient(isEasy) }
            for _ in 0..<world.random.next(below: 10) {
                let order = order(isEasy)
                addCall(order, options(order))
            }
            if hedges { addHedgedCalls(method) }
            if chance(3) { addMany(pick([.batch, .batch, .model])) }
            let steps = 50 + world.random.next(below: 1500)
            for _ in 0..<steps where !settled {
                if !step(), !world.advance() { break }
                if !isEasy, chance(120) { fault() }
            }
        }
        settle()
        finish()
    }

    // MARK: Calls

    private func options(_ order: SimOrder) -> SimOptions {
        SimOptions(
            isIdempotent: chance(3),
            timeout: chance(4) ? .milliseconds(pick([1, 20, 200, 2000])) : nil,
            priority: pick([nil, .low, .normal, .high]),
            session: chance(3) ? "session \(order.number % 3)" : nil
        )
    }

    /// Makes so many hedged calls that others are made a second time.
    private func gainExperience(_ method: SimOrder.Work) {
        for _ in 0..<25 {
            var order = order(method)
            order.size = min(order.size, 1000)
            addCall(order, SimOptions(isHedged: true))
        }
        for _ in 0..<20_000 where !settled {
            if !step(), !world.advance() { break }
        }
    }

    private func addHedgedCalls(_ method: SimOrder.Work) {
        for _ in 0..<(1 + world.random.next(below: 6)) {
            let order = order(
                method == .echo ? pick([.slowFirst, .slowFirst, .lateEcho, .hang, .fail, .model]) : method
            )
            var options = options(order)
            options.isHedged = true
            addCall(order, options)
        }
    }

    /// Makes many calls of one kind at the same time.
    private func addMany(_ work: SimOrder.Work) {
        for _ in 0..<(4 + world.random.next(below: 12)) {
            let order = order(work)
            addCall(order, options(order))
        }
    }

    // MARK: Events

    private func deploy(isHealthy: Bool = false) {
        var options = DeploymentOptions()
        options.numReplicas = 1 + world.random.next(below: 3)
        options.maxOngoingRequests = [1, 2, 100][world.random.next(below: 3)]
        options.placement = chance(4) ? .inProcess : .process
        options.routing = pick([.roundRobin, .powerOfTwoChoices, .leastLoaded, .consistentHash])
        if limitsQueues { options.maxQueuedRequests = pick([0, 2, 5]) }
        let own = spec(deployment, options, failsOneIn: !isHealthy && chance(3) ? 3 : 0)
        let spec = ApplicationSpec(
            name: deployment.application,
            routePrefix: "/",
            ingress: deployment.deployment,
            deployments: hasBack ? [own, spec(World.back, backOptions(), failsOneIn: 0)] : [own]
        )
        world.note("deploy \(options.numReplicas) × \(options.maxOngoingRequests), \(options.placement)")
        let controller = world.controller!
        world.deployed = world.now
        Task(executorPreference: world.main.executor) { try? await controller.deploy(spec) }
    }

    private func backOptions() -> DeploymentOptions {
        var options = DeploymentOptions()
        options.numReplicas = 1 + world.random.next(below: 2)
        options.maxOngoingRequests = pick([1, 3, 100])
        options.placement = chance(4) ? .inProcess : .process
        return options
    }

    override var deployments: [DeploymentID] { hasBack ? [deployment, World.back] : [deployment] }

    private func fault() {
        let workers = world.launcher.workers
        world.faults += 1
        switch world.random.next(below: 10) {
        case 0, 1, 2, 3:
            if !workers.isEmpty { world.kill(workers[world.random.next(below: workers.count)]) }
        case 4:
            let wires = world.main.wires
            if !wires.isEmpty { world.breakConnection(wires[world.random.next(below: wires.count)]) }
        case 5:
            if let process = workers.first { process.stoppedUntil = world.now + .milliseconds(200) }
        case 6:
            world.main.stoppedUntil = world.now + .milliseconds(20)
            if chance(2) { burst(killing: workers) }
        case 7: deploy()
        default: if let call = calls.filter({ !$0.isOver }).randomElement(using: &world.random) { call.cancel() }
        }
    }

    // MARK: The end

    /// Lets no more faults happen: every request must be answered.
    private func settle() {
        world.hasFaults = false
        world.note("no more faults")
        deploy(isHealthy: true)
        answerAll()
    }
}
