import Distributed
import NIOCore
import SwerveActors
import SwerveCore
import SwerveHTTPTypes

/// The arguments of the simulation's deployments.
struct SimArguments: Codable, Sendable {
    var world: UInt64
    var version: Int
    /// One in this many initialisers throws; 0 means none.
    var failsOneIn: Int
    var batching: BatchOptions
    var maxModels: Int
}

/// A deployment of the simulation.
distributed actor SimActor: HTTPIngress {
    typealias ActorSystem = ServeSystem
    static func _make(_ arguments: SimArguments, actorSystem: ServeSystem) async throws -> SimActor {
        try await SimActor(arguments)
    }
    static var _deploymentOptions: DeploymentOptions { DeploymentOptions() }
    static var _batchedMethods: [BatchedMethod] { [BatchedMethod(SimReplica.batched, BatchOptions())] }
    static var _deploymentMethods: [DeploymentMethod<SimActor>] {
        [
            DeploymentMethod("call(_:_:)") {
                (actor: isolated SimActor, arguments: inout InvocationDecoder, results: ResultHandler) in
                let order: SimOrder = try arguments.decodeNextArgument()
                let payload: ByteBuffer = try arguments.decodeNextArgument()
                try results.returned(try await actor.call(order, payload))
            },
            DeploymentMethod("pieces(_:)") {
                (actor: isolated SimActor, arguments: inout InvocationDecoder, results: ResultHandler) in
                let order: SimOrder = try arguments.decodeNextArgument()
                try results.returned(try await actor.pieces(order))
            },
            DeploymentMethod("consume(_:_:)") {
                (actor: isolated SimActor, arguments: inout InvocationDecoder, results: ResultHandler) in
                let order: SimOrder = try arguments.decodeNextArgument()
                let pieces: ResponseStream<ByteBuffer> = try arguments.decodeNextArgument()
                try results.returned(try await actor.consume(order, pieces))
            },
            DeploymentMethod("item(_:)") {
                (actor: isolated SimActor, arguments: inout InvocationDecoder, results: ResultHandler) in
                let order: SimOrder = try arguments.decodeNextArgument()
                try results.returned(try await actor.item(order))
            },
        ]
    }

    private let replica: SimReplica

    init(_ arguments: SimArguments) async throws {
        self.actorSystem = .ofNewActor
        self.replica = try await SimReplica(arguments, hasModels: false)
        replica.identity = id
        replica.actorSystem = actorSystem
    }

    distributed func call(_ order: SimOrder, _ payload: ByteBuffer) async throws -> ByteBuffer {
        try await replica.call(order, payload)
    }

    distributed func pieces(_ order: SimOrder) async throws -> ResponseStream<ByteBuffer> {
        try await replica.pieces(order)
    }

    distributed func consume(_ order: SimOrder, _ pieces: ResponseStream<ByteBuffer>) async throws -> ByteBuffer {
        try await replica.consume(order, pieces)
    }

    // What @Batched generates.
    distributed func item(_ order: SimOrder) async throws -> ByteBuffer {
        let attempt = try replica.begin(order)
        defer { attempt.end() }
        return try await BatchedCall._run(
            SimReplica.batched,
            on: self,
            replica.batching,
            order,
            key: BatchKey(order.key),
            size: { $0.weight }
        ) { actor, orders in
            actor.replica.batchBegins(orders)
            defer { actor.replica.batchEnds() }
            return try await actor.replica.batch(orders)
        }
    }

    func respond(to request: ServeRequest) async throws -> ServeResponse {
        guard let order = SimOrder(path: request.path) else { throw ServeHTTPError(.badRequest, "no order") }
        if order.work == .batch { return .bytes(try await item(order)) }
        return try await replica.respond(order, to: request)
    }
}

extension SimActor {
    /// Makes a call by a handle, with a result of one piece.
    nonisolated func ask(_ order: SimOrder) async throws -> ByteBuffer {
        order.work == .batch ? try await item(order) : try await call(order, ByteBuffer())
    }
}

/// A deployment of the simulation whose replicas keep models.
distributed actor SimModelActor: HTTPIngress {
    typealias ActorSystem = ServeSystem
    static func _make(_ arguments: SimArguments, actorSystem: ServeSystem) async throws -> SimModelActor {
        try await SimModelActor(arguments)
    }
    static var _deploymentOptions: DeploymentOptions { DeploymentOptions() }
    static var _batchedMethods: [BatchedMethod] { [BatchedMethod(SimReplica.batched, BatchOptions())] }
    static var _multiplexing: MultiplexOptions? { MultiplexOptions() }
    static var _deploymentMethods: [DeploymentMethod<SimModelActor>] {
        [
            DeploymentMethod("call(_:_:)") {
                (actor: isolated SimModelActor, arguments: inout InvocationDecoder, results: ResultHandler) in
                let order: SimOrder = try arguments.decodeNextArgument()
                let payload: ByteBuffer = try arguments.decodeNextArgument()
                try results.returned(try await actor.call(order, payload))
            },
            DeploymentMethod("pieces(_:)") {
                (actor: isolated SimModelActor, arguments: inout InvocationDecoder, results: ResultHandler) in
                let order: SimOrder = try arguments.decodeNextArgument()
                try results.returned(try await actor.replica.pieces(order))
            },
            DeploymentMethod("consume(_:_:)") {
                (actor: isolated SimModelActor, arguments: inout InvocationDecoder, results: ResultHandler) in
                let order: SimOrder = try arguments.decodeNextArgument()
                let pieces: ResponseStream<ByteBuffer> = try arguments.decodeNextArgument()
                try results.returned(try await actor.replica.consume(order, pieces))
            },
            DeploymentMethod("item(_:)") {
                (actor: isolated SimModelActor, arguments: inout InvocationDecoder, results: ResultHandler) in
                let order: SimOrder = try arguments.decodeNextArgument()
                try results.returned(try await actor.item(order))
            },
        ]
    }

    private let replica: SimReplica

    init(_ arguments: SimArguments) async throws {
        self.actorSystem = .ofNewActor
        self.replica = try await SimReplica(arguments, hasModels: true)
        replica.identity = id
        replica.actorSystem = actorSystem
        try ModelControl(id, MultiplexOptions()).change { $0.maxModelsPerReplica = replica.maxModels }
    }

    private func call(_ order: SimOrder, _ payload: ByteBuffer) async throws -> ByteBuffer {
        order.usesModel ? try await use(order) : try await replica.call(order, payload)
    }

    private func item(_ order: SimOrder) async throws -> ByteBuffer {
        let attempt = try replica.begin(order)
        defer { attempt.end() }
        return try await BatchedCall._run(
            SimReplica.batched,
            on: self,
            replica.batching,
            order,
            key: BatchKey(order.key),
            size: { $0.weight }
        ) { actor, orders in
            actor.replica.batchBegins(orders)
            defer { actor.replica.batchEnds() }
            // A batch uses the model that its items name.
            let use = BatchContext.current?.requests.first??.modelID == nil ? nil : try await actor.model(nil)
            let results = try await actor.replica.batch(orders)
            if let use { actor.replica.check(use, orders[0].model, orders[0]) }
            return results
        }
    }

    /// What a request holds of a model: not the model, so that it can be seen whether the replica keeps it.
    private func model(_ id: String?) async throws -> SimUse {
        SimUse(
            try await MultiplexedCall._run(
                on: self,
                MultiplexOptions(maxModelsPerReplica: replica.maxModels),
                id
            ) { actor, id in
                try await actor.replica.load(id)
            }
        )
    }

    private func use(_ order: SimOrder) async throws -> ByteBuffer {
        let attempt = try replica.begin(order)
        defer { attempt.end() }
        var use = try await model(nil)
        var name = order.model
        replica.check(use, name, order)
        await attempt.wait()
        replica.check(use, name, order)
        if order.work == .twoModels {
            // While it waits for the second one, it may lose the first.
            (use, name) = (try await model(order.otherModel), order.otherModel)
            replica.check(use, name, order)
            await attempt.wait()
        }
        replica.check(use, name, order)
        return order.bytes
    }

    func respond(to request: ServeRequest) async throws -> ServeResponse {
        guard let order = SimOrder(path: request.path) else { throw ServeHTTPError(.badRequest, "no order") }
        if order.work == .batch { return .bytes(try await item(order)) }
        if order.usesModel { return .bytes(try await use(order)) }
        return try await replica.respond(order, to: request)
    }
}
