import NIOCore
import SwerveActors
import SwerveCore

/// A call through a handle in the main process.
final class SimCall: @unchecked Sendable {
    // Unchecked: a world is confined to one thread.
    let order: SimOrder
    private(set) var isOver = false
    private var isCancelled = false
    private var task: Task<Void, Never>?

    init(_ world: World, _ deployment: DeploymentID, _ order: SimOrder, _ payload: ByteBuffer, _ isIdempotent: Bool) {
        self.order = order
        let since = world.trace.count
        let handle = world.system.handle(SimActor.self, deployment).options(idempotent: isIdempotent)
        task = Task(executorPreference: world.main.executor) { [unowned self] in
            do {
                if order.work == .stream {
                    try await read(try await handle.pieces(order), world)
                    isOver = true
                    return
                }
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
                world.check(Self.mayThrow(error, order, world, deployment, since), "call \(order): \(error)")
            } catch {
                world.fail("call \(order): \(error)")
            }
            isOver = true
        }
    }

    /// Reads a stream, in one of four cases only to its half.
    private func read(_ pieces: ResponseStream<ByteBuffer>, _ world: World) async throws {
        let wanted = SimOrder.bytes(of: order.number, size: order.size)
        let stopsEarly = world.random.next(below: 4) == 0
        var count = 0
        for try await piece in pieces {
            let part = wanted.getSlice(at: wanted.readerIndex + count, length: piece.readableBytes)
            world.check(piece == part, "call \(order): a wrong piece at \(count)")
            count += piece.readableBytes
            if world.random.next(below: 8) == 0 { await world.wait(nil) }
            if stopsEarly, count > order.size / 2 { return }
        }
        world.check(count == order.size, "call \(order): a stream of \(count) bytes ended without an error")
    }

    private static func mayThrow(
        _ error: ServeError,
        _ order: SimOrder,
        _ world: World,
        _ deployment: DeploymentID,
        _ since: Int
    ) -> Bool {
        switch error.code {
        case .replicaLost: world.disk == nil || world.audit.mayLose(order, since: since)
        case .unavailable, .deleted: world.disk == nil || world.audit.wasRefused(deployment, since: since)
        default: false
        }
    }

    func cancel() {
        isCancelled = true
        task?.cancel()
    }
}
