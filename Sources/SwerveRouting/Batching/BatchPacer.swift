internal import SwerveCore

/// Chooses size and wait of adaptive batches, from what batches cost and how often items come.
///
/// An item is *due* when the latency target has passed since it came, or at its deadline if that is earlier.
struct BatchPacer: Sendable {
    /// How many starts are looked at for the best batch of a long queue, about.
    private static var looks: Int { 32 }
    /// How many times as fast a batch must be to be worth leaving another item behind.
    private static var worthLeaving: Double { 1.02 }

    private(set) var cost = BatchCost()
    /// About how long it takes until the next item comes, in nanoseconds.
    private var gap: Double?
    /// The same over more items, in which one long pause counts little.
    private var usualGap: Double?
    private var lastArrival: MonotonicTime?

    mutating func arrived(_ now: MonotonicTime) {
        defer { lastArrival = now }
        guard let lastArrival else { return }
        let latest = Double((now - lastArrival).nanoseconds)
        gap = gap.map { $0 + (latest - $0) / 16 } ?? latest
        usualGap = usualGap.map { $0 + (min(latest, max(8 * $0, 1000)) - $0) / 64 } ?? latest
    }

    /// About how many items come in a nanosecond.
    private var arrivalRate: Double { usualGap.map { 1 / max($0, 1) } ?? 0 }

    mutating func ended(size: Int, time: Duration) {
        cost.note(size: size, time: time)
    }

    /// The largest size of batches: while one runs that takes half of the target, the items of the next one can wait and
    /// still be in time.
    func largestSize(_ target: Duration) -> Int { cost.size(within: target / 2) ?? .max }

    /// Until when a batch waits for further items. Waiting for the next item pays as long as it costs those that wait
    /// less time, together, than a batch of its own would take for it alone.
    func waitEnd(_ group: BatchGroup) -> MonotonicTime {
        let start = MonotonicTime(nanoseconds: .min)
        guard let gap, let lastArrival, let fixed = cost.fixedTime else { return start }
        guard gap * Double(group.items.count) < Double(fixed.nanoseconds) else { return start }
        return lastArrival + .nanoseconds(Int64(min(2 * gap, 1e15)))
    }

    /// Which items run now: those with the earliest due times that all make it. When the most urgent ones leave so
    /// little time that such small batches would not keep up with the items that come, so that others are late because
    /// of it, they are left behind, and run when there is room.
    ///
    /// - Returns: the positions of the items, in ascending order; at least one.
    func choose(_ group: BatchGroup, count: Int, within size: Int, now: MonotonicTime) -> [Int] {
        let items = group.items
        let all = Batch(from: 0, items, count: count, within: size, until: nil, cost)
        // An item that has waited so long goes first whatever that costs.
        guard cost.isKnown, let first = items.first, now - first.arrived < BatchPatience.duration else {
            return Array(all.range)
        }
        func makesIt(_ item: BatchGroup.Waiting) -> Bool { cost.time(of: item.size)! <= item.due - now }
        guard let urgent = items.firstIndex(where: makesIt) else { return Array(all.range) }
        var best = Batch(from: urgent, items, count: count, within: size, until: now, cost)
        // The best start is somewhere in a long queue; looking at some of them is enough.
        let step = max(1, (items.count - urgent) / Self.looks)
        for start in stride(from: urgent + step, to: best.isCut ? items.count : 0, by: step)
        where best.rate < arrivalRate {
            let other = Batch(from: start, items, count: count, within: size, until: now, cost)
            if other.rate > best.rate * Self.worthLeaving { best = other }
        }
        return filled(best, group, count: count, within: size, now: now)
    }

    /// The batch, with items that are late anyway as far as they delay nobody.
    private func filled(
        _ batch: Batch,
        _ group: BatchGroup,
        count: Int,
        within size: Int,
        now: MonotonicTime
    ) -> [Int] {
        var chosen = Array(batch.range)
        var total = batch.total
        var late: [Int] = []
        let due = group.items[batch.range.lowerBound].due
        for index in 0..<batch.range.lowerBound where chosen.count + late.count < count {
            let next = total + group.items[index].size
            guard next <= size, cost.time(of: next)! <= due - now else { break }
            total = next
            late.append(index)
        }
        chosen.insert(contentsOf: late, at: 0)
        return chosen
    }

    /// Successive items that can run together.
    private struct Batch {
        let range: Range<Int>
        let total: Int
        /// Items for each nanosecond.
        let rate: Double
        /// Whether more items would have fitted if the first one had more time.
        let isCut: Bool

        /// - Parameter now: the present, if the batch must end in time for its first item.
        init(
            from start: Int,
            _ items: [BatchGroup.Waiting],
            count: Int,
            within size: Int,
            until now: MonotonicTime?,
            _ cost: BatchCost
        ) {
            var (end, total, isCut) = (start, 0, false)
            while end < items.count, end - start < count {
                let (next, overflow) = total.addingReportingOverflow(items[end].size)
                if end > start {
                    if overflow || next > size { break }
                    if let now, let time = cost.time(of: next), time > items[start].due - now {
                        isCut = true
                        break
                    }
                }
                total = next
                end += 1
            }
            self.range = start..<end
            self.total = total
            self.isCut = isCut
            self.rate = cost.time(of: total).map { Double(end - start) / Double(max($0.nanoseconds, 1)) } ?? 0
        }
    }
}

/// How long an item waits at most before it goes ahead of more urgent ones.
enum BatchPatience {
    static var duration: Duration { .seconds(30) }
}
