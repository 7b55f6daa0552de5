internal import Synchronization

/// The bounds of a histogram's buckets as values are compared with them.
package final class MetricBounds: @unchecked Sendable {
    // Unchecked: the memory is written once, before anybody else has the object.
    fileprivate let raw: UnsafeMutablePointer<UInt64>
    package let count: Int
    /// In the metric's unit.
    package let values: [Double]
    /// What one unit in memory is in the metric's unit.
    package let scale: Double

    /// - Parameters:
    ///   - values: ascending.
    ///   - scale: what one unit of the values that are observed is in the metric's unit.
    package init(_ values: [Double], scale: Double = 1) {
        self.values = values
        self.scale = scale
        count = values.count
        raw = .allocate(capacity: max(1, values.count))
        for (index, value) in values.enumerated() {
            (raw + index).initialize(to: UInt64(max(0, (value / scale).rounded())))
        }
    }

    deinit { raw.deallocate() }

    /// Latencies in milliseconds, observed in nanoseconds: those of Ray Serve, and below one millisecond where its
    /// requests never are.
    package static let latency = MetricBounds(
        [
            0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 300, 400, 500, 1000, 2000, 5000, 10_000, 60_000, 120_000,
            300_000,
            600_000,
        ],
        scale: 1e-6
    )

    /// The starts of replicas in milliseconds, observed in nanoseconds.
    package static let startUp = MetricBounds(
        [5, 20, 50, 100, 250, 500, 1000, 2000, 5000, 10_000, 20_000, 30_000, 60_000, 120_000, 240_000],
        scale: 1e-6
    )

    /// Sizes of batches.
    package static let batchSize = MetricBounds([1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024])
}

/// A histogram of one process: how many values were in which bucket, and their sum.
///
/// It keeps its memory and its bounds. Hold it where it is used for long: copying it costs reference counts, observing a
/// value costs none.
package struct MetricHistogram: @unchecked Sendable {
    // Unchecked: the bounds do not change.
    let buckets: MetricCell
    private let raw: UnsafePointer<UInt64>
    /// How many bounds there are.
    let count: Int
    private let bounds: MetricBounds
    /// `nil` where no examples are kept.
    private let exemplars: MetricExemplars?
    private let owner: MetricOwner

    init(_ buckets: MetricCell, _ bounds: MetricBounds, _ exemplars: MetricExemplars?, _ owner: MetricOwner) {
        self.buckets = buckets
        self.raw = UnsafePointer(bounds.raw)
        self.count = bounds.count
        self.bounds = bounds
        self.exemplars = exemplars
        self.owner = owner
    }

    /// The bucket of a value: the first whose bound is not below it.
    @inline(__always)
    private func bucket(of value: UInt64) -> Int {
        var index = 0
        while index < count, raw[index] < value { index += 1 }
        return index
    }

    private var sum: MetricCell { buckets[count + 1] }

    /// Counts a value, from any thread.
    @inline(__always)
    package func observe(_ value: UInt64) {
        buckets[bucket(of: value)].add()
        sum.add(value)
    }

    /// Counts a value where only one thread at a time does.
    @inline(__always)
    package func observeAlone(_ value: UInt64, now: UInt64, id: String) {
        let bucket = bucket(of: value)
        buckets[bucket].addAlone()
        sum.addAlone(value)
        if let exemplars, exemplars.isDue(bucket, of: count + 1, now: now) {
            exemplars.keep(value, bucket: bucket, of: count + 1, now: now, id: id)
        }
    }
}

/// Examples of what a histogram has counted: the ids of some requests, at most one in a second for each quarter of the
/// buckets, so that slow ones are found among many fast ones.
struct MetricExemplars: Sendable {
    static let places = 4
    /// The most bytes of an id; the rest is cut off. The formats allow 128 characters with the label's name.
    static let idBytes = 64
    static let placeWords = 4 + idBytes / 8
    static let words = places * placeWords
    private static let period: UInt64 = 1_000_000_000

    let first: MetricCell

    private func place(_ bucket: Int, _ buckets: Int) -> MetricCell {
        first[bucket * Self.places / buckets * Self.placeWords]
    }

    @inline(__always)
    fileprivate func isDue(_ bucket: Int, of buckets: Int, now: UInt64) -> Bool {
        now &- place(bucket, buckets)[1].value >= Self.period
    }

    @inline(never)
    fileprivate func keep(_ value: UInt64, bucket: Int, of buckets: Int, now: UInt64, id: String) {
        let place = place(bucket, buckets)
        // Odd while it is written: a reader that sees that, or a change, takes no example.
        let number = place[0].value
        place[0].store(number &+ 1)
        atomicMemoryFence(ordering: .releasing)
        place[1].store(now)
        place[2].store(value)
        var bytes = Array(id.utf8.prefix(Self.idBytes))
        place[3].store(UInt64(bucket) | UInt64(bytes.count) << 32)
        bytes += [UInt8](repeating: 0, count: Self.idBytes - bytes.count)
        for index in 0..<Self.idBytes / 8 {
            let word = bytes[8 * index..<8 * index + 8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            place[4 + index].store(word)
        }
        place[0].pointer.pointee.store(number &+ 2, ordering: .releasing)
    }

    /// The examples, by bucket.
    func read(scale: Double) -> [MetricExemplar] {
        (0..<Self.places).compactMap { index in
            let place = first[index * Self.placeWords]
            let number = place[0].pointer.pointee.load(ordering: .acquiring)
            guard number > 0, number & 1 == 0 else { return nil }
            let value = place[2].value
            let (bucket, length) = (Int(place[3].value & 0xFFFF_FFFF), Int(place[3].value >> 32))
            let bytes = (0..<Self.idBytes / 8).flatMap { word in
                (0..<8).map { UInt8(truncatingIfNeeded: place[4 + word].value >> (8 * UInt64($0))) }
            }
            atomicMemoryFence(ordering: .acquiring)
            guard place[0].value == number, length <= Self.idBytes else { return nil }
            let id = String(decoding: bytes[..<length], as: UTF8.self)
            return MetricExemplar(bucket: bucket, value: Double(value) * scale, id: MetricNames.value(id))
        }
    }
}

/// An example of the values in a bucket.
package struct MetricExemplar: Hashable, Sendable {
    package var bucket: Int
    package var value: Double
    /// The request's.
    package var id: String

    package init(bucket: Int, value: Double, id: String) {
        self.bucket = bucket
        self.value = value
        self.id = id
    }
}

extension MetricHistogram {
    /// Counts a value in the metric's unit. For a histogram whose sum is the bits of a `Double`.
    package func observe(floating value: Double) {
        let bucket = bounds.values.firstIndex { value <= $0 } ?? count
        buckets[bucket].add()
        sum.add(floating: value)
    }
}
