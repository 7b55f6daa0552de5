import SwerveCore
import SwerveRouting
import Testing

private typealias Queue = BatchQueue<String>

extension MonotonicTime {
    fileprivate static func ms(_ milliseconds: Int64) -> MonotonicTime {
        MonotonicTime(nanoseconds: milliseconds * 1_000_000)
    }
}

extension BatchQueue<String> {
    fileprivate mutating func add(
        _ id: ItemID,
        _ key: String = "",
        size: Int = 1,
        by deadline: MonotonicTime? = nil,
        alone: Bool = false,
        at now: MonotonicTime = .zero
    ) -> Actions {
        add(Item(id: id, key: key, size: size, deadline: deadline), alone: alone, now: now)
    }
}

extension BatchQueue<String>.Actions {
    /// The items of each batch.
    fileprivate var run: [[UInt64]] { batches.map(\.items) }
    fileprivate var reasons: [BatchReason] { batches.map(\.reason) }
}

private func batch(
    _ id: UInt64,
    _ items: [UInt64],
    _ reason: BatchReason,
    key: String = "",
    filledUp: Int? = nil
) -> Queue.Batch {
    Queue.Batch(id: id, key: key, items: items, filledUp: filledUp ?? items.count, reason: reason)
}

@Suite struct BatchQueueTests {
    private static let wait = Duration.milliseconds(5)

    // MARK: Closing

    @Test func `a batch closes when it is full`() {
        var queue = Queue(BatchOptions(maxBatchSize: 2, waitTimeout: Self.wait))
        #expect(queue.add(1) == Queue.Actions(wakeUp: .ms(5)))
        #expect(queue.add(2, at: .ms(1)) == Queue.Actions(batches: [batch(0, [1, 2], .full)]))
        #expect(queue.counters.full == 1)
        #expect(queue.counters.items == 2)
    }

    @Test func `a batch closes when its oldest item has waited`() {
        var queue = Queue(BatchOptions(maxBatchSize: 8, waitTimeout: Self.wait))
        #expect(queue.add(1).wakeUp == .ms(5))
        #expect(queue.add(2, at: .ms(3)).wakeUp == .ms(5))
        #expect(queue.tick(now: .ms(4)) == Queue.Actions(wakeUp: .ms(5)))
        #expect(queue.tick(now: .ms(5)) == Queue.Actions(batches: [batch(0, [1, 2], .waited)]))
    }

    @Test func `without a wait an item runs at once, and those that come meanwhile run together`() {
        var queue = Queue(BatchOptions(maxBatchSize: 8, waitTimeout: .zero))
        #expect(queue.add(1).run == [[1]])
        #expect(queue.add(2).run == [])
        #expect(queue.add(3).run == [])
        #expect(queue.finished(0, alone: false, now: .ms(10)).run == [[2, 3]])
        #expect(queue.counters.waited == 2)
    }

    @Test func `nothing waits when nothing more can come`() {
        var queue = Queue(BatchOptions(maxBatchSize: 8, waitTimeout: Self.wait))
        #expect(queue.add(1).run == [])
        #expect(queue.add(2, alone: true) == Queue.Actions(batches: [batch(0, [1, 2], .alone)]))
        #expect(queue.add(3).run == [])
        #expect(queue.finished(0, alone: false, now: .ms(1)).run == [])
        #expect(queue.othersChanged(alone: true, now: .ms(2)) == Queue.Actions(batches: [batch(1, [3], .alone)]))
    }

    @Test func `a batch waits for a place among those that run`() {
        var queue = Queue(BatchOptions(maxBatchSize: 1, waitTimeout: .zero, maxConcurrentBatches: 2))
        #expect(queue.add(1).run == [[1]])
        #expect(queue.add(2).run == [[2]])
        #expect(queue.add(3) == Queue.Actions())
        #expect(queue.runningCount == 2)
        #expect(queue.finished(1, alone: false, now: .ms(1)).run == [[3]])
    }

    @Test func `a deadline closes a batch in time, once it is known how long one takes`() {
        var queue = Queue(BatchOptions(maxBatchSize: 8, waitTimeout: .milliseconds(100)))
        // Half of the time that is left, before any batch has run.
        #expect(queue.add(1, by: .ms(20)).wakeUp == .ms(10))
        #expect(queue.tick(now: .ms(10)) == Queue.Actions(batches: [batch(0, [1], .deadline)]))
        _ = queue.finished(0, alone: false, now: .ms(14))
        // The batch of one took 4 ms, and a margin is added. Of a batch of two the queue expects half as much more.
        #expect(queue.add(2, by: .ms(40), at: .ms(15)).wakeUp == .ms(40) + .microseconds(-4750))
        #expect(queue.add(3, at: .ms(16)).wakeUp == .ms(40) + .microseconds(-6750))
        #expect(queue.tick(now: .ms(34)) == Queue.Actions(batches: [batch(1, [2, 3], .deadline)]))
    }

    @Test func `a replica that drains waits for nothing more`() {
        var queue = Queue(BatchOptions(maxBatchSize: 2, waitTimeout: Self.wait))
        _ = queue.add(1)
        #expect(queue.shutDown(now: .ms(1)) == Queue.Actions(batches: [batch(0, [1], .shutdown)]))
        #expect(queue.add(2, at: .ms(2)).run == [])
        #expect(queue.finished(0, alone: false, now: .ms(3)) == Queue.Actions(batches: [batch(1, [2], .shutdown)]))
    }

    @Test func `an adaptive batch waits for the next item as long as a batch of its own would cost more`() {
        var queue = Queue(.adaptive(latencyTarget: .milliseconds(50)))
        #expect(queue.add(1).run == [[1]])
        _ = queue.add(2, at: .ms(1))
        // A batch of one takes 10 ms, half of which is taken to be fixed; an item comes each millisecond.
        #expect(queue.finished(0, alone: false, now: .ms(10)).run == [[2]])
        _ = queue.finished(1, alone: false, now: .ms(20))
        _ = queue.add(3, at: .ms(20))
        let waiting = queue.add(4, at: .ms(20))
        #expect(waiting.run == [])
        #expect(waiting.wakeUp.map { $0 > .ms(21) && $0 < .ms(25) } == true)
        #expect(queue.tick(now: .ms(25)).run == [[3, 4]])
    }

    // MARK: What a batch has

    @Test func `items of different keys never share a batch`() {
        var queue = Queue(BatchOptions(maxBatchSize: 2, waitTimeout: Self.wait, maxConcurrentBatches: 4))
        #expect(queue.add(1, "a").run == [])
        #expect(queue.add(2, "b").run == [])
        #expect(queue.add(3, "b") == Queue.Actions(batches: [batch(0, [2, 3], .full, key: "b")], wakeUp: .ms(5)))
        #expect(queue.tick(now: .ms(5)) == Queue.Actions(batches: [batch(1, [1], .waited, key: "a")]))
    }

    @Test func `of two keys, the one with the earlier deadline goes first`() {
        var queue = Queue(BatchOptions(maxBatchSize: 8, waitTimeout: .zero))
        _ = queue.add(0)
        _ = queue.add(1, "a", by: .ms(90))
        _ = queue.add(2, "b", by: .ms(80))
        _ = queue.add(3, "a", by: .ms(95))
        #expect(queue.finished(0, alone: false, now: .ms(10)).batches.map(\.key) == ["b"])
        #expect(queue.finished(1, alone: false, now: .ms(20)).run == [[1, 3]])
    }

    @Test func `the items with the earliest deadlines go first, and those without one are not forgotten`() {
        var queue = Queue(BatchOptions(maxBatchSize: 2, waitTimeout: .zero))
        _ = queue.add(0)
        _ = queue.add(1)
        _ = queue.add(2, by: .ms(60_000))
        _ = queue.add(3, by: .ms(500))
        _ = queue.add(4, by: .ms(400))
        #expect(queue.finished(0, alone: false, now: .ms(10)).run == [[4, 3]])
        // By then, 1 has the same standing as an item whose deadline comes.
        _ = queue.add(5, by: .ms(35_000), at: .ms(20))
        #expect(queue.finished(1, alone: false, now: .ms(30)).run == [[1, 2]])
    }

    @Test func `a batch keeps to the limit on the sum of sizes`() {
        var queue = Queue(BatchOptions(maxBatchSize: 8, waitTimeout: Self.wait, maxTotalSize: 10))
        #expect(queue.add(1, size: 6).run == [])
        #expect(queue.add(2, size: 3).run == [])
        #expect(queue.add(3, size: 4) == Queue.Actions(batches: [batch(0, [1, 2], .full)]))
        #expect(queue.add(4, size: 6).run == [])
        #expect(queue.finished(0, alone: false, now: .ms(1)).run == [[3, 4]])
        let failed = Queue.Failed(item: 5, failure: .tooLarge(size: 11, limit: 10))
        #expect(queue.add(5, size: 11).failures == [failed])
    }

    @Test func `a batch is filled up to an allowed size`() {
        var queue = Queue(BatchOptions(maxBatchSize: 100, waitTimeout: Self.wait, allowedSizes: [1, 4, 8]))
        for id in 0..<7 { #expect(queue.add(UInt64(id)).run == []) }
        #expect(queue.add(7).batches == [batch(0, Array(0..<8), .full)])
        for id in 8..<11 { _ = queue.add(UInt64(id)) }
        _ = queue.finished(0, alone: false, now: .ms(1))
        #expect(queue.tick(now: .ms(5)).batches == [batch(1, [8, 9, 10], .waited, filledUp: 4)])
        #expect(queue.counters.repetitions == 1)
    }

    // MARK: Leaving

    @Test func `a cancelled item leaves, and its batch runs without it`() {
        var queue = Queue(BatchOptions(maxBatchSize: 2, waitTimeout: Self.wait))
        _ = queue.add(1)
        #expect(queue.cancel(1) == true)
        #expect(queue.cancel(1) == false)
        #expect(queue.add(2, at: .ms(1)) == Queue.Actions(wakeUp: .ms(6)))
        #expect(queue.tick(now: .ms(6)).run == [[2]])
        #expect(queue.cancel(2) == false, "it is in a batch")
        #expect(queue.counters.cancelled == 1)
    }

    @Test func `an item past its deadline leaves while others run`() {
        var queue = Queue(BatchOptions(maxBatchSize: 4, waitTimeout: .zero))
        _ = queue.add(0)
        #expect(queue.add(1, by: .ms(3)).wakeUp == .ms(3))
        #expect(queue.add(2, by: .ms(30)).wakeUp == .ms(3))
        #expect(
            queue.tick(now: .ms(3))
                == Queue.Actions(failures: [Queue.Failed(item: 1, failure: .expired)], wakeUp: .ms(30))
        )
        #expect(queue.finished(0, alone: false, now: .ms(10)).run == [[2]])
        #expect(queue.counters.expired == 1)
    }

    // MARK: Changes

    @Test func `changed options hold from the next batch on`() {
        var queue = Queue(BatchOptions(maxBatchSize: 4, waitTimeout: Self.wait))
        for id in 1...3 { _ = queue.add(UInt64(id)) }
        let smaller = BatchOptions(maxBatchSize: 2, waitTimeout: .milliseconds(50), maxConcurrentBatches: 2)
        #expect(
            queue.change(smaller, now: .ms(1)) == Queue.Actions(batches: [batch(0, [1, 2], .full)], wakeUp: .ms(50))
        )
        #expect(queue.change(BatchOptions(waitTimeout: .zero, maxConcurrentBatches: 2), now: .ms(2)).run == [[3]])
    }

    @Test func `an item that a lower limit excludes leaves`() {
        var queue = Queue(BatchOptions(waitTimeout: Self.wait, maxTotalSize: 100))
        _ = queue.add(1, size: 20)
        _ = queue.add(2, size: 5)
        let actions = queue.change(BatchOptions(waitTimeout: Self.wait, maxTotalSize: 10), now: .ms(1))
        #expect(actions.failures == [Queue.Failed(item: 1, failure: .tooLarge(size: 20, limit: 10))])
        #expect(queue.tick(now: .ms(5)).run == [[2]])
    }

    @Test(arguments: [
        (BatchOptions(maxBatchSize: 0), "maxBatchSize is 0; it must be from 1 to 100000"),
        (BatchOptions(waitTimeout: .milliseconds(-1)), "waitTimeout must not be negative"),
        (BatchOptions(maxConcurrentBatches: 0), "maxConcurrentBatches is 0; it must be from 1 to 1000"),
        (BatchOptions(maxTotalSize: 0), "maxTotalSize is 0; it must be at least 1"),
        (BatchOptions(allowedSizes: [4, 2]), "allowedSizes is [4, 2]; it must be ascending, from 1 to 100000"),
    ])
    func `options say what is wrong with them`(options: BatchOptions, problem: String) {
        #expect(options.problem == problem)
        #expect(BatchOptions().problem == nil)
    }
}
