/// What is known of a deployment or a route in one step of a time series.
package struct SeriesPoint: Hashable, Sendable {
    /// In a second.
    package var requests: Float?
    package var errors: Float?
    /// Quantiles of the latency in milliseconds; `nil` if no request ended.
    package var p50: Float?
    package var p95: Float?
    package var p99: Float?
    /// Of a deployment only.
    package var queued: Float?
    package var ongoing: Float?
    package var replicas: Float?
    package var target: Float?
    /// The mean number of items in a batch; `nil` if no batch ended.
    package var batchSize: Float?

    package init() {}

    /// The names and values in the order in which they are shown.
    static let columns: [(name: String, value: @Sendable (SeriesPoint) -> Float?)] = [
        ("requests_per_s", { $0.requests }), ("errors_per_s", { $0.errors }), ("p50_ms", { $0.p50 }),
        ("p95_ms", { $0.p95 }), ("p99_ms", { $0.p99 }), ("queued", { $0.queued }), ("ongoing", { $0.ongoing }),
        ("replicas", { $0.replicas }), ("target", { $0.target }), ("batch_size", { $0.batchSize }),
    ]
}

/// What was counted of a deployment or a route so far, and its present state.
package struct SeriesReading: Hashable, Sendable {
    package var requests = 0.0
    package var errors = 0.0
    package var latency = MetricDistribution(bounds: [], counts: [], sum: 0)
    package var batches = 0.0
    package var batchItems = 0.0
    package var queued: Float?
    package var ongoing: Float?
    package var replicas: Float?
    package var target: Float?

    package init() {}

    mutating func add(_ distribution: MetricDistribution) {
        if latency.bounds.isEmpty { latency = distribution } else { latency.add(distribution) }
    }
}

/// What was counted between two readings, or in several steps.
struct SeriesDifference {
    var requests = 0.0
    var errors = 0.0
    var bounds: [Double] = []
    var counts: [UInt64] = []
    var batches = 0.0
    var batchItems = 0.0

    init() {}

    /// What was counted since an earlier reading. Counts do not fall; where one did, it began anew.
    init(from old: SeriesReading, to new: SeriesReading) {
        func grown(_ old: Double, _ new: Double) -> Double { new >= old ? new - old : new }
        requests = grown(old.requests, new.requests)
        errors = grown(old.errors, new.errors)
        batches = grown(old.batches, new.batches)
        batchItems = grown(old.batchItems, new.batchItems)
        bounds = new.latency.bounds
        counts = new.latency.counts.enumerated().map { index, count in
            guard old.latency.bounds == bounds, old.latency.counts[index] <= count else { return count }
            return count - old.latency.counts[index]
        }
    }

    mutating func add(_ other: SeriesDifference) {
        requests += other.requests
        errors += other.errors
        batches += other.batches
        batchItems += other.batchItems
        if bounds == other.bounds {
            for index in counts.indices { counts[index] += other.counts[index] }
        } else {
            (bounds, counts) = (other.bounds, other.counts)
        }
    }

    /// The value below which this share of the values is, if the values of a bucket are spread evenly; `nil` if there
    /// are none.
    func quantile(_ share: Double) -> Float? {
        let total = counts.reduce(0, +)
        guard total > 0, let last = bounds.last else { return nil }
        let rank = share * Double(total)
        var below = 0.0
        for (index, count) in counts.enumerated() {
            let here = Double(count)
            if below + here >= rank, here > 0 {
                guard index < bounds.count else { return Float(last) }
                let lower = index == 0 ? 0 : bounds[index - 1]
                return Float(lower + (bounds[index] - lower) * (rank - below) / here)
            }
            below += here
        }
        return Float(last)
    }

    /// - Parameter seconds: how long it took.
    func point(_ seconds: Double, _ reading: SeriesReading) -> SeriesPoint {
        var point = SeriesPoint()
        point.requests = Float(requests / seconds)
        point.errors = Float(errors / seconds)
        point.p50 = quantile(0.5)
        point.p95 = quantile(0.95)
        point.p99 = quantile(0.99)
        point.batchSize = batches > 0 ? Float(batchItems / batches) : nil
        point.queued = reading.queued
        point.ongoing = reading.ongoing
        point.replicas = reading.replicas
        point.target = reading.target
        return point
    }
}
