internal import SwerveCore

/// The items of one key that wait, in the order in which they will run.
struct BatchGroup: Sendable {
    struct Waiting: Comparable, Sendable {
        var id: UInt64
        var size: Int
        var arrived: MonotonicTime
        var deadline: MonotonicTime?
        /// What its place in the order depends on: the deadline, or what stands for it.
        var order: MonotonicTime
        /// Half-way between its arrival and its deadline.
        var half: MonotonicTime?

        static func < (left: Waiting, right: Waiting) -> Bool { (left.order, left.id) < (right.order, right.id) }
    }

    private(set) var items: [Waiting] = []
    private(set) var total = 0
    /// When the item came that waits longest.
    private(set) var oldest = MonotonicTime(nanoseconds: .max)
    private(set) var earliestDeadline: MonotonicTime?
    private(set) var earliestHalf: MonotonicTime?

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

    private mutating func noteAll() {
        (total, oldest, earliestDeadline, earliestHalf) = (0, MonotonicTime(nanoseconds: .max), nil, nil)
        for item in items { note(item) }
    }

    private mutating func note(_ item: Waiting) {
        let (sum, overflow) = total.addingReportingOverflow(item.size)
        total = overflow ? .max : sum
        oldest = min(oldest, item.arrived)
        if let deadline = item.deadline { earliestDeadline = min(earliestDeadline ?? deadline, deadline) }
        if let half = item.half { earliestHalf = min(earliestHalf ?? half, half) }
    }
}
