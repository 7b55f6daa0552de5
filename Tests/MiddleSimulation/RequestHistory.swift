import NIOCore
import SwerveActors
import SwerveController
import SwerveCore

/// A history of requests, of which the controller is in the main process: replicas die, connections break, processes
/// stop, and the application is deployed again.
final class RequestHistory: History {
    init(seed: UInt64) {
        super.init(World(seed: seed))
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
        for round in 0..<rounds {
            world.note("round \(round)")
            let isEasy = chance(4)
            for _ in 0..<(1 + world.random.next(below: 5)) { addClient(isEasy) }
            for _ in 0..<world.random.next(below: 6) { addCall(isEasy) }
            let steps = 50 + world.random.next(below: 1500)
            for _ in 0..<steps where !settled {
                if !step(), !world.advance() { break }
                if !isEasy, chance(120) { fault() }
            }
        }
        settle()
        finish()
    }

    // MARK: Events

    private func deploy(isHealthy: Bool = false) {
        var options = DeploymentOptions()
        options.numReplicas = 1 + world.random.next(below: 3)
        options.maxOngoingRequests = [1, 2, 100][world.random.next(below: 3)]
        options.placement = chance(4) ? .inProcess : .process
        options.routing = chance(2) ? .roundRobin : .powerOfTwoChoices
        let own = spec(deployment, options, failsOneIn: !isHealthy && chance(3) ? 3 : 0)
        let spec = ApplicationSpec(
            name: deployment.application,
            routePrefix: "/",
            ingress: deployment.deployment,
            deployments: [own]
        )
        world.note("deploy \(options.numReplicas) × \(options.maxOngoingRequests), \(options.placement)")
        let controller = world.controller!
        world.deployed = world.now
        Task(executorPreference: world.main.executor) { try? await controller.deploy(spec) }
    }

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
        default: calls.last { !$0.isOver }?.cancel()
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
