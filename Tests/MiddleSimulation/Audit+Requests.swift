import NIOCore
import SwerveCore
import Synchronization

/// The elements of a stream on their way.
final class SimFlow: @unchecked Sendable {
    // Unchecked: a world is confined to one thread.
    private unowned let world: World
    private let order: SimOrder
    private var ahead = 0
    /// Whether its elements are being made.
    var isProducing = false

    init(_ order: SimOrder, _ world: World) {
        self.order = order
        self.world = world
    }

    func wrote() {
        ahead += 1
        // The reader may have one in its hands.
        guard ahead > order.maxBuffered + 1, world.audit?.isOver(order.number) == false else { return }
        world.fail("the stream of \(order) has \(ahead) elements on their way, not \(order.maxBuffered)")
    }

    func didRead() { ahead -= 1 }
}

// What must hold of calls and what they use.
extension Audit {
    /// The latest stream of a request. Which of two attempts a hedged call reads is not known.
    func makeFlow(_ order: SimOrder) -> SimFlow? {
        guard !world.hedged.contains(order.number), !order.isInner, order.work != .relayArgument else { return nil }
        let flow = SimFlow(order, world)
        flows[order.number] = flow
        note("streams")
        return flow
    }

    func add(_ replica: SimReplica) { simReplicas.append(WeakReplica(replica: replica)) }

    func isOver(_ number: Int) -> Bool { over[number] != nil }

    /// Whether the caller has had its answer for so long that the replica must know. Messages take no time unless a
    /// process was stopped.
    func isLongOver(_ number: Int, on replica: ReplicaID?) -> Bool {
        let wasStopped = world.main.wasStopped || world.process(of: replica).wasStopped
        // In histories of a controller, for minutes.
        if wasStopped, world.disk != nil { return false }
        return over[number % 1_000_000].map { world.now > $0 + .milliseconds(wasStopped ? 1000 : 1) } ?? false
    }

    func isHurt(_ replica: ReplicaID?) -> Bool { replica.flatMap { replicas[$0]?.isHurt } ?? false }

    /// Checks how often each request began.
    func checkBeginnings() {
        for (number, count) in world.begun.sorted(by: { $0.key < $1.key }) where count > 1 {
            let replicas = begun[number] ?? []
            world.check(world.idempotent.contains(number), "request \(number) was begun \(count) times")
            guard world.hedged.contains(number) else { continue }
            note("hedged calls with a second attempt")
            // Three by the first attempt, whose replicas are lost, and the second.
            world.check(count <= 4, "the hedged call \(number) was begun \(count) times")
            guard world.faults == 0 else { continue }
            world.check(Set(replicas).count == 2, "the hedged call \(number) was begun on \(replicas)")
        }
    }

    /// Checks that nothing is left once every request has been answered.
    func checkNothingIsLeft() {
        for attempt in attempts.values.compactMap(\.attempt) where attempt.isLeft {
            world.fail("the work on \(attempt.order) goes on")
        }
        for (number, flow) in flows.sorted(by: { $0.key < $1.key }) where flow.isProducing {
            world.fail("the elements of the argument of \(number) are still made")
        }
        for replica in simReplicas.compactMap(\.replica) {
            if let left = replica.leftovers { world.fail("\(replica.id.map { "\($0)" } ?? "an actor"): \(left)") }
        }
    }

    /// Counts how often something happened in all histories.
    func note(_ what: String) { Self.counts.withLock { $0[what, default: 0] += 1 } }
}
