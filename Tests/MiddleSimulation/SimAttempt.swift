import NIOCore
import SwerveCore

/// One run of a request's work in a replica.
final class SimAttempt: @unchecked Sendable {
    // Unchecked: a world is confined to one thread.
    let order: SimOrder
    /// Whether no other attempt began before.
    let isFirst: Bool
    let replica: ReplicaID?
    private let world: World
    private var isOver = false

    init(_ order: SimOrder, on replica: ReplicaID?, _ world: World) {
        self.order = order
        self.replica = replica
        self.world = world
        isFirst = world.begun[order.number] == nil
        world.audit?.attempts[ObjectIdentifier(self)] = WeakAttempt(attempt: self)
        world.noteBegun(order.number, by: replica)
    }

    struct WeakAttempt {
        weak var attempt: SimAttempt?
    }

    deinit {
        end()
    }

    func end() {
        guard !isOver else { return }
        isOver = true
        world.audit?.attempts[ObjectIdentifier(self)] = nil
        world.audit?.ended(on: replica)
    }

    /// Whether the process lives and the work is not done.
    var isLeft: Bool { !isOver && !world.process(of: replica).isDead }

    /// Waits for a while.
    func wait() async {
        await world.pause(replica)
        checkIsWanted()
    }

    /// Waits until it is cancelled or the faults are over.
    func hang() async throws {
        while !Task.isCancelled, world.hasFaults || world.isHolding {
            await world.hang(replica)
            checkIsWanted()
        }
        if Task.isCancelled { world.audit?.note("cancelled attempts") }
        try Task.checkCancellation()
    }

    /// Once a call is over, by its answer, its deadline or the caller's wish, nothing works on it.
    private func checkIsWanted() {
        guard let audit = world.audit, audit.isLongOver(order.number, on: replica), !Task.isCancelled else { return }
        guard !world.process(of: replica).isDead, !audit.isHurt(replica) else { return }
        world.fail("\(replica.map { "\($0)" } ?? "an actor") still works on \(order), which is over")
    }
}
