import NIOCore
import SwerveActors
import SwerveController
import SwerveCore
import SwerveTransport

/// The course of one history: what all kinds of them have in common.
class History {
    let world: World
    let deployment = DeploymentID(application: "sim", deployment: "SimActor")
    var clients: [SimClient] = []
    var calls: [SimCall] = []
    private var nextNumber = 1
    private var nextVersion = 1
    /// Whether the replicas have models.
    private let hasModels: Bool
    /// Whether there is a deployment that others call.
    let hasBack: Bool

    init(_ world: World, hasBack: Bool = false) {
        self.world = world
        self.hasBack = hasBack
        hasModels = world.random.next(below: 3) == 0
    }

    func chance(_ one: Int) -> Bool { world.random.next(below: one) == 0 }
    func pick<Value>(_ values: [Value]) -> Value { values[world.random.next(below: values.count)] }

    /// Runs to the end.
    func run() {}

    var settled: Bool { clients.allSatisfy(\.isDone) && calls.allSatisfy(\.isOver) }

    func step() -> Bool {
        var choices = clients.flatMap { world.main.isRunning ? $0.choices() : [] }
        if choices.isEmpty || chance(3) {
            if world.step() { return true }
        }
        guard !choices.isEmpty else { return world.step() }
        choices.remove(at: world.random.next(below: choices.count))()
        return true
    }

    // MARK: Deployments and requests

    /// A deployment whose replicas are of a new version.
    ///
    /// - Parameter failsOneIn: one in this many initialisers throws; 0 means none.
    func spec(_ id: DeploymentID, _ options: DeploymentOptions, failsOneIn: Int) -> DeploymentSpec {
        let arguments = SimArguments(
            world: world.id,
            version: nextVersion,
            failsOneIn: failsOneIn,
            batching: batching(),
            maxModels: 1 + world.random.next(below: 3)
        )
        nextVersion += 1
        let writer = BinaryWriter()
        let deployed: Any.Type = hasModels ? SimModelActor.self : SimActor.self
        guard (try? writer.region(arguments)) != nil, let type = _mangledTypeName(deployed) else {
            preconditionFailure("the arguments must encode")
        }
        return DeploymentSpec(
            id: id,
            typeName: type,
            arguments: Array(writer.buffer.readableBytesView),
            options: options,
            answersHTTP: true
        )
    }

    private func batching() -> BatchOptions {
        if chance(4) { return .adaptive(latencyTarget: .milliseconds(pick([5, 50])), maxBatchSize: pick([2, 8])) }
        return BatchOptions(
            maxBatchSize: pick([1, 2, 4, 8]),
            waitTimeout: .milliseconds(pick([0, 5, 50])),
            maxConcurrentBatches: pick([1, 2]),
            maxTotalSize: chance(3) ? 6 : nil,
            allowedSizes: chance(4) ? [1, 2, 4] : []
        )
    }

    /// An order for a call, or for an HTTP request.
    func order(_ isEasy: Bool) -> SimOrder {
        let easy: [SimOrder.Work] = [.echo, .lateEcho, .stream, .big, .argument, .batch, .model]
        let relays: [SimOrder.Work] = [.relay, .relayStream, .relayArgument]
        if hasBack, chance(3) { return order(pick(relays)) }
        let works = SimOrder.Work.allCases.filter { $0 != .slowFirst && !relays.contains($0) }
        return order(pick(isEasy ? easy : works))
    }

    func order(_ work: SimOrder.Work) -> SimOrder { SimOrder(number: takeNumber(), work: work, size: size()) }

    func size() -> Int {
        switch world.random.next(below: 40) {
        case 0, 1, 2: 0
        case 3: world.random.next(below: 3 << 19)
        case 4, 5, 6: world.random.next(below: 100_000)
        default: world.random.next(below: 2000)
        }
    }

    func addClient(_ isEasy: Bool, to deployment: DeploymentID? = nil, below prefix: String = "") {
        let requests = (0..<(1 + world.random.next(below: 4))).map { _ in
            let order = order(isEasy)
            return SimClient.Request(order: order, body: SimOrder.bytes(of: order.number, size: size()))
        }
        addClient(pick(SimClient.Manner.allCases), requests, to: deployment ?? self.deployment, below: prefix)
    }

    @discardableResult
    private func addClient(
        _ manner: SimClient.Manner,
        _ requests: [SimClient.Request],
        to deployment: DeploymentID,
        below prefix: String = ""
    ) -> SimClient? {
        do {
            let client = try SimClient(world, manner, requests, to: deployment, below: prefix)
            clients.append(client)
            return client
        } catch {
            world.fail("\(error)")
            return nil
        }
    }

    func addCall(_ isEasy: Bool, to deployment: DeploymentID? = nil) { addCall(order(isEasy), to: deployment) }

    func addCall(_ order: SimOrder, to deployment: DeploymentID? = nil, _ options: SimOptions? = nil) {
        let payload = SimOrder.bytes(of: order.number, size: size())
        let options = options ?? SimOptions(isIdempotent: chance(3))
        calls.append(SimCall(world, deployment ?? self.deployment, order, payload, options))
    }

    /// Requests of many clients arrive in one tick, before the process learns that replicas died.
    func burst(killing workers: [SimProcess]) {
        var new: [SimClient] = []
        for _ in 0..<(6 + world.random.next(below: 8)) {
            var order = order(true)
            order.work = .echo
            order.size = 0
            let body = SimOrder.bytes(of: order.number, size: world.random.next(below: 50))
            let request = SimClient.Request(order: order, body: body)
            if let client = addClient(.steady, [request], to: deployment) { new.append(client) }
        }
        for worker in workers where chance(2) { world.kill(worker) }
        for client in new { client.sendWhole() }
    }

    // MARK: The end

    /// Continues until every request is answered.
    func answerAll() {
        var steps = 0
        let end = world.now + .hours(2)
        while !settled {
            steps += 1
            if steps > 2_000_000 { return world.fail("requests never end: \(unanswered)") }
            if !step(), !world.advance() { return world.fail("requests hang: \(unanswered)") }
            if world.now > end { return world.fail("requests hang for hours: \(unanswered)") }
        }
    }

    private var unanswered: String {
        let left = clients.filter { !$0.isDone }.map { "\($0.manner) \($0.numbers)" }
        return (left + calls.filter { !$0.isOver }.map { "call \($0.order)" }).joined(separator: ", ")
    }

    /// Checks what must hold once every request is answered, and shuts down.
    func finish() {
        for client in clients { client.close() }
        quiesce()
        world.audit.checkBeginnings()
        world.audit.checkNothingIsLeft()
        for id in deployments {
            let load = world.system.pools.pool(id).load
            world.check(load.queued == 0 && load.ongoing == 0, "leases of \(id) are left over: \(load)")
        }
        for wire in world.main.wires {
            guard let connection = wire.connection, !connection.isClosed else { continue }
            let load = connection.load
            world.check(load == (0, 0, 0), "streams are left over on a connection: \(load)")
        }
        for process in world.live {
            for id in deployments {
                guard let load = process.system?.pools.pool(id).load else { continue }
                let isIdle = load.queued == 0 && load.ongoing == 0
                world.check(isIdle, "leases of \(id) are left over in \(process.name): \(load)")
            }
            let streams = process.wires.compactMap { $0.connection?.isClosed == false ? $0.connection?.load : nil }
            world.check(streams.allSatisfy { $0 == (0, 0, 0) }, "streams are left over in \(process.name): \(streams)")
        }
        for client in clients {
            world.check(client.mostPending < 8 << 20, "\(client.mostPending) bytes were held for one client")
        }
        shutDown()
    }

    func quiesce() {
        var steps = 0
        while steps < Self.quietSteps, world.step() { steps += 1 }
        for _ in 0..<50 {
            guard world.advance(atMost: .milliseconds(100)) else { break }
            while steps < Self.quietSteps, world.step() { steps += 1 }
        }
        world.check(steps < Self.quietSteps, "the world never comes to rest")
    }
    private static let quietSteps = 300_000

    func shutDown() {
        let controller = world.controller!
        let isDown = Flag()
        world.audit.isShuttingDown = true
        Task(executorPreference: world.main.executor) {
            await controller.shutdown(within: nil)
            isDown.isSet = true
        }
        var steps = 0
        while !isDown.isSet {
            steps += 1
            guard steps < 500_000, world.step() || world.advance() else { break }
        }
        world.check(isDown.isSet, "the instance does not shut down")
        quiesce()
        world.check(world.launcher.isEmpty, "processes are left over")
        world.check(world.hosted.count == 0, "replicas of this process are left over")
        world.check(world.hosted.kept.load == (0, 0), "kept results are left over")
        for id in deployments {
            world.check(world.system.pools.pool(id).load == (0, 0, 0), "the pool of \(id) still holds replicas")
        }
        world.check(world.peers.connectionCount == 0, "connections are still held")
        for wire in world.main.wires { wire.forget() }
        world.bury()
        for wire in world.main.wires { wire.forget() }
        world.main.wires = []
        calls = []
        clients = []
        world.check(world.leftConnections == 0, "\(world.leftConnections) connections leak")
    }

    func takeNumber() -> Int {
        defer { nextNumber += 1 }
        return nextNumber
    }

    /// The deployments that requests went to.
    var deployments: [DeploymentID] { [deployment] }

    final class Flag: @unchecked Sendable {
        // Unchecked: a world is confined to one thread.
        var isSet = false
    }
}
