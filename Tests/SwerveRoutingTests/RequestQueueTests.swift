import SwerveCore
import SwerveRouting
import Testing

/// A queue whose changes can stand in an expectation.
private final class QueueBench {
    var queue = RequestQueue()
    func join(_ request: RoutingRequest, now: MonotonicTime) -> RequestQueue.Ticket { queue.join(request, now: now) }
    func rejoin(_ request: RoutingRequest, now: MonotonicTime) -> RequestQueue.Ticket {
        queue.rejoin(request, now: now)
    }
    func leave(_ ticket: RequestQueue.Ticket) -> Bool { queue.leave(ticket) }
    func first() -> RequestQueue.Ticket? { queue.first()?.ticket }
    func displace(below priority: RequestPriority) -> RequestQueue.Ticket? { queue.displace(below: priority) }
    func expire(now: MonotonicTime) -> [RequestQueue.Ticket] { queue.expire(now: now) }
    func removeAll() -> [RequestQueue.Ticket] { queue.removeAll() }

    /// Serves all that wait, in order.
    func served() -> [RequestQueue.Ticket] {
        var tickets: [RequestQueue.Ticket] = []
        while let ticket = first() {
            tickets.append(ticket)
            _ = leave(ticket)
        }
        return tickets
    }
}

@Suite struct RequestQueueTests {
    private static func at(_ seconds: Double) -> MonotonicTime { .zero + .seconds(seconds) }

    @Test func `a more urgent request goes first and equal ones in the order of their arrival`() {
        let queue = QueueBench()
        let order: [RequestPriority] = [.low, .normal, .high, .normal, .high, .low]
        let tickets = order.map { queue.join(RoutingRequest(priority: $0), now: Self.at(1)) }
        #expect(queue.queue.ahead(of: .high) == 2)
        #expect(queue.queue.ahead(of: .normal) == 4)
        #expect(queue.queue.ahead(of: .low) == 6)
        #expect(queue.served() == [2, 4, 1, 3, 0, 5].map { tickets[$0] })
    }

    @Test func `a request that has waited long enough goes ahead of a later one with a higher priority`() {
        let queue = QueueBench()
        let old = queue.join(RoutingRequest(priority: .low), now: Self.at(0))
        let urgent = queue.join(RoutingRequest(priority: .normal), now: Self.at(4.9))
        let late = queue.join(RoutingRequest(priority: .normal), now: Self.at(5.1))
        let later = queue.join(RoutingRequest(priority: .high), now: Self.at(10.2))
        #expect(queue.served() == [urgent, old, late, later])
    }

    @Test func `a request that comes back is the first of its priority`() {
        let queue = QueueBench()
        let high = queue.join(RoutingRequest(priority: .high), now: Self.at(0))
        let normal = queue.join(RoutingRequest(), now: Self.at(0))
        let back = queue.rejoin(RoutingRequest(), now: Self.at(3))
        #expect(queue.served() == [high, back, normal])
    }

    @Test func `the newest request of the lowest priority makes room for a more urgent one`() {
        let queue = QueueBench()
        let order: [RequestPriority] = [.normal, .low, .low]
        let tickets = order.map { queue.join(RoutingRequest(priority: $0), now: .zero) }
        #expect(queue.displace(below: .low) == nil)
        #expect(queue.displace(below: .high) == tickets[2])
        #expect(queue.displace(below: .normal) == tickets[1])
        #expect(queue.displace(below: .normal) == nil)
        #expect(queue.displace(below: .high) == tickets[0])
        #expect(queue.queue.isEmpty)
    }

    @Test func `a request leaves when its deadline passes and not before`() {
        let queue = QueueBench()
        let late = queue.join(RoutingRequest(deadline: Self.at(3)), now: .zero)
        let early = queue.join(RoutingRequest(deadline: Self.at(2)), now: .zero)
        let none = queue.join(RoutingRequest(), now: .zero)
        #expect(queue.queue.nextExpiry == Self.at(2))
        #expect(queue.expire(now: Self.at(1.999)).isEmpty)
        #expect(queue.expire(now: Self.at(2)) == [early])
        #expect(queue.queue.nextExpiry == Self.at(3))
        #expect(queue.leave(late))
        #expect(queue.queue.nextExpiry == nil)
        #expect(queue.expire(now: Self.at(100)).isEmpty)
        #expect(queue.served() == [none])
    }

    @Test(arguments: 0..<5 as Range<UInt64>)
    func `ten thousand random arrivals and departures leave nothing behind`(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let queue = QueueBench()
        var model: [(ticket: RequestQueue.Ticket, request: RoutingRequest, key: MonotonicTime)] = []
        var now = MonotonicTime.zero
        for _ in 0..<10_000 {
            now = now + .milliseconds(random.next(below: 100))
            switch random.next(below: 10) {
            case 0..<5:
                let priority = RequestPriority(level: UInt8(random.next(below: 3)))
                let deadline = random.next(below: 2) == 0 ? now + .milliseconds(1 + random.next(below: 3000)) : nil
                let request = RoutingRequest(priority: priority, deadline: deadline)
                let ticket = queue.join(request, now: now)
                model.append((ticket, request, now + RequestQueue.ageing * -Int(priority.level)))
            case 5..<7:
                guard !model.isEmpty else { continue }
                let gone = model.remove(at: random.next(below: model.count))
                #expect(queue.leave(gone.ticket))
                #expect(!queue.leave(gone.ticket))
            case 7..<9:
                // Of equal keys the higher priority is first, then the earlier ticket.
                let best = model.min { left, right in
                    (left.key, right.request.priority, left.ticket) < (right.key, left.request.priority, right.ticket)
                }
                #expect(queue.first() == best?.ticket)
                guard let best else { continue }
                model.removeAll { $0.ticket == best.ticket }
                #expect(queue.leave(best.ticket))
            default:
                let expired = Set(queue.expire(now: now))
                #expect(expired == Set(model.filter { $0.request.deadline.map { $0 <= now } ?? false }.map(\.ticket)))
                model.removeAll { expired.contains($0.ticket) }
            }
            #expect(queue.queue.count == model.count)
            #expect(queue.queue.ahead(of: .low) == model.count)
            #expect(queue.queue.nextExpiry == model.compactMap(\.request.deadline).min())
        }
        #expect(Set(queue.removeAll()) == Set(model.map(\.ticket)))
        #expect(queue.queue.isEmpty && queue.queue.ahead(of: .low) == 0 && queue.queue.nextExpiry == nil)
    }

    /// A place is free each 100 ms, and two urgent requests come in that time: without ageing, others would never get
    /// one.
    @Test func `a request of the lowest priority waits its time and not forever`() {
        let queue = QueueBench()
        var now = MonotonicTime.zero
        let patient = queue.join(RoutingRequest(priority: .low), now: now)
        while let ticket = queue.first() {
            _ = queue.leave(ticket)
            if ticket == patient { break }
            for _ in 0..<2 { _ = queue.join(RoutingRequest(priority: .high), now: now) }
            now = now + .milliseconds(100)
        }
        for _ in 0..<1000 {
            guard let ticket = queue.first() else { break }
            if ticket == patient { break }
            _ = queue.leave(ticket)
        }
        #expect(now <= .zero + RequestQueue.ageing * 5)
    }
}
