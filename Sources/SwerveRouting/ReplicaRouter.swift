internal import DequeModule
package import SwerveCore

/// Chooses the replica for each request of one deployment in one calling process, and holds the queue.
///
/// Pure: every event is one call that returns what to do; time and randomness are passed in. A *slot* is a place in the
/// replica table that stays valid as long as a lease on it is out. A *ticket* stands for a waiting request.
///
/// Invariants: a slot's `ongoing` equals the leases out on it and, unless its limit is lowered, never exceeds the
/// limit; a ticket waits only while no slot is free; tickets are served in order of their number.
package struct ReplicaRouter: Sendable {
    package typealias SlotIndex = Int
    package typealias Ticket = UInt64

    /// What to do with a request that arrives.
    package enum Admission: Equatable {
        /// A lease on this slot was taken.
        case assigned(SlotIndex)
        /// It waits; a later event returns its ticket in an ``Assignment``.
        case queued(Ticket)
        case refused(ServeError)
    }

    /// A waiting request that now has a lease.
    package struct Assignment: Equatable, Sendable {
        package let ticket: Ticket
        package let slot: SlotIndex
        package init(ticket: Ticket, slot: SlotIndex) {
            self.ticket = ticket
            self.slot = slot
        }
    }

    /// How long the router skips a replica that refused a request; the pause doubles with each refusal in a row.
    package static let refusalPauseMinimum = Duration.milliseconds(1)
    package static let refusalPauseMaximum = Duration.milliseconds(64)

    private struct Slot {
        var replica: ReplicaID
        var limit: Int
        var ongoing = 0
        /// Whether the replica is in the published set. If not, the slot only waits for its leases to come back.
        var isRoutable = true
        var pausedUntil: MonotonicTime?
        var refusalPause = ReplicaRouter.refusalPauseMinimum

        var isFree: Bool { isRoutable && ongoing < limit && pausedUntil == nil }
    }

    private var slots: [Slot?] = []
    /// The slots in the published set, in the order of the set.
    private var routable: [SlotIndex] = []
    private var queue: Deque<Ticket> = []
    private var waiting: Set<Ticket> = []
    /// Tickets that join at the end of the queue count up from here; those put back at the front count down.
    private var nextTicket: Ticket = 1 << 62
    private var nextFrontTicket: Ticket = (1 << 62) - 1
    private var nextInTurn = 0
    private var maxQueued: Int
    private var routing: DeploymentOptions.Routing
    private var withdrawal: ServeError?
    package var models = ModelRouting()

    package init(
        maxQueued: Int = DeploymentOptions().maxQueuedRequests,
        routing: DeploymentOptions.Routing = .powerOfTwoChoices
    ) {
        self.maxQueued = maxQueued
        self.routing = routing
    }

    /// The number of waiting requests.
    package var queuedCount: Int { waiting.count }
    /// The number of leases out on all slots.
    package var ongoingCount: Int { slots.reduce(0) { $0 + ($1?.ongoing ?? 0) } }
    package func ongoing(at slot: SlotIndex) -> Int { slots[slot]?.ongoing ?? 0 }
    package func replica(at slot: SlotIndex) -> ReplicaID? { slots[slot]?.replica }
    /// Whether the slot is in the set, or has leases out.
    @inline(__always)
    package func isUsed(_ slot: SlotIndex) -> Bool { slots[slot] != nil }

    // MARK: Requests

    /// A request arrives. It gets a lease if a slot is free and no request waits, else a place in the queue.
    package mutating func admit(using generator: inout SplitMix64) -> Admission {
        if let withdrawal { return .refused(withdrawal) }
        if waiting.isEmpty, let slot = choose(using: &generator) {
            slots[slot]!.ongoing += 1
            return .assigned(slot)
        }
        guard waiting.count < maxQueued else {
            return .refused(ServeError(.queueFull, "\(waiting.count) requests are already waiting, which is the limit"))
        }
        let ticket = nextTicket
        nextTicket += 1
        queue.append(ticket)
        waiting.insert(ticket)
        return .queued(ticket)
    }

    /// Takes a lease if ``admit(using:)`` would assign one; otherwise nothing changes.
    @inline(__always)
    package mutating func admitIfFree(using generator: inout SplitMix64) -> SlotIndex? {
        guard waiting.isEmpty, withdrawal == nil, let slot = choose(using: &generator) else { return nil }
        slots[slot]!.ongoing += 1
        return slot
    }

    /// An assigned request did not run on its replica and is tried again. It goes ahead of all others, even if the
    /// queue is full, because it was admitted before.
    package mutating func readmit(using generator: inout SplitMix64) -> Admission {
        if let withdrawal { return .refused(withdrawal) }
        if let slot = choose(using: &generator) {
            slots[slot]!.ongoing += 1
            return .assigned(slot)
        }
        let ticket = nextFrontTicket
        nextFrontTicket -= 1
        queue.prepend(ticket)
        waiting.insert(ticket)
        return .queued(ticket)
    }

    /// A waiting request is cancelled. Returns `false` if it no longer waits; then its lease must be released.
    package mutating func cancel(_ ticket: Ticket) -> Bool {
        guard waiting.remove(ticket) != nil else { return false }
        if queue.count > 64, queue.count > 2 * waiting.count {
            let waiting = waiting
            queue.removeAll { !waiting.contains($0) }
        }
        return true
    }

    /// A lease ends. The slot may go to a waiting request at once.
    ///
    /// - Returns: the waiting request that now has a lease, and `more` of them if this ended a pause of the replica,
    ///   which may free several places.
    package mutating func release(
        _ slot: SlotIndex,
        using generator: inout SplitMix64
    ) -> (first: Assignment?, more: [Assignment]) {
        giveBack(slot)
        let wasPaused = slots[slot]?.pausedUntil != nil
        slots[slot]?.pausedUntil = nil
        slots[slot]?.refusalPause = Self.refusalPauseMinimum
        guard let first = assignNext(using: &generator) else { return (nil, []) }
        return (first, wasPaused ? assignAll(using: &generator) : [])
    }

    /// The replica refused a request: the lease ends, and the router skips the replica for a while.
    ///
    /// - Returns: when to call ``tick(now:using:)``.
    package mutating func refused(_ slot: SlotIndex, now: MonotonicTime) -> MonotonicTime {
        giveBack(slot)
        guard let pause = slots[slot]?.refusalPause else { return now }
        slots[slot]!.pausedUntil = now + pause
        slots[slot]!.refusalPause = min(pause * 2, Self.refusalPauseMaximum)
        return now + pause
    }

    /// Ends the pauses that are over.
    package mutating func tick(now: MonotonicTime, using generator: inout SplitMix64) -> [Assignment] {
        for index in slots.indices {
            if let until = slots[index]?.pausedUntil, until <= now { slots[index]!.pausedUntil = nil }
        }
        return assignAll(using: &generator)
    }

    /// When the next pause ends.
    package var nextWakeUp: MonotonicTime? { slots.compactMap { $0?.pausedUntil }.min() }

    // MARK: The replica set

    /// Takes over the controller's newest set. Slots of replicas that left stay until their leases are back.
    ///
    /// - Parameters:
    ///   - replicas: each with its limit of ongoing requests, which may differ between revisions.
    ///   - maxQueued: how many requests may wait.
    /// - Returns: the slot of each replica in the order of `replicas`, and the waiting requests that now have a lease.
    package mutating func update(
        _ replicas: [(id: ReplicaID, limit: Int)],
        maxQueued: Int,
        routing: DeploymentOptions.Routing,
        using generator: inout SplitMix64
    ) -> (slots: [SlotIndex], assignments: [Assignment]) {
        withdrawal = nil
        self.maxQueued = maxQueued
        self.routing = routing
        var known: [ReplicaID: SlotIndex] = [:]
        for (index, slot) in slots.enumerated() {
            if let slot { known[slot.replica] = index }
        }
        for index in slots.indices { slots[index]?.isRoutable = false }
        routable = replicas.map { replica, limit in
            if let index = known[replica] {
                slots[index]!.isRoutable = true
                slots[index]!.limit = limit
                return index
            }
            let new = Slot(replica: replica, limit: limit)
            if let free = slots.firstIndex(where: { $0 == nil }) {
                slots[free] = new
                return free
            }
            slots.append(new)
            return slots.count - 1
        }
        dropUnused()
        return (routable, assignAll(using: &generator))
    }

    /// A replica is known to be gone before the controller reports it. It gets no more requests.
    package mutating func leave(_ replica: ReplicaID) {
        guard let index = slots.firstIndex(where: { $0?.replica == replica }) else { return }
        slots[index]!.isRoutable = false
        routable.removeAll { $0 == index }
        dropUnused()
    }

    /// The deployment was withdrawn. New requests fail with `error`; the caller must fail the returned tickets, too.
    package mutating func withdraw(_ error: ServeError) -> [Ticket] {
        withdrawal = error
        routable = []
        for index in slots.indices { slots[index]?.isRoutable = false }
        dropUnused()
        let tickets = Array(queue.filter { waiting.contains($0) })
        queue = []
        waiting = []
        return tickets
    }

    // MARK: Choosing

    private mutating func choose(using generator: inout SplitMix64) -> SlotIndex? {
        switch routable.count {
        case 0: nil
        case 1: slots[routable[0]]!.isFree ? routable[0] : nil
        default: routing == .roundRobin ? chooseInTurn() : chooseOfTwo(using: &generator)
        }
    }

    private func chooseOfTwo(using generator: inout SplitMix64) -> SlotIndex? {
        let first = generator.next(below: routable.count)
        var second = generator.next(below: routable.count - 1)
        if second >= first { second += 1 }
        let (a, b) = (routable[first], routable[second])
        let (better, other) = slots[a]!.ongoing <= slots[b]!.ongoing ? (a, b) : (b, a)
        if slots[better]!.isFree { return better }
        if slots[other]!.isFree { return other }
        return routable.filter { slots[$0]!.isFree }.min { slots[$0]!.ongoing < slots[$1]!.ongoing }
    }

    private mutating func chooseInTurn() -> SlotIndex? {
        for step in routable.indices {
            let position = (nextInTurn + step) % routable.count
            if slots[routable[position]]!.isFree {
                nextInTurn = position + 1
                return routable[position]
            }
        }
        return nil
    }

    private mutating func assignNext(using generator: inout SplitMix64) -> Assignment? {
        guard !waiting.isEmpty, let slot = choose(using: &generator) else { return nil }
        while let ticket = queue.popFirst() {
            guard waiting.remove(ticket) != nil else { continue }
            slots[slot]!.ongoing += 1
            return Assignment(ticket: ticket, slot: slot)
        }
        return nil
    }

    private mutating func assignAll(using generator: inout SplitMix64) -> [Assignment] {
        var assignments: [Assignment] = []
        while let assignment = assignNext(using: &generator) { assignments.append(assignment) }
        return assignments
    }

    private mutating func giveBack(_ slot: SlotIndex) {
        precondition(slots[slot] != nil && slots[slot]!.ongoing > 0, "a lease was released twice")
        slots[slot]!.ongoing -= 1
        if !slots[slot]!.isRoutable, slots[slot]!.ongoing == 0 { slots[slot] = nil }
    }

    private mutating func dropUnused() {
        for index in slots.indices where slots[index]?.isRoutable == false && slots[index]?.ongoing == 0 {
            slots[index] = nil
        }
    }
}
