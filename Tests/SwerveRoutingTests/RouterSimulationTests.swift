import SwerveCore
import SwerveRouting
import Testing

/// What went wrong, with the events that led to it.
struct Violation: Error, CustomStringConvertible {
    let description: String
}

/// A router under random events, compared with a model that does the same bookkeeping in the simplest way.
struct RouterSimulation {
    struct ModelSlot {
        var replica: ReplicaID
        var limit: Int
        var ongoing = 0
        var isRoutable = true
        var pausedUntil: MonotonicTime?
        var isFree: Bool { isRoutable && ongoing < limit && pausedUntil == nil }
    }

    let bench: RouterBench
    var random: SplitMix64
    var slots: [Int: ModelSlot] = [:]
    var queue: [ReplicaRouter.Ticket] = []
    /// One entry for each lease that is taken.
    var leases: [Int] = []
    /// Tickets that were answered. None may be answered again.
    var ended: Set<ReplicaRouter.Ticket> = []
    var maxQueued = 20
    var isWithdrawn = false
    var trace: [String] = []

    init(seed: UInt64) {
        bench = RouterBench(maxQueued: maxQueued)
        bench.generator = SplitMix64(seed: seed &+ 1)
        random = SplitMix64(seed: seed)
    }

    func fail(_ what: String) -> Violation { Violation(description: "\(what); last events: \(trace.suffix(12))") }

    var hasFreeSlot: Bool { slots.values.contains(where: \.isFree) }

    // MARK: Bookkeeping

    mutating func lease(_ slot: Int) throws {
        guard let model = slots[slot] else { throw fail("slot \(slot) was assigned, but does not exist") }
        guard model.isFree else { throw fail("slot \(slot) was assigned, but is not free: \(model)") }
        slots[slot]!.ongoing += 1
        leases.append(slot)
    }

    mutating func assign(_ assignments: [ReplicaRouter.Assignment]) throws {
        for assignment in assignments {
            guard ended.insert(assignment.ticket).inserted else {
                throw fail("\(assignment.ticket) was assigned twice")
            }
            guard queue.first == assignment.ticket else {
                throw fail("\(assignment.ticket) is not the first in the queue")
            }
            queue.removeFirst()
            try lease(assignment.slot)
        }
    }

    mutating func giveBack(_ index: Int) -> Int {
        let slot = leases.remove(at: index)
        slots[slot]!.ongoing -= 1
        if !slots[slot]!.isRoutable, slots[slot]!.ongoing == 0 { slots[slot] = nil }
        return slot
    }

    // MARK: Events

    mutating func admit() throws {
        let expectsLease = !isWithdrawn && queue.isEmpty && hasFreeSlot
        switch bench.admit() {
        case .assigned(let slot):
            guard expectsLease else { throw fail("a request was assigned despite the queue or a withdrawal") }
            try lease(slot)
        case .queued(let ticket, let displaced):
            guard !expectsLease, !isWithdrawn, displaced == nil, queue.count < maxQueued else {
                throw fail("a request was queued")
            }
            guard ticket > queue.last ?? 0 else { throw fail("\(ticket) is not behind \(queue.last ?? 0)") }
            queue.append(ticket)
        case .refused(let error):
            guard isWithdrawn ? error.code == .deleted : error.code == .queueFull && queue.count >= maxQueued else {
                throw fail("a request was refused: \(error)")
            }
        }
    }

    /// A replica refuses a request, which is admitted again.
    mutating func refuseAndReadmit(_ index: Int) throws {
        let slot = giveBack(index)
        let pause = bench.refused(slot)
        if slots[slot] != nil {
            guard pause > .zero else { throw fail("no pause") }
            slots[slot]!.pausedUntil = bench.now + pause
        }
        switch bench.readmit() {
        case .assigned(let slot): try lease(slot)
        case .queued(let ticket, _):
            guard !hasFreeSlot, !isWithdrawn else { throw fail("a request waits although a slot is free") }
            guard ticket < queue.first ?? .max else { throw fail("\(ticket) is not before \(queue.first ?? 0)") }
            queue.insert(ticket, at: 0)
        case .refused: guard isWithdrawn else { throw fail("a readmitted request was refused") }
        }
    }

    mutating func release(_ index: Int) throws {
        let slot = giveBack(index)
        slots[slot]?.pausedUntil = nil
        try assign(bench.release(slot))
    }

    mutating func cancel() throws {
        let wanted = random.next(below: queue.count + 1)
        if wanted < queue.count {
            let ticket = queue.remove(at: wanted)
            guard bench.cancel(ticket), ended.insert(ticket).inserted else { throw fail("\(ticket) was not waiting") }
        } else if let ticket = ended.sorted().last {
            guard !bench.cancel(ticket) else { throw fail("\(ticket) was cancelled after its end") }
        }
    }

    mutating func tick() throws {
        let later = bench.now + .microseconds(random.next(below: 5000))
        for slot in slots.keys {
            if let until = slots[slot]!.pausedUntil, until <= later { slots[slot]!.pausedUntil = nil }
        }
        try assign(bench.tick(after: later - bench.now))
    }

    mutating func update() throws {
        let replicas = (1...8).filter { _ in random.next(below: 2) == 0 }
        var limits: [Int: Int] = [:]
        for replica in replicas { limits[replica] = 1 + random.next(below: 4) }
        maxQueued = random.next(below: 30)
        isWithdrawn = false
        let routing: DeploymentOptions.Routing = random.next(below: 2) == 0 ? .roundRobin : .powerOfTwoChoices
        let (new, assignments) = bench.update(replicas, limits: limits, maxQueued: maxQueued, routing: routing)
        guard new.count == replicas.count, Set(new).count == new.count else {
            throw fail("slots \(new) for \(replicas)")
        }
        for slot in slots.keys { slots[slot]!.isRoutable = false }
        for (slot, number) in zip(new, replicas) {
            let limit = limits[number] ?? 1
            if let known = slots.first(where: { $0.value.replica == RouterBench.id(number) })?.key, known != slot {
                throw fail("replica \(number) moved from slot \(known) to \(slot)")
            }
            if let old = slots[slot], old.replica != RouterBench.id(number), old.ongoing > 0 {
                throw fail("slot \(slot) was reused while its leases were taken")
            }
            if slots[slot]?.replica != RouterBench.id(number) {
                slots[slot] = ModelSlot(replica: RouterBench.id(number), limit: limit)
            }
            slots[slot]!.isRoutable = true
            slots[slot]!.limit = limit
        }
        slots = slots.filter { $0.value.isRoutable || $0.value.ongoing > 0 }
        try assign(assignments)
    }

    mutating func leave() {
        let number = 1 + random.next(below: 8)
        bench.router.leave(RouterBench.id(number))
        for slot in slots.keys where slots[slot]!.replica == RouterBench.id(number) { slots[slot]!.isRoutable = false }
        slots = slots.filter { $0.value.isRoutable || $0.value.ongoing > 0 }
    }

    mutating func withdraw() throws {
        let tickets = bench.withdraw(ServeError(.deleted, "gone"))
        guard tickets == queue else { throw fail("\(tickets) were withdrawn, but \(queue) waited") }
        ended.formUnion(tickets)
        queue = []
        isWithdrawn = true
        for slot in slots.keys { slots[slot]!.isRoutable = false }
        slots = slots.filter { $0.value.ongoing > 0 }
    }

    // MARK: Running

    mutating func step() throws {
        let choice = random.next(below: 100)
        trace.append("\(choice)")
        switch choice {
        case ..<40: try admit()
        case ..<65: if !leases.isEmpty { try release(random.next(below: leases.count)) }
        case ..<75: if !leases.isEmpty { try refuseAndReadmit(random.next(below: leases.count)) }
        case ..<83: try cancel()
        case ..<92: try tick()
        case ..<97: try update()
        case ..<99: leave()
        default: try withdraw()
        }
        try check()
    }

    func check() throws {
        let router = bench.router
        guard router.queuedCount == queue.count else { throw fail("\(router.queuedCount) wait, not \(queue.count)") }
        guard router.ongoingCount == leases.count else {
            throw fail("\(router.ongoingCount) leases, not \(leases.count)")
        }
        for (slot, model) in slots where router.ongoing(at: slot) != model.ongoing {
            throw fail("slot \(slot) has \(router.ongoing(at: slot)) leases, not \(model.ongoing)")
        }
        if !queue.isEmpty, hasFreeSlot { throw fail("\(queue.count) requests wait although a slot is free") }
        guard router.nextWakeUp == slots.values.compactMap(\.pausedUntil).min() else {
            throw fail("the wake-up is wrong")
        }
    }

    /// Lets everything work from now on. No request may be left waiting.
    mutating func calmDown() throws {
        let (new, assignments) = bench.update([20, 21], limit: 2, maxQueued: 1000)
        isWithdrawn = false
        for slot in slots.keys { slots[slot]!.isRoutable = false }
        slots = slots.filter { $0.value.ongoing > 0 }
        for (slot, number) in zip(new, [20, 21]) {
            slots[slot] = ModelSlot(replica: RouterBench.id(number), limit: 2)
        }
        try assign(assignments)
        while !leases.isEmpty { try release(leases.count - 1) }
        guard queue.isEmpty, bench.router.queuedCount == 0 else { throw fail("\(queue.count) requests were lost") }
    }
}

@Suite struct RouterSimulationTests {
    @Test(arguments: 0..<40 as Range<UInt64>)
    func theInvariantsHoldInARandomLife(seed: UInt64) throws {
        var simulation = RouterSimulation(seed: seed)
        var done = 0
        do {
            while done < 3000 {
                try simulation.step()
                done += 1
            }
            try simulation.calmDown()
        } catch {
            Issue.record("seed \(seed), step \(done): \(error)")
        }
    }
}
