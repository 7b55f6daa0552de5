import SwerveCore
import SwerveRouting
import Testing

/// A queue under random events, beside what must hold in any order of them.
private struct BatchSimulation {
    typealias Queue = BatchQueue<Int>
    enum Wrong: Error, CustomStringConvertible {
        case wrong(String)
        var description: String { if case .wrong(let what) = self { what } else { "" } }
    }

    private var random: SplitMix64
    private var queue: Queue
    private var options: BatchOptions
    private var now = MonotonicTime.zero
    private var nextID: UInt64 = 0
    private var waiting: [UInt64: (item: Queue.Item, arrived: MonotonicTime)] = [:]
    private var running: [UInt64: Queue.Batch] = [:]
    private var left: Set<UInt64> = []
    private var wakeUp: MonotonicTime?
    private var mostConcurrent: Int
    private(set) var ran = 0

    init(seed: UInt64) {
        random = SplitMix64(seed: seed)
        options = Self.options(&random)
        mostConcurrent = options.maxConcurrentBatches
        queue = Queue(options)
    }

    private static func options(_ random: inout SplitMix64) -> BatchOptions {
        let allowed = [[], [], [1, 2, 4, 8], [3], [2, 5]][random.next(below: 5)]
        return BatchOptions(
            maxBatchSize: 1 + random.next(below: 8),
            waitTimeout: .milliseconds(random.next(below: 10)),
            maxConcurrentBatches: 1 + random.next(below: 3),
            maxTotalSize: random.next(below: 2) == 0 ? nil : 4 + random.next(below: 12),
            allowedSizes: allowed,
            latencyTarget: random.next(below: 3) == 0 ? .milliseconds(1 + random.next(below: 20)) : nil
        )
    }

    mutating func run(events: Int) throws {
        for _ in 0..<events { try step() }
        try check(queue.shutDown(now: now))
        while let batch = running.keys.min() {
            running[batch] = nil
            try check(queue.finished(batch, alone: false, now: now))
        }
        try expect(waiting.isEmpty, "items are left: \(waiting.keys.sorted())")
        try expect(left.count == Int(nextID), "items were lost")
        try expect(queue.waitingCount == 0 && queue.runningCount == 0, "the queue is not empty")
        let counters = queue.counters
        try expect(counters.batches == ran, "\(counters.batches) batches counted, and \(ran) ran")
    }

    private mutating func step() throws {
        // Time passes up to the next wake-up, and sometimes beyond it: timers are late.
        now = now + .microseconds(random.next(below: 2000))
        if let time = wakeUp, time <= now { try check(queue.tick(now: now)) }
        switch random.next(below: 20) {
        case 0..<9: try add()
        case 9..<11:
            if let id = waiting.keys.sorted().randomElement(using: &random) {
                try expect(queue.cancel(id), "a waiting item cannot be cancelled")
                waiting[id] = nil
                left.insert(id)
            }
        case 11..<18:
            if let batch = running.keys.sorted().randomElement(using: &random) {
                running[batch] = nil
                try check(queue.finished(batch, alone: random.next(below: 8) == 0, now: now))
            }
        case 18: try check(queue.othersChanged(alone: random.next(below: 2) == 0, now: now))
        default:
            options = Self.options(&random)
            mostConcurrent = max(running.count, options.maxConcurrentBatches)
            try check(queue.change(options, now: now))
        }
    }

    private mutating func add() throws {
        let deadline = random.next(below: 2) == 0 ? nil : now + .milliseconds(random.next(below: 40))
        let item = Queue.Item(
            id: nextID,
            key: random.next(below: 3),
            size: random.next(below: 6) == 0 ? 10 : 1 + random.next(below: 4),
            deadline: deadline
        )
        nextID += 1
        waiting[item.id] = (item, now)
        try check(queue.add(item, alone: random.next(below: 10) == 0, now: now))
    }

    private mutating func check(_ actions: Queue.Actions) throws {
        for failed in actions.failures {
            let item = waiting.removeValue(forKey: failed.item)
            try expect(item != nil, "item \(failed.item) left twice")
            left.insert(failed.item)
            switch failed.failure {
            case .expired: try expect(item?.item.deadline.map { $0 <= now } ?? false, "expired before its deadline")
            case .tooLarge(let size, let limit): try expect(size > limit, "it was not too large")
            }
        }
        for batch in actions.batches { try check(batch) }
        for (id, entry) in waiting {
            try expect(entry.item.deadline.map { $0 > now } ?? true, "item \(id) waits past its deadline")
            guard running.count < options.maxConcurrentBatches else { continue }
            try expect(now - entry.arrived < options.waitTimeout, "item \(id) waits too long")
        }
        if running.count < options.maxConcurrentBatches {
            for items in Dictionary(grouping: waiting.values, by: \.item.key).values {
                try expect(items.count < options.largestBatch, "a full batch waits")
            }
            try expect(waiting.isEmpty || actions.wakeUp != nil, "nobody will wake waiting items")
        }
        wakeUp = actions.wakeUp
    }

    private mutating func check(_ batch: Queue.Batch) throws {
        try expect(running[batch.id] == nil, "batch \(batch.id) runs twice")
        try expect(!batch.items.isEmpty && batch.items.count <= options.largestBatch, "a batch of \(batch.items.count)")
        try expect(batch.filledUp == options.filledUp(batch.items.count), "filled up to \(batch.filledUp)")
        var items: [(item: Queue.Item, arrived: MonotonicTime)] = []
        for id in batch.items {
            guard let entry = waiting.removeValue(forKey: id) else { throw Wrong.wrong("item \(id) left twice") }
            try expect(entry.item.key == batch.key, "a batch mixes keys")
            try expect(entry.item.deadline.map { $0 > now } ?? true, "item \(id) ran past its deadline")
            left.insert(id)
            items.append(entry)
        }
        let total = items.reduce(0) { $0 + $1.item.size }
        try expect(total <= options.maxTotalSize ?? .max, "a batch of size \(total)")
        running[batch.id] = batch
        ran += 1
        try expect(running.count <= mostConcurrent, "\(running.count) batches run")
        // Adaptive batches may leave an item behind that would delay others.
        guard options.latencyTarget == nil else { return }
        let order = items.map { Self.order($0.item, $0.arrived) }
        try expect(zip(order, order.dropFirst()).allSatisfy { $0 <= $1 }, "not in the order of deadlines")
        let behind = waiting.values.filter { $0.item.key == batch.key }.map { Self.order($0.item, $0.arrived) }.min()
        try expect(behind.map { order[order.count - 1] <= $0 } ?? true, "an item with an earlier deadline stays behind")
    }

    private static func order(_ item: Queue.Item, _ arrived: MonotonicTime) -> MonotonicTime {
        min(item.deadline ?? .init(nanoseconds: .max), arrived + Queue.patience)
    }

    private func expect(_ condition: Bool, _ message: @autoclosure () -> String) throws {
        if !condition { throw Wrong.wrong("at \(now.nanoseconds): \(message())") }
    }
}

@Suite struct BatchSimulationTests {
    @Test(arguments: 0..<400 as Range<UInt64>)
    func `nothing is lost, doubled, mixed, late or above a limit, whatever happens`(seed: UInt64) throws {
        var simulation = BatchSimulation(seed: seed)
        try simulation.run(events: 400)
        #expect(simulation.ran > 0)
    }
}
