import SwerveCore
import SwerveTracing
import Testing

@Suite struct SpanQueueTests {
    private let start = MonotonicTime.zero

    private func limits(_ change: (inout TracingOptions.Limits) -> Void = { _ in }) -> TracingOptions.Limits {
        var limits = TracingOptions.Limits()
        limits.maxQueuedSpans = 6
        limits.maxSpansPerExport = 3
        limits.maxAttempts = 3
        change(&limits)
        return limits
    }

    /// A queue with so many spans.
    private func queue(_ count: Int, _ limits: TracingOptions.Limits? = nil) throws -> SpanQueue {
        var queue = SpanQueue(limits ?? self.limits())
        for number in 0..<count { _ = queue.add(try span(number), now: start) }
        return queue
    }

    private let taken = SpanQueue.Outcome.taken(rejected: 0, reason: "")

    @Test func `a span waits for others until the interval is over`() throws {
        var queue = SpanQueue(limits())
        let first = queue.add(try span(0), now: start)
        #expect(first.export == nil)
        #expect(first.wakeUp == start + .seconds(5))
        #expect(queue.add(try span(1), now: start + .seconds(1)).export == nil)
        #expect(queue.tick(now: start + .seconds(4)).export == nil)
        #expect(queue.tick(now: start + .seconds(5)).export?.map(\.name) == ["0", "1"])
    }

    @Test func `an export leaves at once when it is full`() throws {
        var queue = try queue(2)
        #expect(queue.add(try span(2), now: start).export?.map(\.name) == ["0", "1", "2"])
    }

    @Test func `one export is under way at a time, and what came meanwhile waits for its own time`() throws {
        var queue = try queue(3)
        #expect(queue.add(try span(3), now: start + .seconds(1)).export == nil)
        #expect(queue.tick(now: start + .seconds(2)).export == nil)
        let ended = queue.ended(taken, jitter: 0, now: start + .seconds(2))
        #expect(ended.export == nil)
        #expect(ended.wakeUp == start + .seconds(6))
        #expect(queue.tick(now: start + .seconds(6)).export?.map(\.name) == ["3"])
    }

    @Test func `what is due during an export leaves right after it`() throws {
        var queue = try queue(4)
        #expect(queue.tick(now: start + .seconds(5)).export == nil)
        #expect(queue.ended(taken, jitter: 0, now: start + .seconds(6)).export?.map(\.name) == ["3"])
    }

    @Test func `a full queue drops spans, and says so once`() throws {
        var queue = try queue(6)
        #expect(queue.count == 6)
        let reason = "6 spans wait, which is the limit maxQueuedSpans"
        #expect(queue.add(try span(6), now: start).notices == [.dropping(reason: reason)])
        #expect(queue.add(try span(7), now: start).notices == [])
        #expect(queue.count == 6)
        #expect(queue.ended(taken, jitter: 0, now: start).notices == [.dropped(2)])
        #expect(queue.ended(taken, jitter: 0, now: start).notices == [])
    }

    @Test func `a failed export is tried again after pauses that double, and then dropped`() throws {
        var queue = try queue(3)
        let failed = SpanQueue.Outcome.failed(reason: "away", retryAfter: nil)
        #expect(queue.ended(failed, jitter: 1, now: start).wakeUp == start + .seconds(1))
        #expect(queue.tick(now: start + .milliseconds(999)).export == nil)
        #expect(queue.tick(now: start + .seconds(1)).export?.count == 3)
        #expect(queue.ended(failed, jitter: 0, now: start + .seconds(1)).wakeUp == start + .seconds(2))
        #expect(queue.tick(now: start + .seconds(2)).export?.count == 3)
        let last = queue.ended(failed, jitter: 1, now: start + .seconds(2))
        #expect(last.notices == [.dropping(reason: "away")])
        #expect(last.wakeUp == nil)
        #expect(queue.count == 0)
    }

    @Test func `pauses have a limit`() throws {
        var queue = try queue(3, limits { $0.maxAttempts = 50 })
        var now = start
        for _ in 0..<40 {
            let pause = queue.ended(.failed(reason: "", retryAfter: nil), jitter: 1, now: now).wakeUp
            #expect(try #require(pause) - now <= .seconds(30))
            now = now + .seconds(30)
            #expect(queue.tick(now: now).export?.count == 3)
        }
    }

    @Test func `the collector says when to try again, within a limit`() throws {
        var queue = try queue(3)
        let after = SpanQueue.Outcome.failed(reason: "busy", retryAfter: .seconds(7))
        #expect(queue.ended(after, jitter: 0, now: start).wakeUp == start + .seconds(7))
        _ = queue.tick(now: start + .seconds(7))
        let long = SpanQueue.Outcome.failed(reason: "busy", retryAfter: .seconds(3600))
        #expect(queue.ended(long, jitter: 0, now: start).wakeUp == start + .seconds(30))
    }

    @Test func `what the collector refuses is not tried again`() throws {
        var queue = try queue(4)
        let actions = queue.ended(.refused(reason: "status 400"), jitter: 0, now: start)
        #expect(actions.notices == [.dropping(reason: "status 400")])
        #expect(queue.count == 1)
    }

    @Test func `spans that the collector rejects count as dropped`() throws {
        var queue = try queue(6)
        let some = SpanQueue.Outcome.taken(rejected: 2, reason: "too old")
        let actions = queue.ended(some, jitter: 0, now: start)
        #expect(actions.notices == [.dropping(reason: "the collector rejected them: too old")])
        #expect(actions.export?.count == 3)
        #expect(queue.ended(taken, jitter: 0, now: start).notices == [.dropped(2)])
    }

    @Test func `a flush sends what waits`() throws {
        var queue = try queue(1)
        #expect(queue.flush(now: start).export?.count == 1)
        #expect(queue.flush(now: start).export == nil)
        #expect(queue.ended(taken, jitter: 0, now: start).isOver == false)
    }

    @Test func `the end sends everything and then takes no more`() throws {
        var queue = try queue(5)
        #expect(queue.end(now: start).export == nil)
        let second = queue.ended(taken, jitter: 0, now: start)
        #expect(second.export?.map(\.name) == ["3", "4"])
        #expect(second.isOver == false)
        #expect(queue.ended(taken, jitter: 0, now: start).isOver)
        _ = queue.add(try span(9), now: start)
        #expect(queue.count == 0)
    }

    @Test func `the end of an empty queue is at once`() {
        var queue = SpanQueue(limits())
        #expect(queue.end(now: start).isOver)
    }

    @Test func `the end does not wait for a collector that is away`() throws {
        var queue = try queue(6)
        _ = queue.end(now: start)
        let actions = queue.ended(.failed(reason: "away", retryAfter: nil), jitter: 0, now: start)
        #expect(actions.notices == [.dropping(reason: "away")])
        #expect(actions.isOver)
        #expect(queue.count == 0)
    }

    @Test func `the end tries a paused export once more`() throws {
        var queue = try queue(3)
        _ = queue.ended(.failed(reason: "away", retryAfter: nil), jitter: 0, now: start)
        #expect(queue.end(now: start).export?.count == 3)
        #expect(queue.ended(taken, jitter: 0, now: start).isOver)
    }

    @Test func `giving up drops what is under way`() throws {
        var queue = try queue(4)
        _ = queue.end(now: start)
        let actions = queue.giveUp()
        #expect(actions.isOver)
        #expect(actions.notices == [.dropping(reason: "the process ended before the collector took them")])
        #expect(queue.ended(taken, jitter: 0, now: start).export == nil)
    }
}
