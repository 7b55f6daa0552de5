package import SwerveCore

/// Chooses the replica for each request of one deployment in one calling process, and holds the queue.
///
/// Pure: every event is one call that returns what to do; time and randomness are passed in. A *slot* is a place in the
/// replica table that stays valid as long as a lease on it is out. A *ticket* stands for a waiting request.
///
/// Invariants: a slot's `ongoing` equals the leases out on it and, unless its limit is lowered, never exceeds the
/// limit; a ticket waits only while no slot is free, or while a policy of the program lets it wait; tickets are served
/// in the order of ``RequestQueue``. Where replicas have models, a request may wait for one that has its model, and
/// others may overtake it.
package struct ReplicaRouter: Sendable {
    package typealias SlotIndex = Int
    package typealias Ticket = RequestQueue.Ticket

    /// What to do with a request that arrives.
    package enum Admission: Equatable {
        /// A lease on this slot was taken.
        case assigned(SlotIndex)
        /// It waits; a later event returns its ticket. If the queue was full, a request of a lower priority lost its
        /// place, and its caller must be told ``ReplicaRouter/displacement``.
        case queued(Ticket, displaced: Ticket? = nil)
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
        /// The replica's position in the published set; `nil` if it is not in it. Then the slot only waits for its
        /// leases to come back.
        var position: Int?
        var pausedUntil: MonotonicTime?
        var refusalPause = ReplicaRouter.refusalPauseMinimum
    }

    private var slots: [Slot?] = []
    /// The slots in the published set, in the order of the set.
    private var routable: [SlotIndex] = []
    /// What the policy sees of them, by the same positions.
    private(set) var replicas: [RoutingReplica] = []
    var queue = RequestQueue()
    var estimate = WaitEstimate()
    var options: PoolOptions
    private var choice: ReplicaChoice
    /// The program's own admission policy.
    var admission: (any AdmissionPolicy)?
    /// Whether a request's own properties decide where it goes, or whether it is taken.
    private var heedsRequests: Bool
    private var withdrawal: ServeError?
    /// A replica of this process, which gets requests as long as it has room.
    private var preferred: ReplicaID?
    /// Its position; `nil` if it is not in the set, or if the routing policy decides.
    private var preferredPosition: Int?
    /// How many leases were ever taken.
    private var admitted: UInt64 = 0
    private var retries = RetryBudget()
    /// Where requests go that name a model, if the replicas have models.
    var models = ModelRouting()
    /// The time of the latest event.
    var time = MonotonicTime.zero

    package init(_ options: PoolOptions = PoolOptions()) {
        self.options = options
        self.choice = ReplicaChoice(options.routing)
        self.admission = options.admission.makeOwn()
        self.heedsRequests = choice.heedsRequests || admission != nil
    }

    /// The number of waiting requests.
    package var queuedCount: Int { queue.count }
    /// The number of leases out on all slots.
    package var ongoingCount: Int { slots.reduce(0) { $0 + ($1?.ongoing ?? 0) } }
    package func ongoing(at slot: SlotIndex) -> Int { slots[slot]?.ongoing ?? 0 }
    package func replica(at slot: SlotIndex) -> ReplicaID? { slots[slot]?.replica }
    /// The replicas in the published set.
    package var published: [ReplicaID] { replicas.map(\.id) }
    /// Whether the slot is in the set, or has leases out.
    @inline(__always)
    package func isUsed(_ slot: SlotIndex) -> Bool { slots[slot] != nil }

    // MARK: Requests

    /// A request arrives. It gets a lease if a slot is free and no request waits, else a place in the queue.
    ///
    /// - Parameters:
    ///   - isAdmitted: whether ``admitAtOnce(_:now:using:)`` was called for the request. Then the admission policy is not
    ///     asked a second time.
    ///   - elsewhere: how many requests wait in other processes, which share the limit.
    package mutating func admit(
        _ request: RoutingRequest,
        isAdmitted: Bool = false,
        elsewhere: Int = 0,
        now: MonotonicTime,
        using generator: inout SplitMix64
    ) -> Admission {
        if let end = begin(request, isAdmitted: isAdmitted, now: now, using: &generator) { return end }
        var displaced: Ticket?
        if queue.count + elsewhere >= options.maxQueuedRequests {
            displaced = queue.displace(below: request.priority)
            if displaced == nil { return .refused(queueFull(elsewhere: elsewhere, now)) }
        }
        if queue.isEmpty { estimate.waitingBegan(now: now) }
        return .queued(queue.join(request, now: now), displaced: displaced)
    }

    mutating func begin(
        _ request: RoutingRequest,
        isAdmitted: Bool,
        now: MonotonicTime,
        using generator: inout SplitMix64
    ) -> Admission? {
        time = now
        if let refusal = withdrawal ?? expiry(of: request, now) { return .refused(refusal) }
        // Where replicas have models, those that wait do so although a replica may be free.
        let slot = queue.isEmpty || models.isInUse ? choose(for: request, isNew: true, using: &generator) : nil
        if !isAdmitted, let refusal = refusal(of: request, hasRoom: slot != nil, now) { return .refused(refusal) }
        guard let slot else { return nil }
        lease(slot)
        return .assigned(slot)
    }

    /// Whether it matters which request it is, so that ``admitIfFree(using:)`` takes no lease.
    package var needsRequests: Bool { heedsRequests || models.isInUse }

    /// Takes a lease if ``admit(_:isAdmitted:elsewhere:now:using:)`` would assign one whatever the request is; otherwise
    /// nothing changes.
    @inline(__always)
    package mutating func admitIfFree(using generator: inout SplitMix64) -> SlotIndex? {
        guard queue.isEmpty, withdrawal == nil, !heedsRequests, !models.isInUse,
            let slot = choose(for: nil, using: &generator)
        else { return nil }
        lease(slot)
        return slot
    }

    /// An assigned request did not run on its replica and is tried again. It goes ahead of all others of its priority,
    /// even if the queue is full, because it was admitted before.
    package mutating func readmit(
        _ request: RoutingRequest,
        now: MonotonicTime,
        using generator: inout SplitMix64
    ) -> Admission {
        time = now
        if let refusal = withdrawal ?? expiry(of: request, now) { return .refused(refusal) }
        if let slot = choose(for: request, using: &generator) {
            lease(slot)
            return .assigned(slot)
        }
        if queue.isEmpty { estimate.waitingBegan(now: now) }
        return .queued(queue.rejoin(request, now: now))
    }

    /// A request that one replica has may also run on another one: takes a lease on the least busy of those with room.
    package mutating func admit(otherThan replica: ReplicaID) -> SlotIndex? {
        guard queue.isEmpty else { return nil }
        let others = replicas.map { $0.id == replica ? RoutingReplica(id: $0.id, limit: 0) : $0 }
        guard let position = others.leastLoaded else { return nil }
        lease(routable[position])
        return routable[position]
    }

    /// A request that only one replica may get: takes a lease on it even if it has no room. Then it gets no other
    /// request until enough have ended.
    package mutating func admit(to replica: ReplicaID) -> SlotIndex? {
        guard let position = replicas.firstIndex(where: { $0.id == replica }) else { return nil }
        lease(routable[position])
        return routable[position]
    }

    /// Whether a request that may have begun on a replica that was lost is tried again.
    package mutating func mayRetry(now: MonotonicTime) -> Bool {
        let capacity = slots.reduce(0) { $0 + ($1?.limit ?? 0) }
        return retries.withdraw(admitted: admitted, capacity: capacity, now: now)
    }

    /// A waiting request is cancelled. Returns `false` if it no longer waits; then its lease must be released.
    package mutating func cancel(_ ticket: Ticket) -> Bool { queue.leave(ticket) }

    /// A lease ends. The slot may go to a waiting request at once.
    ///
    /// - Parameter now: `nil` will do while no request waits and the replicas have no models.
    /// - Returns: the waiting request that now has a lease, and `more` of them if this ended a pause of the replica,
    ///   which may free several places.
    package mutating func release(
        _ slot: SlotIndex,
        now: MonotonicTime?,
        using generator: inout SplitMix64
    ) -> (first: Assignment?, more: [Assignment]) {
        if let now, !queue.isEmpty { estimate.requestEnded(ongoing: ongoingCount, now: now) }
        if models.isInUse, let now, let replica = slots[slot]?.replica {
            time = now
            models.ended(on: replica, now: now)
        }
        giveBack(slot)
        let wasPaused = slots[slot]?.pausedUntil != nil
        if wasPaused { pause(slot, until: nil) }
        slots[slot]?.refusalPause = Self.refusalPauseMinimum
        guard let first = assignNext(using: &generator) else { return (nil, []) }
        return (first, wasPaused ? assignAll(using: &generator) : [])
    }

    /// The replica refused a request: the lease ends, and the router skips the replica for a while.
    ///
    /// - Returns: when to call ``tick(now:using:)`` at the latest.
    package mutating func refused(_ slot: SlotIndex, now: MonotonicTime) -> MonotonicTime {
        time = now
        if models.isInUse, let replica = slots[slot]?.replica { models.refused(by: replica) }
        giveBack(slot)
        guard let pause = slots[slot]?.refusalPause else { return now }
        self.pause(slot, until: now + pause)
        slots[slot]!.refusalPause = min(pause * 2, Self.refusalPauseMaximum)
        return now + pause
    }

    /// Ends the pauses that are over, and takes the requests whose deadline has passed out of the queue.
    ///
    /// - Returns: the waiting requests that now have a lease, and those whose callers must be told
    ///   ``deadlinePassed``.
    package mutating func tick(
        now: MonotonicTime,
        using generator: inout SplitMix64
    ) -> (assignments: [Assignment], expired: [Ticket]) {
        time = now
        let expired = queue.expire(now: now)
        for index in slots.indices {
            if let until = slots[index]?.pausedUntil, until <= now { pause(index, until: nil) }
        }
        return (assignAll(using: &generator), expired)
    }

    /// When the next pause ends or the next deadline of a waiting request passes.
    package var nextWakeUp: MonotonicTime? {
        var next = queue.nextExpiry
        if let wakeUp = models.nextWakeUp(after: time) { next = min(next ?? wakeUp, wakeUp) }
        for slot in slots {
            if let until = slot?.pausedUntil { next = min(next ?? until, until) }
        }
        return next
    }

    // MARK: The replica set

    /// Takes over the controller's newest set. Slots of replicas that left stay until their leases are back.
    ///
    /// - Parameter replicas: each with its limit of ongoing requests, which may differ between revisions.
    /// - Returns: the slot of each replica in the order of `replicas`, and the waiting requests that now have a lease.
    package mutating func update(
        _ replicas: [(id: ReplicaID, limit: Int)],
        options: PoolOptions,
        using generator: inout SplitMix64
    ) -> (slots: [SlotIndex], assignments: [Assignment]) {
        withdrawal = nil
        change(options)
        var known: [ReplicaID: SlotIndex] = [:]
        for (index, slot) in slots.enumerated() {
            if let slot { known[slot.replica] = index }
        }
        for index in slots.indices { slots[index]?.position = nil }
        routable = replicas.map { replica, limit in
            if let index = known[replica] {
                slots[index]!.limit = limit
                return index
            }
            let new = Slot(replica: replica, limit: limit, position: 0)
            if let free = slots.firstIndex(where: { $0 == nil }) {
                slots[free] = new
                return free
            }
            slots.append(new)
            return slots.count - 1
        }
        models.keep(replicas.map(\.id))
        arrange()
        return (routable, assignAll(using: &generator))
    }

    /// Prefers this replica from now on, unless the program chose a routing policy.
    package mutating func prefer(_ replica: ReplicaID) {
        preferred = replica
        arrange()
    }

    private mutating func change(_ new: PoolOptions) {
        if new.routing != options.routing { choice = ReplicaChoice(new.routing) }
        if new.admission != options.admission { admission = new.admission.makeOwn() }
        options = new
        heedsRequests = choice.heedsRequests || admission != nil
    }

    /// A replica is known to be gone before the controller reports it. It gets no more requests.
    package mutating func leave(_ replica: ReplicaID) {
        guard let index = slots.firstIndex(where: { $0?.replica == replica }) else { return }
        slots[index]!.position = nil
        routable.removeAll { $0 == index }
        arrange()
    }

    /// The deployment was withdrawn. New requests fail with `error`; the caller must fail the returned tickets, too.
    package mutating func withdraw(_ error: ServeError) -> [Ticket] {
        withdrawal = error
        models = ModelRouting()
        for index in slots.indices { slots[index]?.position = nil }
        routable = []
        arrange()
        return queue.removeAll()
    }

    /// Gives the replicas in the set their positions, and forgets slots that nobody needs.
    private mutating func arrange() {
        for (position, slot) in routable.enumerated() { slots[slot]!.position = position }
        for index in slots.indices where slots[index]?.position == nil && slots[index]?.ongoing == 0 {
            slots[index] = nil
        }
        replicas = routable.map { index in
            let slot = slots[index]!
            let isPaused = slot.pausedUntil != nil
            return RoutingReplica(id: slot.replica, ongoing: slot.ongoing, limit: slot.limit, isPaused: isPaused)
        }
        preferredPosition = choice.mayPrefer ? replicas.firstIndex { $0.id == preferred } : nil
    }

    // MARK: Choosing

    /// - Parameters:
    ///   - request: `nil` if it makes no difference.
    ///   - isNew: whether it has just come.
    @inline(__always)
    mutating func choose(
        for request: RoutingRequest?,
        isNew: Bool = false,
        using generator: inout SplitMix64
    ) -> SlotIndex? {
        switch replicas.count {
        case 0: nil
        case 1: replicas[0].hasRoom ? routable[0] : nil
        default: chooseOfSeveral(for: request, isNew: isNew, using: &generator).map { routable[$0] }
        }
    }

    @inline(__always)
    private mutating func chooseOfSeveral(
        for request: RoutingRequest?,
        isNew: Bool,
        using generator: inout SplitMix64
    ) -> Int? {
        if models.isInUse, let model = request?.modelID {
            return models.choose(model, among: replicas, isNew: isNew, now: time, using: &generator)
        }
        if let preferredPosition, replicas[preferredPosition].hasRoom { return preferredPosition }
        return choice.choose(among: replicas, for: request ?? RoutingRequest(), using: &generator)
    }

    private mutating func assignNext(using generator: inout SplitMix64) -> Assignment? {
        if models.isInUse { return assignNextByModel(using: &generator) }
        guard !queue.isEmpty, let (ticket, request) = queue.first(),
            let slot = choose(for: request, using: &generator)
        else { return nil }
        _ = queue.leave(ticket)
        lease(slot)
        return Assignment(ticket: ticket, slot: slot)
    }

    mutating func assignAll(using generator: inout SplitMix64) -> [Assignment] {
        var assignments: [Assignment] = []
        while let assignment = assignNext(using: &generator) { assignments.append(assignment) }
        return assignments
    }

    @inline(__always)
    mutating func lease(_ slot: SlotIndex) {
        admitted &+= 1
        slots[slot]!.ongoing += 1
        if models.isInUse { models.began(on: slots[slot]!.replica, now: time) }
        if let position = slots[slot]!.position { replicas[position].ongoing += 1 }
    }

    private mutating func giveBack(_ slot: SlotIndex) {
        precondition(slots[slot] != nil && slots[slot]!.ongoing > 0, "a lease was released twice")
        slots[slot]!.ongoing -= 1
        if let position = slots[slot]!.position {
            replicas[position].ongoing -= 1
        } else if slots[slot]!.ongoing == 0 {
            slots[slot] = nil
        }
    }

    private mutating func pause(_ slot: SlotIndex, until time: MonotonicTime?) {
        slots[slot]!.pausedUntil = time
        if let position = slots[slot]!.position { replicas[position].isPaused = time != nil }
    }
}
