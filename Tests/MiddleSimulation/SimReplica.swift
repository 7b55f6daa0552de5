import Distributed
import NIOCore
import SwerveActors
import SwerveCore
import SwerveHTTPTypes

/// What the simulation's deployments do in one replica.
final class SimReplica: @unchecked Sendable {
    // Unchecked: a world is confined to one thread.
    /// The full name of the method that gets the batches.
    static let batched = "items(batch:key:)"

    let id: ReplicaID?
    let batching: BatchOptions
    let maxModels: Int
    private let hasModels: Bool
    private let worldID: UInt64
    /// The actor's.
    var identity: ServeID?
    var actorSystem: ServeSystem?
    private var runningBatches = 0
    /// The models that are loaded or being loaded.
    private var models: [String: Int] = [:]

    init(_ arguments: SimArguments, hasModels: Bool) async throws {
        self.hasModels = hasModels
        worldID = arguments.world
        batching = arguments.batching
        maxModels = arguments.maxModels
        id = ReplicaContext.current?.replica
        guard let world = World.find(arguments.world) else { throw SimFailure.noWorld }
        if world.random.next(below: 3) == 0 { await world.wait(id) }
        if arguments.failsOneIn > 0, world.random.next(below: arguments.failsOneIn) == 0 {
            throw SimFailure.initializer
        }
        world.audit?.add(self)
    }

    private var world: World? { World.find(worldID) }
    private var isDead: Bool { world?.process(of: id).isDead ?? true }

    func begin(_ order: SimOrder) throws -> SimAttempt {
        guard let world else { throw SimFailure.noWorld }
        return SimAttempt(order, on: id, world)
    }

    /// What must be over once no request is left.
    var leftovers: String? {
        guard let identity, !isDead else { return nil }
        let waiting = BatchControl(Self.batched, of: identity, batching).waiting
        if waiting > 0 || runningBatches > 0 { return "\(waiting) calls wait for batches, \(runningBatches) run" }
        let loading = ModelControl(identity, MultiplexOptions()).models.filter { $0.state == .loading }
        return loading.isEmpty ? nil : "the models \(loading.map(\.id)) are loading"
    }

    // MARK: Calls and requests

    func call(_ order: SimOrder, _ payload: ByteBuffer) async throws -> ByteBuffer {
        let attempt = try begin(order)
        defer { attempt.end() }
        switch order.work {
        case .lateEcho: await attempt.wait()
        case .fail: throw SimFailure(number: order.number)
        case .hang: try await attempt.hang()
        case .slowFirst: if attempt.isFirst { try await attempt.hang() }
        case .relay: return try await relay(order) { try await $0.ask($1) }
        case .echo, .ignore, .stream, .big, .argument, .batch, .model, .twoModels, .relayStream, .relayArgument: break
        }
        return order.answer(to: payload)
    }

    func respond(_ order: SimOrder, to request: ServeRequest) async throws -> ServeResponse {
        if order.work == .stream {
            let pieces = try makePieces(order)
            return ServeResponse(body: .stream { writer in try await pieces { try await writer.write($0) } })
        }
        let attempt = try begin(order)
        defer { attempt.end() }
        switch order.work {
        case .ignore: return .text("ignored")
        case .lateEcho: await attempt.wait()
        case .fail: throw SimFailure(number: order.number)
        case .hang, .slowFirst: try await attempt.hang()
        case .relay: return .bytes(try await relay(order) { try await $0.ask($1) })
        case .big, .model, .twoModels, .relayStream: return .bytes(order.answer(to: ByteBuffer()))
        case .echo, .stream, .argument, .batch, .relayArgument: break
        }
        return .bytes(try await request.body.collect())
    }

    // MARK: Streams

    /// The bytes of an answer, in pieces of any size.
    func pieces(_ order: SimOrder) async throws -> ResponseStream<ByteBuffer> {
        if order.work == .relayStream {
            let attempt = try begin(order)
            defer { attempt.end() }
            return try await relay(order) { try await $0.pieces($1) }
        }
        let produce = try makePieces(order)
        let flow = world?.audit?.makeFlow(order)
        return ResponseStream(maxBuffered: order.maxBuffered) { writer in
            try await produce { piece in
                try await writer.write(piece)
                flow?.wrote()
            }
        }
    }

    private typealias Produce = @concurrent @Sendable (@Sendable (ByteBuffer) async throws -> Void) async throws -> Void

    private func makePieces(_ order: SimOrder) throws -> Produce {
        guard let world else { throw SimFailure.noWorld }
        // It ends with the closure, which may never run.
        let attempt = try begin(order)
        return { write in
            defer { attempt.end() }
            var rest = order.bytes
            while let piece = world.takePiece(&rest) {
                if world.random.next(below: 4) == 0 { await attempt.wait() }
                try await write(piece)
            }
        }
    }

    /// Reads a stream that is an argument.
    func consume(_ order: SimOrder, _ pieces: ResponseStream<ByteBuffer>) async throws -> ByteBuffer {
        let attempt = try begin(order)
        defer { attempt.end() }
        if order.work == .relayArgument { return try await relay(order) { try await $0.consume($1, pieces) } }
        guard let world else { throw SimFailure.noWorld }
        let wanted = order.bytes
        var count = 0
        for try await piece in pieces {
            let part = wanted.getSlice(at: wanted.readerIndex + count, length: piece.readableBytes)
            world.check(piece == part, "call \(order): a wrong piece of the argument at \(count)")
            count += piece.readableBytes
            world.audit?.flows[order.number]?.didRead()
            if world.random.next(below: 6) == 0 { await attempt.wait() }
            if order.stopsInMiddle, count > order.size / 2 { return ByteBuffer(string: "read") }
        }
        let isWhole = count == order.size && !order.failsInMiddle
        world.check(isWhole || isDead, "call \(order): the argument ended without an error after \(count) bytes")
        return ByteBuffer(string: "read")
    }

    // MARK: Calls of others

    /// Calls the other deployment.
    private func relay<Result>(
        _ order: SimOrder,
        _ call: (SimActor, SimOrder) async throws -> Result
    ) async throws -> Result {
        guard let world, let system = actorSystem else { throw SimFailure.noWorld }
        let inner = order.inner
        let isIdempotent = world.idempotent.contains(order.number)
        if isIdempotent { world.idempotent.insert(inner.number) }
        let handle = system.handle(SimActor.self, World.back).options(
            modelID: inner.modelID,
            idempotent: isIdempotent
        )
        world.audit?.note("calls between replicas")
        return try await ServeContext.$executor.withValue(world.process(of: id).executor) {
            try await call(handle, inner)
        }
    }

    // MARK: Batches

    /// A batch of items: results for some, errors for others.
    func batch(_ orders: [SimOrder]) async throws -> [Result<ByteBuffer, any Error>] {
        guard let world, let context = BatchContext.current else { throw SimFailure.noWorld }
        let items = orders.prefix(context.requests.count)
        if world.random.next(below: 3) > 0 { await world.pause(id) }
        guard let spoiler = items.first(where: \.spoilsBatch) else {
            return orders.map { order in
                order.failsAlone
                    ? .failure(SimFailure(number: order.number)) : .success(order.answer(to: ByteBuffer()))
            }
        }
        world.audit?.spoilt.formUnion(items.map(\.number))
        if spoiler.number % 2 == 0 { throw SimFailure.batch }
        return Array(repeating: .failure(SimFailure.batch), count: orders.count + 1)
    }

    /// Checks a batch that begins, and counts it until it ends.
    func batchBegins(_ orders: [SimOrder]) {
        runningBatches += 1
        guard !isDead, let world, let context = BatchContext.current else { return }
        let items = Array(orders.prefix(context.requests.count))
        audit(items, given: orders.count, context, world)
        world.audit?.note("batches of \(items.count > 1 ? "several items" : "one item")")
    }

    func batchEnds() { runningBatches -= 1 }

    private func audit(_ items: [SimOrder], given: Int, _ context: BatchContext, _ world: World) {
        func check(_ holds: Bool, _ what: String) {
            world.check(holds, "a batch of \(items.map(\.number)) \(what)")
        }
        check(runningBatches <= batching.maxConcurrentBatches, "is one of \(runningBatches) at a time")
        check(items.count <= batching.largestBatch, "is too long")
        check(given == batching.filledUp(items.count), "was filled up to \(given)")
        let weight = items.reduce(0) { $0 + $1.weight }
        check(weight <= batching.maxTotalSize ?? .max || items.count == 1, "weighs \(weight)")
        check(Set(items.map(\.key)).count == 1, "mixes keys")
        check(Set(items.map(\.number)).count == items.count, "has an item twice")
        check(!hasModels || Set(context.requests.map { $0?.modelID }).count == 1, "mixes models")
        check(zip(items, context.requests).allSatisfy { $0.modelID == $1?.modelID }, "has other items' contexts")
        check(!items.contains { world.audit.isLongOver($0.number, on: id) }, "has an item that nobody wants")
        guard !world.process(of: id).wasStopped, !world.main.wasStopped else { return }
        let remaining = context.requests.compactMap { $0?.deadline?.remaining }
        check(remaining.allSatisfy { $0 >= .zero }, "has an expired item")
    }

    // MARK: Models

    /// Loads a model, which may fail.
    func load(_ name: String) async throws -> SimModel {
        guard let world else { throw SimFailure.noWorld }
        models[name, default: 0] += 1
        if !isDead {
            world.check(models[name] == 1, "\(self.name) loads the model \(name) although it has it")
            world.check(models.count <= maxModels, "\(self.name) has the models \(models.keys.sorted())")
            world.audit?.note("loads")
        }
        for _ in 0..<world.random.next(below: 3) { await world.pause(id) }
        if Task.isCancelled, world.random.next(below: 2) == 0 {
            gone(name)
            throw CancellationError()
        }
        if world.random.next(below: 8) == 0 {
            gone(name)
            world.audit?.failedLoads.insert(name)
            throw SimFailure.load
        }
        return SimModel(name, of: self)
    }

    private var name: String { id.map { "\($0)" } ?? "an actor" }

    fileprivate func gone(_ name: String) {
        models[name, default: 1] -= 1
        if models[name] == 0 { models[name] = nil }
    }

    func check(_ use: SimUse, _ name: String, _ order: SimOrder) {
        guard !isDead else { return }
        world?.check(use.model != nil, "the model \(name) went while the request \(order) used it")
        world?.check(use.model?.name ?? name == name, "the request \(order) got the model \(use.model?.name ?? "")")
    }
}

/// A model of the simulation.
final class SimModel {
    let name: String
    private let replica: SimReplica

    init(_ name: String, of replica: SimReplica) {
        self.name = name
        self.replica = replica
    }

    deinit {
        replica.gone(name)
    }
}

struct SimUse {
    weak var model: SimModel?
    init(_ model: SimModel) { self.model = model }
}
