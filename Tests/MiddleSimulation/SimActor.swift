import Distributed
import NIOCore
import SwerveActors
import SwerveCore
import SwerveHTTPTypes

/// What a simulated request asks its replica to do, sent in the path or in the call's arguments.
struct SimOrder: Codable, Sendable, Equatable {
    enum Work: Int, Codable, Sendable, CaseIterable {
        /// Answers at once with the body of the request.
        case echo
        /// Waits, then answers with the body of the request.
        case lateEcho
        /// Answers without reading the request.
        case ignore
        /// Streams an answer in pieces.
        case stream
        /// Answers in one piece of any size.
        case big
        case fail
        /// Waits until it is cancelled or the faults are over.
        case hang
    }
    var number: Int
    var work: Work
    /// The size of an answer that does not repeat the request.
    var size: Int

    var path: String { "/\(number)/\(work.rawValue)/\(size)" }

    init(number: Int, work: Work, size: Int) {
        self.number = number
        self.work = work
        self.size = size
    }
    init?(path: String) {
        let parts = path.split(separator: "/").suffix(3).compactMap { Int($0) }
        guard parts.count == 3, let work = Work(rawValue: parts[1]) else { return nil }
        self.init(number: parts[0], work: work, size: parts[2])
    }

    /// Bytes that differ from those of other requests.
    static func bytes(of number: Int, size: Int) -> ByteBuffer {
        let start = number &* 7919 % (noise.readableBytes / 2)
        return noise.getSlice(at: start, length: size) ?? ByteBuffer()
    }

    private static let noise: ByteBuffer = {
        var random = SplitMix64(seed: 1)
        let words = 3 << 17
        var bytes = ByteBufferAllocator().buffer(capacity: words * 8)
        for _ in 0..<words { bytes.writeInteger(random.next()) }
        return bytes
    }()
}

struct SimFailure: Error, Codable { var number: Int }

/// The deployment of the simulation.
distributed actor SimActor: HTTPIngress {
    typealias ActorSystem = ServeSystem
    struct InitArguments: Codable, Sendable {
        var world: UInt64
        var version: Int
        /// One in this many initialisers throws; 0 means none.
        var failsOneIn: Int
    }
    static func _make(_ arguments: InitArguments, actorSystem: ServeSystem) async throws -> SimActor {
        try await SimActor(arguments)
    }
    static var _deploymentOptions: DeploymentOptions { DeploymentOptions() }
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
                try results.returned(try actor.pieces(order))
            },
        ]
    }

    private let world: UInt64
    private let replica: ReplicaID?

    init(_ arguments: InitArguments) async throws {
        self.actorSystem = .ofNewActor
        self.world = arguments.world
        self.replica = ReplicaContext.current?.replica
        guard let world = World.find(arguments.world) else { throw SimFailure(number: -1) }
        if world.random.next(below: 3) == 0 { await world.wait(ReplicaContext.current?.replica) }
        if arguments.failsOneIn > 0, world.random.next(below: arguments.failsOneIn) == 0 {
            throw SimFailure(number: -2)
        }
    }

    distributed func call(_ order: SimOrder, _ payload: ByteBuffer) async throws -> ByteBuffer {
        let world = try begin(order)
        defer { world.audit?.ended(on: replica) }
        switch order.work {
        case .echo, .ignore: return payload
        case .lateEcho:
            await world.wait(replica)
            return payload
        case .stream, .big: return SimOrder.bytes(of: order.number, size: order.size)
        case .fail: throw SimFailure(number: order.number)
        case .hang:
            while !Task.isCancelled, world.hasFaults || world.isHolding { await world.hang(replica) }
            try Task.checkCancellation()
            return payload
        }
    }

    /// The bytes of an answer, in pieces of any size.
    distributed func pieces(_ order: SimOrder) throws -> ResponseStream<ByteBuffer> {
        let world = try begin(order)
        defer { world.audit?.ended(on: replica) }
        let replica = replica
        return ResponseStream(maxBuffered: 1 + order.number % 20) { writer in
            var rest = SimOrder.bytes(of: order.number, size: order.size)
            while rest.readableBytes > 0 {
                if world.random.next(below: 4) == 0 { await world.wait(replica) }
                let most = [1, 100, 20_000, 300_000, 3_000_000][world.random.next(below: 5)]
                try await writer.write(rest.readSlice(length: min(rest.readableBytes, most)) ?? ByteBuffer())
            }
        }
    }

    func respond(to request: ServeRequest) async throws -> ServeResponse {
        guard let order = SimOrder(path: request.path) else { throw ServeHTTPError(.badRequest, "no order") }
        let world = try begin(order)
        defer { world.audit?.ended(on: replica) }
        let replica = replica
        switch order.work {
        case .echo: return .bytes(try await request.body.collect())
        case .lateEcho:
            await world.wait(replica)
            return .bytes(try await request.body.collect())
        case .ignore: return .text("ignored")
        case .big: return .bytes(SimOrder.bytes(of: order.number, size: order.size))
        case .stream:
            return ServeResponse(
                body: .stream { writer in
                    var rest = SimOrder.bytes(of: order.number, size: order.size)
                    while rest.readableBytes > 0 {
                        if world.random.next(below: 4) == 0 { await world.wait(replica) }
                        let most = [1, 100, 20_000, 300_000][world.random.next(below: 4)]
                        try await writer.write(rest.readSlice(length: min(rest.readableBytes, most)) ?? ByteBuffer())
                    }
                }
            )
        case .fail: throw SimFailure(number: order.number)
        case .hang:
            while !Task.isCancelled, world.hasFaults || world.isHolding { await world.hang(replica) }
            try Task.checkCancellation()
            return .bytes(try await request.body.collect())
        }
    }

    private func begin(_ order: SimOrder) throws -> World {
        guard let world = World.find(world) else { throw SimFailure(number: -1) }
        world.noteBegun(order.number, by: replica)
        return world
    }
}

extension World {
    func noteBegun(_ number: Int, by replica: ReplicaID?) {
        // The work of a dead process does not count: nobody sees it.
        guard !process(of: replica).isDead else { return }
        begun[number, default: 0] += 1
        audit.began(number, on: replica)
    }

    /// Waits for a while.
    func hang(_ replica: ReplicaID?) async {
        let time = disk == nil ? 0 : isHolding ? 2000 : 20
        await wait(process(of: replica), atLeast: .milliseconds(Int64(time)))
    }

    /// Waits until the world lets the caller continue.
    func wait(_ replica: ReplicaID?) async {
        await wait(process(of: replica))
    }

    /// - Parameter time: how long it waits at least.
    func wait(_ process: SimProcess, atLeast time: TimeAmount = .zero) async {
        // What is buried runs to its end.
        guard !process.isDead else { return }
        let until = now + time
        await withCheckedContinuation { gates.append(Gate(process: process, until: until, continuation: $0)) }
    }
}
