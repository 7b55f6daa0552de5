internal import SwerveCore

/// The items of one key that wait, in the order in which they will run.
struct BatchGroup: Sendable {
    struct Waiting: Comparable, Sendable {
        var id: UInt64
        var size: Int
        var arrived: MonotonicTime
        var deadline: MonotonicTime?
        /// When its result should be there: the deadline, or earlier if there is a latency target.
        var due: MonotonicTime
        /// What its place in the order depends on: the deadline, or what stands for it.
        var order: MonotonicTime
        /// Half-way between its arrival and its deadline.
        var half: MonotonicTime?

        init(id: UInt64, size: Int, arrived: MonotonicTime, deadline: MonotonicTime?, target: Duration?) {
            self.id = id
            self.size = size
            self.arrived = arrived
            self.deadline = deadline
            let last = arrived + BatchPatience.duration
            let due = min(deadline ?? last, target.map { arrived + $0 } ?? .init(nanoseconds: .max))
            self.due = due
            self.order = min(due, last)
            self.half = deadline.map { arrived + ($0 - arrived) / 2 }
        }

        static func < (left: Waiting, right: Waiting) -> Bool { (left.order, left.id) < (right.order, right.id) }
    }

    private(set) var items: [Waiting] = []
    private(set) var total = 0
    /// When the item came that waits longest.
    private(set) var oldest = MonotonicTime(nanoseconds: .max)
    private(set) var earliestDeadline: MonotonicTime?
    private(set) var earliestHalf: MonotonicTime?
    /// The earliest time at which a result should be there.
    private(set) var earliestDue = MonotonicTime(nanoseconds: .max)

    var isEmpty: Bool { items.isEmpty }

    mutating func insert(_ item: Waiting) {
        // Nearly always at the end, because most deadlines are equally long.
        var index = items.count
        while index > 0, item < items[index - 1] { index -= 1 }
        items.insert(item, at: index)
        note(item)
    }

    /// Removes the items for which `shouldLeave` holds, and returns them.
    @discardableResult
    mutating func remove(where shouldLeave: (Waiting) -> Bool) -> [Waiting] {
        let leaving = items.filter(shouldLeave)
        items.removeAll(where: shouldLeave)
        noteAll()
        return leaving
    }

    /// Removes the first items: as many as fit into both limits, and at least one.
    mutating func takeFirst(_ count: Int, within size: Int) -> [Waiting] {
        var (taken, sum) = (0, 0)
        while taken < min(count, items.count) {
            let (next, overflow) = sum.addingReportingOverflow(items[taken].size)
            if taken > 0, overflow || next > size { break }
            sum = next
            taken += 1
        }
        let first = Array(items.prefix(taken))
        items.removeFirst(taken)
        noteAll()
        return first
    }

    /// Another latency target holds, so items are due at other times.
    mutating func setTarget(_ target: Duration?) {
        items = items.map {
            Waiting(id: $0.id, size: $0.size, arrived: $0.arrived, deadline: $0.deadline, target: target)
        }.sorted()
        noteAll()
    }

    /// Removes the items at these positions, which are in ascending order.
    mutating func take(_ positions: [Int]) -> [Waiting] {
        let taken = positions.map { items[$0] }
        for position in positions.reversed() { items.remove(at: position) }
        noteAll()
        return taken
    }

    private mutating func noteAll() {
        (total, oldest, earliestDeadline, earliestHalf) = (0, MonotonicTime(nanoseconds: .max), nil, nil)
        earliestDue = MonotonicTime(nanoseconds: .max)
        for item in items { note(item) }
    }

    private mutating func note(_ item: Waiting) {
        let (sum, overflow) = total.addingReportingOverflow(item.size)
        total = overflow ? .max : sum
        oldest = min(oldest, item.arrived)
        earliestDue = min(earliestDue, item.due)
        if let deadline = item.deadline { earliestDeadline = min(earliestDeadline ?? deadline, deadline) }
        if let half = item.half { earliestHalf = min(earliestHalf ?? half, half) }
    }
}
