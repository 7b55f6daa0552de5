internal import DequeModule
internal import HeapModule
package import SwerveCore

/// The requests that wait for a replica, in the order in which they get one.
///
/// A request goes ahead of those with a lower priority, and ages while it waits: a request that came ``ageing`` earlier
/// goes ahead of one with the next higher priority. So no request waits forever, however many urgent ones come. All
/// requests age alike, so their order never changes: each priority has a line of its own, and the first of all is the
/// first of one of the lines.
package struct RequestQueue: Sendable {
    package typealias Ticket = UInt64

    /// How much earlier a request must have come to go ahead of one with the next higher priority: 5 s.
    package static let ageing = Duration.seconds(5)

    private struct Place {
        let ticket: Ticket
        /// When the request would have come if it were of the lowest priority, in nanoseconds.
        let key: Int64
    }

    private struct Expiry: Comparable {
        let time: MonotonicTime
        let ticket: Ticket
        static func < (left: Expiry, right: Expiry) -> Bool { (left.time, left.ticket) < (right.time, right.ticket) }
    }

    /// By priority. A place whose ticket waits no longer is skipped when it comes to the front.
    private var lines = [Deque<Place>](repeating: [], count: RequestPriority.count)
    private var waiting: [Ticket: RoutingRequest] = [:]
    /// How many requests of each priority wait.
    private var counts = [Int](repeating: 0, count: RequestPriority.count)
    /// The deadlines of the requests that have one. The earliest is always that of a request that waits.
    private var expiries: Heap<Expiry> = []
    /// Tickets that join at the end of a line count up from here; those at its front count down.
    private var nextTicket: Ticket = 1 << 62
    private var nextFrontTicket: Ticket = (1 << 62) - 1

    package init() {}

    package var count: Int { waiting.count }
    @inline(__always)
    package var isEmpty: Bool { waiting.isEmpty }

    /// How many requests would get a replica before one that comes now. Those with a lower priority do not count,
    /// although the oldest of them may be ahead.
    package func ahead(of priority: RequestPriority) -> Int { counts[Int(priority.level)...].reduce(0, +) }

    // MARK: Changes

    /// A request joins at the end of its line.
    package mutating func join(_ request: RoutingRequest, now: MonotonicTime) -> Ticket {
        let ticket = nextTicket
        nextTicket += 1
        let level = Int(request.priority.level)
        lines[level].append(Place(ticket: ticket, key: Self.key(now, level)))
        add(ticket, request)
        return ticket
    }

    /// A request that had a replica comes back: it is the first of its line.
    package mutating func rejoin(_ request: RoutingRequest, now: MonotonicTime) -> Ticket {
        let ticket = nextFrontTicket
        nextFrontTicket -= 1
        let level = Int(request.priority.level)
        let key = min(Self.key(now, level), lines[level].first?.key ?? .max)
        lines[level].prepend(Place(ticket: ticket, key: key))
        add(ticket, request)
        return ticket
    }

    /// A request waits no longer.
    ///
    /// - Returns: whether it waited.
    package mutating func leave(_ ticket: Ticket) -> Bool { remove(ticket) != nil }

    /// The request that gets the next replica.
    package mutating func first() -> (ticket: Ticket, request: RoutingRequest)? {
        var best: (level: Int, key: Int64)?
        for level in lines.indices {
            while let front = lines[level].first, waiting[front.ticket] == nil { lines[level].removeFirst() }
            // Of equal ones the higher priority is first.
            if let front = lines[level].first, front.key <= best?.key ?? .max { best = (level, front.key) }
        }
        guard let best, let ticket = lines[best.level].first?.ticket, let request = waiting[ticket] else { return nil }
        return (ticket, request)
    }

    /// The first requests of the line whose first request gets the next replica, at most so many.
    package mutating func first(_ count: Int) -> [(ticket: Ticket, request: RoutingRequest)] {
        guard let first = first() else { return [] }
        var found: [(ticket: Ticket, request: RoutingRequest)] = []
        for place in lines[Int(first.request.priority.level)] {
            if let request = waiting[place.ticket] { found.append((place.ticket, request)) }
            if found.count == count { break }
        }
        return found
    }

    /// Makes room: the newest request of the lowest priority below `priority` waits no longer.
    ///
    /// - Returns: its ticket; `nil` if no request has a lower priority.
    package mutating func displace(below priority: RequestPriority) -> Ticket? {
        for level in 0..<Int(priority.level) where counts[level] > 0 {
            while let last = lines[level].popLast() {
                if remove(last.ticket) != nil { return last.ticket }
            }
        }
        return nil
    }

    /// The requests whose deadline has passed wait no longer.
    package mutating func expire(now: MonotonicTime) -> [Ticket] {
        var expired: [Ticket] = []
        while let first = expiries.min, first.time <= now {
            _ = remove(first.ticket)
            expired.append(first.ticket)
        }
        return expired
    }

    /// When the next deadline of a waiting request passes.
    package var nextExpiry: MonotonicTime? { expiries.min?.time }

    /// All requests wait no longer. Their tickets come in the order in which they would have got a replica.
    package mutating func removeAll() -> [Ticket] {
        var tickets: [Ticket] = []
        while let (ticket, _) = first() {
            tickets.append(ticket)
            _ = remove(ticket)
        }
        return tickets
    }

    // MARK: Inner workings

    private static func key(_ now: MonotonicTime, _ level: Int) -> Int64 {
        (now + ageing * -level).nanoseconds
    }

    private mutating func add(_ ticket: Ticket, _ request: RoutingRequest) {
        waiting[ticket] = request
        counts[Int(request.priority.level)] += 1
        if let deadline = request.deadline { expiries.insert(Expiry(time: deadline, ticket: ticket)) }
    }

    private mutating func remove(_ ticket: Ticket) -> RoutingRequest? {
        guard let request = waiting.removeValue(forKey: ticket) else { return nil }
        let level = Int(request.priority.level)
        counts[level] -= 1
        if lines[level].count > 64, lines[level].count > 2 * counts[level] {
            let waiting = waiting
            lines[level].removeAll { waiting[$0.ticket] == nil }
        }
        if request.deadline != nil { pruneExpiries() }
        return request
    }

    /// Removes the deadlines of requests that wait no longer, at least those at the top.
    private mutating func pruneExpiries() {
        if expiries.count > 64, expiries.count > 2 * waiting.count {
            expiries = Heap(expiries.unordered.filter { waiting[$0.ticket] != nil })
        }
        while let first = expiries.min, waiting[first.ticket] == nil { expiries.removeMin() }
    }
}
