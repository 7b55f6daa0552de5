import NIOCore
import SwerveActors
import SwerveControl
import SwerveController
import SwerveCore
import SwerveRuntime
import SwerveTransport
import Synchronization

/// One history of a world: an application is deployed, clients and handles send it requests, and faults happen. At the
/// end every request must have an answer and nothing may be left over.
public struct Scenario {
    /// What went wrong, with the seed that reproduces it.
    public struct Failure: Error, CustomStringConvertible {
        public let seed: UInt64
        public let reasons: [String]
        public var description: String { "seed \(seed): " + reasons.prefix(3).joined(separator: "; ") }
    }

    /// The number of worlds of earlier histories that something still holds.
    public static var worlds: Int { World.count.load(ordering: .relaxed) }

    public static func run(seed: UInt64, prints: Bool = false) throws(Failure) {
        let world = World(seed: seed)
        let history = History(world)
        history.run()
        let reasons = world.failures
        if prints {
            for line in world.trace where !line.isEmpty { print(line) }
        }
        world.end()
        if !reasons.isEmpty { throw Failure(seed: seed, reasons: reasons) }
    }
}

/// The course of one history.
private final class History {
    let world: World
    private let deployment = DeploymentID(application: "sim", deployment: "SimActor")
    private var clients: [SimClient] = []
    private var calls: [SimCall] = []
    private var nextNumber = 1
    private var version = 1

    init(_ world: World) {
        self.world = world
    }

    private func chance(_ one: Int) -> Bool { world.random.next(below: one) == 0 }

    func run() {
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

    private var settled: Bool { clients.allSatisfy(\.isDone) && calls.allSatisfy(\.isOver) }

    private func step() -> Bool {
        var choices = clients.flatMap { world.main.isRunning ? $0.choices() : [] }
        if choices.isEmpty || chance(3) {
            if world.step() { return true }
        }
        guard !choices.isEmpty else { return world.step() }
        choices.remove(at: world.random.next(below: choices.count))()
        return true
    }

    // MARK: Events

    private func deploy(isHealthy: Bool = false) {
        var options = DeploymentOptions()
        options.numReplicas = 1 + world.random.next(below: 3)
        options.maxOngoingRequests = [1, 2, 100][world.random.next(below: 3)]
        options.placement = chance(4) ? .inProcess : .process
        options.routing = chance(2) ? .roundRobin : .powerOfTwoChoices
        let arguments = SimActor.InitArguments(
            world: world.id,
            version: version,
            failsOneIn: !isHealthy && chance(3) ? 3 : 0
        )
        version += 1
        let writer = BinaryWriter()
        guard (try? writer.region(arguments)) != nil, let type = _mangledTypeName(SimActor.self) else {
            preconditionFailure("the arguments must encode")
        }
        let spec = ApplicationSpec(
            name: deployment.application,
            routePrefix: "/",
            ingress: deployment.deployment,
            deployments: [
                DeploymentSpec(
                    id: deployment,
                    typeName: type,
                    arguments: Array(writer.buffer.readableBytesView),
                    options: options,
                    answersHTTP: true
                )
            ]
        )
        world.note("deploy \(options.numReplicas) × \(options.maxOngoingRequests), \(options.placement)")
        let controller = world.controller!
        world.deployed = world.now
        Task(executorPreference: world.main.executor) { try? await controller.deploy(spec) }
    }

    private func order(_ isEasy: Bool) -> SimOrder {
        defer { nextNumber += 1 }
        let easy: [SimOrder.Work] = [.echo, .lateEcho, .stream, .big]
        let all = SimOrder.Work.allCases
        let work = isEasy ? easy[world.random.next(below: easy.count)] : all[world.random.next(below: all.count)]
        return SimOrder(number: nextNumber, work: work, size: size())
    }

    private func size() -> Int {
        switch world.random.next(below: 40) {
        case 0, 1, 2: 0
        case 3: world.random.next(below: 3 << 19)
        case 4, 5, 6: world.random.next(below: 100_000)
        default: world.random.next(below: 2000)
        }
    }

    private func addClient(_ isEasy: Bool) {
        let manners = SimClient.Manner.allCases
        let manner = manners[world.random.next(below: manners.count)]
        let requests = (0..<(1 + world.random.next(below: 4))).map { _ in
            let order = order(isEasy)
            return SimClient.Request(order: order, body: SimOrder.bytes(of: order.number, size: size()))
        }
        do { clients.append(try SimClient(world, manner, requests)) } catch { world.fail("\(error)") }
    }

    private func addCall(_ isEasy: Bool) {
        let order = order(isEasy)
        let isIdempotent = chance(3)
        if isIdempotent { world.idempotent.insert(order.number) }
        calls.append(SimCall(world, deployment, order, SimOrder.bytes(of: order.number, size: size()), isIdempotent))
    }

    private func fault() {
        let workers = world.launcher.processes
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

    /// Requests of many clients arrive in one tick, before the process learns that replicas died.
    private func burst(killing workers: [SimProcess]) {
        let many = 6 + world.random.next(below: 8)
        var new: [SimClient] = []
        for _ in 0..<many {
            let order = SimOrder(number: nextNumber, work: .echo, size: 0)
            nextNumber += 1
            let body = SimOrder.bytes(of: order.number, size: world.random.next(below: 50))
            do {
                new.append(try SimClient(world, .steady, [SimClient.Request(order: order, body: body)]))
            } catch { world.fail("\(error)") }
        }
        for worker in workers where chance(2) { world.kill(worker) }
        for client in new { client.sendWhole() }
        clients += new
    }

    // MARK: The end

    /// Lets no more faults happen: every request must be answered.
    private func settle() {
        world.hasFaults = false
        world.note("no more faults")
        deploy(isHealthy: true)
        var steps = 0
        while !settled {
            steps += 1
            if steps > 2_000_000 { return world.fail("requests never end: \(unanswered)") }
            if !step(), !world.advance() { return world.fail("requests hang: \(unanswered)") }
            if world.now > NIODeadline.uptimeNanoseconds(0) + .hours(2) {
                return world.fail("requests hang for hours: \(unanswered)")
            }
        }
    }

    private var unanswered: String {
        let left = clients.filter { !$0.isDone }.map { "\($0.manner) \($0.numbers)" }
        return (left + calls.filter { !$0.isOver }.map { "call \($0.order)" }).joined(separator: ", ")
    }

    private func finish() {
        for client in clients { client.close() }
        quiesce()
        for (number, count) in world.begun where count > 1 && !world.idempotent.contains(number) {
            world.fail("request \(number) was begun \(count) times")
        }
        let load = world.system.pools.pool(deployment).load
        world.check(load.queued == 0 && load.ongoing == 0, "leases are left: \(load)")
        for wire in world.main.wires {
            guard let connection = wire.connection, !connection.isClosed else { continue }
            let load = connection.load
            world.check(load == (0, 0, 0), "streams are left over on a connection: \(load)")
        }
        for client in clients {
            world.check(client.mostPending < 8 << 20, "\(client.mostPending) bytes were held for one client")
        }
        shutDown()
    }

    private func quiesce() {
        var steps = 0
        while steps < Self.quietSteps, world.step() { steps += 1 }
        for _ in 0..<50 {
            guard world.advance(atMost: .milliseconds(100)) else { break }
            while steps < Self.quietSteps, world.step() { steps += 1 }
        }
        world.check(steps < Self.quietSteps, "the world never comes to rest")
    }
    private static let quietSteps = 300_000

    private func shutDown() {
        let controller = world.controller!
        let isDown = Flag()
        Task(executorPreference: world.main.executor) {
            await controller.shutdown()
            isDown.isSet = true
        }
        var steps = 0
        while !isDown.isSet {
            steps += 1
            guard steps < 500_000, world.step() || world.advance() else { break }
        }
        world.check(isDown.isSet, "the instance does not shut down")
        quiesce()
        world.check(world.launcher.processes.isEmpty, "processes are left")
        world.check(world.hosted.count == 0, "replicas of this process are left")
        world.check(world.hosted.kept.load == (0, 0), "results are kept")
        world.check(world.system.pools.pool(deployment).load == (0, 0, 0), "a pool still holds replicas")
        world.check(world.peers.connectionCount == 0, "connections are held")
        for wire in world.main.wires { wire.forget() }
        world.bury()
        for wire in world.main.wires { wire.forget() }
        world.main.wires = []
        calls = []
        clients = []
        world.check(world.leftConnections == 0, "\(world.leftConnections) connections leak")
    }

    private final class Flag: @unchecked Sendable {
        // Unchecked: a world is confined to one thread.
        var isSet = false
    }
}

/// A call through a handle in the main process.
final class SimCall: @unchecked Sendable {
    // Unchecked: a world is confined to one thread.
    let order: SimOrder
    private(set) var isOver = false
    private var isCancelled = false
    private var task: Task<Void, Never>?

    init(_ world: World, _ deployment: DeploymentID, _ order: SimOrder, _ payload: ByteBuffer, _ isIdempotent: Bool) {
        self.order = order
        let handle = world.system.handle(SimActor.self, deployment).options(idempotent: isIdempotent)
        task = Task(executorPreference: world.main.executor) { [unowned self] in
            do {
                let answer = try await handle.call(order, payload)
                let wanted =
                    [.stream, .big].contains(order.work)
                    ? SimOrder.bytes(of: order.number, size: order.size) : payload
                world.check(answer == wanted, "call \(order): \(answer.readableBytes) bytes with wrong content")
                world.check(order.work != .fail, "call \(order) succeeded")
            } catch let error as SimFailure {
                world.check(order.work == .fail && error.number == order.number, "call \(order): \(error)")
            } catch is CancellationError {
                world.check(isCancelled || order.work == .hang, "call \(order) threw CancellationError uncancelled")
            } catch let error as ServeError {
                let allowed: [ServeError.Code] = [.replicaLost, .unavailable, .deleted]
                world.check(allowed.contains(error.code), "call \(order): \(error)")
            } catch {
                world.fail("call \(order): \(error)")
            }
            isOver = true
        }
    }

    func cancel() {
        isCancelled = true
        task?.cancel()
    }
}
