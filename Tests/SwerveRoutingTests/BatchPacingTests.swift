import Foundation
import SwerveCore
import SwerveRouting
import Testing

/// A replica whose batches take 5 ms and 0.5 ms for each item, under calls that come at random.
private struct PacedReplica {
    private static let target = Duration.milliseconds(50)
    /// Items per second in batches that take half of the target: 40 in 25 ms.
    private static let capacity = 1600.0

    private var random: SplitMix64
    private var queue = BatchQueue<Int>(.adaptive(latencyTarget: Self.target))
    private var now = MonotonicTime.zero
    private var arrivals: [UInt64: MonotonicTime] = [:]
    private var running: (end: MonotonicTime, batch: BatchQueue<Int>.Batch)?
    private var wakeUp: MonotonicTime?
    private let gap: Double
    /// How much longer or shorter a batch takes at most, as a share of its time.
    private let spread: Double
    private var came: UInt64 = 0
    private var inTime = 0

    init(load: Double, spread: Double, seed: UInt64) {
        random = SplitMix64(seed: seed)
        gap = 1e9 / (load * Self.capacity)
        self.spread = spread
    }

    private mutating func uniform() -> Double { (Double(random.next() >> 11) + 1) / 0x1p53 }

    /// The share of the calls in 20 seconds that are answered in time.
    mutating func goodput() -> Double {
        let end = MonotonicTime(nanoseconds: 20_000_000_000)
        var next = now
        while now < end {
            let times = [next, running?.end, wakeUp.map { max($0, now) }].compactMap(\.self)
            now = times.min()!
            if let (time, batch) = running, time == now {
                running = nil
                for item in batch.items where now - arrivals[item]! <= Self.target { inTime += 1 }
                take(queue.finished(batch.id, alone: false, now: now))
            } else if next == now {
                arrivals[came] = now
                take(queue.add(.init(id: came, key: 0), alone: false, now: now))
                came += 1
                next = now + .nanoseconds(Int64(-gap * log(uniform())) + 1)
            } else {
                take(queue.tick(now: now))
            }
        }
        return Double(inTime) / Double(came)
    }

    private mutating func take(_ actions: BatchQueue<Int>.Actions) {
        wakeUp = actions.wakeUp
        for batch in actions.batches {
            let time = (5e6 + 0.5e6 * Double(batch.items.count)) * (1 + spread * (2 * uniform() - 1))
            running = (now + .nanoseconds(Int64(time)), batch)
        }
    }
}

@Suite struct BatchPacingTests {
    @Test(arguments: [0.3, 0.6, 0.9], [0, 0.2])
    func `nearly all answers are in time up to nine tenths of the capacity`(load: Double, spread: Double) {
        for seed in 1...3 as ClosedRange<UInt64> {
            var replica = PacedReplica(load: load, spread: spread, seed: seed)
            #expect(replica.goodput() >= 0.95)
        }
    }

    @Test(arguments: [1.0, 1.1, 1.2], [0, 0.2])
    func `in overload most of what is possible is still in time`(load: Double, spread: Double) {
        var replica = PacedReplica(load: load, spread: spread, seed: 1)
        #expect(replica.goodput() >= 0.91 / load)
    }
}
