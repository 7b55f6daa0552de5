import Distributed
import NIOCore
import SwerveActors
import SwerveCore

/// How a call is made.
struct SimOptions {
    var isIdempotent = false
    var isHedged = false
    var timeout: Duration?
    var priority: RequestPriority?
    var session: String?
}

/// A call through a handle in the main process.
final class SimCall: @unchecked Sendable {
    // Unchecked: a world is confined to one thread.
    let order: SimOrder
    private unowned let world: World
    private let deployment: DeploymentID
    private let options: SimOptions
    /// The step and the time at which it began.
    private let since: Int
    private let began: NIODeadline
    private(set) var isOver = false
    private var cancelled: NIODeadline?
    private var task: Task<Void, Never>?

    init(_ world: World, _ deployment: DeploymentID, _ order: SimOrder, _ payload: ByteBuffer, _ options: SimOptions) {
        self.world = world
        self.deployment = deployment
        self.order = order
        self.options = options
        since = world.trace.count
        began = world.now
        if options.isIdempotent || options.isHedged { world.idempotent.insert(order.number) }
        if options.isHedged { world.hedged.insert(order.number) }
        let handle = world.system.handle(SimActor.self, deployment).options(
            timeout: options.timeout,
            priority: options.priority,
            sessionKey: options.session,
            modelID: order.modelID,
            idempotent: options.isIdempotent,
            hedged: options.isHedged
        )
        let executor = world.main.executor
        task = Task(executorPreference: executor) { [unowned self] in
            await ServeContext.$executor.withValue(executor) { await run(handle, payload) }
        }
    }

    private func run(_ handle: SimActor, _ payload: ByteBuffer) async {
        do {
            try await call(handle, payload)
            world.check(order.work != .fail, "call \(order) succeeded")
        } catch {
            world.check(mayThrow(error), "call \(order): \(error)")
            let reason = (error as? ServeError).map { "\($0.code)" } ?? "\(type(of: error))"
            world.audit.note("calls that ended with \(reason)")
        }
        isOver = true
        world.audit.over[order.number] = world.now
        world.audit.note("calls")
        checkTime()
    }

    private func call(_ handle: SimActor, _ payload: ByteBuffer) async throws {
        let answer: ByteBuffer
        switch order.work {
        case .stream, .relayStream: return try await read(try await handle.pieces(order))
        case .argument, .relayArgument:
            answer = try await handle.consume(order, makeArgument())
            world.check(!order.failsInMiddle || order.stopsInMiddle, "call \(order): a failed argument was read whole")
            return world.check(answer == ByteBuffer(string: "read"), "call \(order): a wrong answer")
        case .batch: answer = try await handle.item(order)
        default: answer = try await handle.call(order, payload)
        }
        world.check(
            answer == order.answer(to: payload),
            "call \(order): \(answer.readableBytes) bytes with wrong content"
        )
    }

    // MARK: Streams

    /// Reads a stream, in one of four cases only to its half.
    private func read(_ pieces: ResponseStream<ByteBuffer>) async throws {
        let wanted = order.bytes
        let stopsEarly = world.random.next(below: 4) == 0
        var count = 0
        for try await piece in pieces {
            let part = wanted.getSlice(at: wanted.readerIndex + count, length: piece.readableBytes)
            world.check(piece == part, "call \(order): a wrong piece at \(count)")
            count += piece.readableBytes
            world.audit.flows[order.number]?.didRead()
            if world.random.next(below: 8) == 0 { await world.pause(nil) }
            if stopsEarly, count > order.size / 2 { return }
        }
        world.check(count == order.size, "call \(order): a stream of \(count) bytes ended without an error")
    }

    private func makeArgument() -> ResponseStream<ByteBuffer> {
        let (order, world) = (order, world)
        let flow = world.audit.makeFlow(order)
        return ResponseStream(maxBuffered: order.maxBuffered) { writer in
            flow?.isProducing = true
            defer { flow?.isProducing = false }
            var rest = order.bytes
            while let piece = world.takePiece(&rest) {
                if world.random.next(below: 4) == 0 { await world.pause(nil) }
                let isWanted = world.audit?.isLongOver(order.number, on: nil) != true || Task.isCancelled
                world.check(isWanted, "elements of the argument of \(order) are made, which is over")
                if order.failsInMiddle, rest.readableBytes <= order.size / 2 { break }
                try await writer.write(piece)
                flow?.wrote()
            }
            if order.failsInMiddle { throw SimFailure(number: order.number) }
        }
    }

    // MARK: The end

    private func checkTime() {
        if let cancelled {
            world.check(world.now <= cancelled + .seconds(1), "call \(order) heeds its cancellation late")
        }
        guard let timeout = options.timeout else { return }
        let end = began + .nanoseconds(timeout.nanoseconds) + .seconds(1)
        world.check(world.now <= end, "call \(order) ends long after its deadline")
    }

    private func mayThrow(_ error: any Error) -> Bool {
        switch error {
        case let error as SimFailure: mayFail(error)
        case is CancellationError: cancelled != nil || order.work == .hang
        case let error as ServeError: mayThrow(error)
        default: false
        }
    }

    private func mayFail(_ error: SimFailure) -> Bool {
        switch error.number {
        case SimFailure.batch.number: isSpoilt
        case SimFailure.load.number: (order.modelID != nil || order.work == .relay) && !world.audit.failedLoads.isEmpty
        default:
            error.number % 1_000_000 == order.number
                && (order.work == .fail || order.failsAlone || order.failsInMiddle
                    || (order.work == .relay && order.inner.failsAlone))
        }
    }

    private var isSpoilt: Bool { !world.audit.spoilt.isDisjoint(with: [order.number, order.inner.number]) }

    private func mayThrow(_ error: ServeError) -> Bool {
        switch error.code {
        case .replicaLost: world.disk == nil ? world.faults > 0 : world.audit.mayLose(order, since: since)
        case .unavailable, .deleted: world.disk == nil || world.audit.wasRefused(deployment, since: since)
        case .deadlineExceeded: options.timeout.map { world.now >= began + .nanoseconds($0.nanoseconds) } ?? false
        case .overloaded: options.timeout != nil
        case .queueFull: world.limitsQueues
        case .wrongResultCount: isSpoilt
        default: false
        }
    }

    func cancel() {
        cancelled = cancelled ?? world.now
        world.audit.note("cancelled calls")
        task?.cancel()
    }
}
