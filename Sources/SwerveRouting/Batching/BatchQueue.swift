package import SwerveCore

/// Collects the calls of one batched method into batches.
///
/// Pure: every event is one call that returns what to do. Items of one key share batches, those of different keys never
/// do. The items of a batch are those with the earliest deadlines; an item without one counts as if it had
/// ``patience``, so none waits for ever.
///
/// Invariants: every item that was added leaves exactly once, in a batch, as a failure or by ``cancel(_:)``; at most
/// `maxConcurrentBatches` run, unless the number is lowered meanwhile; a batch has the items of one key, and no more
/// than its limits allow.
package struct BatchQueue<Key: Hashable & Sendable>: Sendable {
    package typealias ItemID = UInt64
    package typealias BatchID = UInt64

    package struct Item: Sendable {
        package var id: ItemID
        package var key: Key
        package var size: Int
        package var deadline: MonotonicTime?

        package init(id: ItemID, key: Key, size: Int = 1, deadline: MonotonicTime? = nil) {
            self.id = id
            self.key = key
            self.size = size
            self.deadline = deadline
        }
    }

    /// Items that run together.
    package struct Batch: Equatable, Sendable {
        package var id: BatchID
        package var key: Key
        /// The one with the earliest deadline first.
        package var items: [ItemID]
        /// How many items the method gets: more than there are if the batch is filled up to an allowed size.
        package var filledUp: Int
        package var reason: BatchReason

        package init(id: BatchID, key: Key, items: [ItemID], filledUp: Int, reason: BatchReason) {
            self.id = id
            self.key = key
            self.items = items
            self.filledUp = filledUp
            self.reason = reason
        }
    }

    /// Why an item leaves without having been in a batch.
    package enum Failure: Equatable, Sendable {
        /// Its deadline passed.
        case expired
        /// Its size is above the limit for a whole batch.
        case tooLarge(size: Int, limit: Int)
    }

    /// What an event leads to.
    package struct Actions: Equatable, Sendable {
        /// Batches to run now.
        package var batches: [Batch] = []
        package var failures: [Failed] = []
        /// When to call ``tick(now:)``; `nil` if no time is needed.
        package var wakeUp: MonotonicTime?

        package init(batches: [Batch] = [], failures: [Failed] = [], wakeUp: MonotonicTime? = nil) {
            self.batches = batches
            self.failures = failures
            self.wakeUp = wakeUp
        }
    }

    package struct Failed: Equatable, Sendable {
        package var item: ItemID
        package var failure: Failure

        package init(item: ItemID, failure: Failure) {
            self.item = item
            self.failure = failure
        }
    }

    /// In the order of batches, an item without a deadline counts as if its deadline were so long after its arrival.
    package static var patience: Duration { BatchPatience.duration }

    private var options: BatchOptions
    private var groups: [Key: BatchGroup] = [:]
    /// The keys of the items that wait.
    private var keys: [ItemID: Key] = [:]
    /// The batches that run, when they began, and their sizes.
    private var running: [BatchID: (began: MonotonicTime, size: Int)] = [:]
    private var nextBatch: BatchID = 0
    private var isShuttingDown = false
    private var pacer = BatchPacer()
    package private(set) var counters = BatchCounters()

    package init(_ options: BatchOptions) {
        self.options = options
    }

    package var waitingCount: Int { keys.count }
    package var runningCount: Int { running.count }

    // MARK: Events

    /// An item arrives.
    ///
    /// - Parameter alone: whether all requests that the replica has admitted are in batches, so that nothing more can
    ///   come.
    package mutating func add(_ item: Item, alone: Bool, now: MonotonicTime) -> Actions {
        if let limit = options.maxTotalSize, item.size > limit {
            var actions = settle(alone: alone, now: now)
            actions.failures.append(Failed(item: item.id, failure: .tooLarge(size: item.size, limit: limit)))
            return actions
        }
        precondition(keys.updateValue(item.key, forKey: item.id) == nil, "an item is added once")
        pacer.arrived(now)
        let waiting = BatchGroup.Waiting(
            id: item.id,
            size: max(item.size, 0),
            arrived: now,
            deadline: item.deadline,
            target: options.latencyTarget
        )
        groups[item.key, default: BatchGroup()].insert(waiting)
        return settle(alone: alone, now: now)
    }

    /// Nobody wants the item any more.
    ///
    /// - Returns: whether it waited. If not, it is in a batch, or has left.
    package mutating func cancel(_ item: ItemID) -> Bool {
        guard let key = keys.removeValue(forKey: item) else { return false }
        groups[key]?.remove { $0.id == item }
        if groups[key]?.isEmpty == true { groups[key] = nil }
        counters.wasCancelled()
        return true
    }

    /// A batch has ended, well or not.
    package mutating func finished(_ batch: BatchID, alone: Bool, now: MonotonicTime) -> Actions {
        guard let ended = running.removeValue(forKey: batch) else { preconditionFailure("a batch ends once") }
        pacer.ended(size: ended.size, time: now - ended.began)
        return settle(alone: alone, now: now)
    }

    /// A request of the replica that is in no batch has ended.
    package mutating func othersChanged(alone: Bool, now: MonotonicTime) -> Actions {
        settle(alone: alone, now: now)
    }

    /// The time of an earlier ``Actions/wakeUp`` has come.
    package mutating func tick(now: MonotonicTime) -> Actions {
        settle(alone: false, now: now)
    }

    /// The options have changed. Batches that run go on as they are.
    package mutating func change(_ options: BatchOptions, now: MonotonicTime) -> Actions {
        if options.latencyTarget != self.options.latencyTarget {
            for key in groups.keys { groups[key]!.setTarget(options.latencyTarget) }
        }
        self.options = options
        var failures: [Failed] = []
        if let limit = options.maxTotalSize {
            for key in Array(groups.keys) {
                take(from: key) { $0.size > limit }.forEach {
                    failures.append(Failed(item: $0.id, failure: .tooLarge(size: $0.size, limit: limit)))
                }
            }
        }
        var actions = settle(alone: false, now: now)
        actions.failures += failures.sorted { $0.item < $1.item }
        return actions
    }

    /// The replica drains: from now on no item waits for others.
    package mutating func shutDown(now: MonotonicTime) -> Actions {
        isShuttingDown = true
        return settle(alone: false, now: now)
    }

    // MARK: Decisions

    private mutating func settle(alone: Bool, now: MonotonicTime) -> Actions {
        var actions = Actions()
        expire(now, &actions)
        while running.count < options.maxConcurrentBatches, let (key, reason) = ready(alone: alone, now: now) {
            actions.batches.append(close(key, reason, now))
        }
        actions.wakeUp = wakeUp
        return actions
    }

    private mutating func expire(_ now: MonotonicTime, _ actions: inout Actions) {
        let late = groups.compactMap { key, group in
            group.earliestDeadline.map { $0 <= now } ?? false ? key : nil
        }
        guard !late.isEmpty else { return }
        var expired: [ItemID] = []
        for key in late {
            expired += take(from: key) { $0.deadline.map { $0 <= now } ?? false }.map(\.id)
        }
        for item in expired.sorted() {
            counters.hasExpired()
            actions.failures.append(Failed(item: item, failure: .expired))
        }
    }

    private mutating func take(
        from key: Key,
        where shouldLeave: (BatchGroup.Waiting) -> Bool
    ) -> [BatchGroup.Waiting] {
        guard let taken = groups[key]?.remove(where: shouldLeave) else { return [] }
        for item in taken { keys[item.id] = nil }
        if groups[key]?.isEmpty == true { groups[key] = nil }
        return taken
    }

    /// Of the keys whose items need not wait longer, the one with the earliest deadline.
    private func ready(alone: Bool, now: MonotonicTime) -> (Key, BatchReason)? {
        var best: (key: Key, reason: BatchReason, first: BatchGroup.Waiting)?
        for (key, group) in groups {
            guard let first = group.items.first, let reason = reason(to: group, alone: alone, now: now) else {
                continue
            }
            if let best, !(first < best.first) { continue }
            best = (key, reason, first)
        }
        return best.map { ($0.key, $0.reason) }
    }

    private func reason(to group: BatchGroup, alone: Bool, now: MonotonicTime) -> BatchReason? {
        if group.items.count >= options.largestBatch || group.total >= largestSize { return .full }
        if isShuttingDown { return .shutdown }
        if let last = lastStart(of: group), last <= now { return .deadline }
        if waitEnd(of: group) <= now { return .waited }
        // An adaptive batch has its own opinion on whether more comes.
        return alone && options.latencyTarget == nil ? .alone : nil
    }

    /// The limit on the sum of sizes.
    private var largestSize: Int {
        min(options.maxTotalSize ?? .max, options.latencyTarget.map(pacer.largestSize) ?? .max)
    }

    private func waitEnd(of group: BatchGroup) -> MonotonicTime {
        let end = group.oldest + options.waitTimeout
        return options.latencyTarget == nil ? end : min(end, pacer.waitEnd(group))
    }

    /// When a batch must begin to be in time for the earliest deadline. While nobody knows how long a batch takes, it
    /// gets half of the time that was left when its item came.
    private func lastStart(of group: BatchGroup) -> MonotonicTime? {
        guard let due = options.latencyTarget == nil ? group.earliestDeadline : group.earliestDue else { return nil }
        guard let time = pacer.cost.time(of: min(group.total, largestSize)) else { return group.earliestHalf }
        return due + (.zero - time)
    }

    private mutating func close(_ key: Key, _ reason: BatchReason, _ now: MonotonicTime) -> Batch {
        let taken: [BatchGroup.Waiting]
        if options.latencyTarget == nil {
            taken = groups[key]!.takeFirst(options.largestBatch, within: largestSize)
        } else {
            let count = options.largestBatch
            taken = groups[key]!.take(pacer.choose(groups[key]!, count: count, within: largestSize, now: now))
        }
        let items = taken.map(\.id)
        for item in items { keys[item] = nil }
        if groups[key]!.isEmpty { groups[key] = nil }
        let batch = Batch(
            id: nextBatch,
            key: key,
            items: items,
            filledUp: options.filledUp(items.count),
            reason: reason
        )
        nextBatch += 1
        running[batch.id] = (now, taken.reduce(0) { $0 + $1.size })
        counters.closed(reason, items: items.count, repetitions: batch.filledUp - items.count)
        return batch
    }

    /// The next time at which a batch closes or an item expires.
    private var wakeUp: MonotonicTime? {
        let hasRoom = running.count < options.maxConcurrentBatches
        var next: MonotonicTime?
        func consider(_ time: MonotonicTime?) {
            if let time { next = min(next ?? time, time) }
        }
        for group in groups.values {
            consider(group.earliestDeadline)
            guard hasRoom else { continue }
            consider(lastStart(of: group))
            consider(waitEnd(of: group))
        }
        return next
    }
}
