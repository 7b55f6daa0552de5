internal import Synchronization

/// What a driver's replica has measured about its graph's nodes since it started.
public struct GraphStatistics: Codable, Hashable, Sendable {
    /// One node that calls a deployment.
    public struct Node: Codable, Hashable, Sendable {
        /// The route of the node's graph; `nil` for a driver without routes.
        public var route: String?
        public var name: String
        /// How often the node was computed, including failures.
        public var count: Int = 0
        public var failures: Int = 0
        /// The sum of the calls' latencies in nanoseconds, each from the call to the answer, including time in the
        /// queue.
        public var totalNanoseconds: Int = 0
        /// The number of kept results: large results that the driver only passes on, so they stay with the replicas
        /// that made them until others fetch them.
        public var keptResults: Int = 0
        /// The total size of the kept results in bytes.
        public var keptBytes: Int = 0
        /// Entry i counts the calls that took up to 2^i microseconds but more than half of that. The last entry counts
        /// all longer calls.
        public var histogram: [Int] = [Int](repeating: 0, count: Node.bucketCount)

        public init(route: String?, name: String) {
            self.route = route
            self.name = name
        }

        /// The number of buckets. The last but one ends at 2^26 microseconds, which are 67 seconds.
        public static let bucketCount = 28

        static func bucket(of nanoseconds: Int) -> Int {
            let microseconds = UInt(max(nanoseconds, 1) - 1) / 1000
            return min(UInt.bitWidth - microseconds.leadingZeroBitCount, bucketCount - 1)
        }

        /// An upper bound, in microseconds, on the latency of the given share of the calls; 0 when there were none.
        public func percentile(_ share: Double) -> Int {
            guard count > 0 else { return 0 }
            let rank = Int((Double(count) * min(max(share.isNaN ? 0 : share, 0), 1)).rounded(.up))
            var seen = 0
            for (bucket, number) in histogram.enumerated() {
                seen += number
                if seen >= max(rank, 1) { return 1 << bucket }
            }
            return 1 << (Self.bucketCount - 1)
        }
    }

    public var nodes: [Node]
}

/// Collects what the requests of a driver's replica measure, in atomic counters that no request waits for.
final class GraphMeter: Sendable {
    /// The counters in a row: count, failures, nanoseconds, kept results, kept bytes, and the histogram.
    private static var rowCount: Int { 5 + GraphStatistics.Node.bucketCount }

    private let names: [String]
    private let route: String?
    // Unsafe: allocated in `init`, deallocated in `deinit`, and accessed only by atomic operations in between.
    nonisolated(unsafe) private let counters: UnsafeMutablePointer<Atomic<Int>>

    init(_ names: [String], route: String?) {
        self.names = names
        self.route = route
        counters = .allocate(capacity: max(names.count * Self.rowCount, 1))
        for index in 0..<max(names.count * Self.rowCount, 1) { (counters + index).initialize(to: Atomic(0)) }
    }

    deinit {
        counters.deinitialize(count: max(names.count * Self.rowCount, 1))
        counters.deallocate()
    }

    func note(_ node: Int, _ nanoseconds: Int, isFailure: Bool, keptBytes: Int?) {
        let row = counters + node * Self.rowCount
        row[0].add(1, ordering: .relaxed)
        if isFailure { row[1].add(1, ordering: .relaxed) }
        row[2].wrappingAdd(nanoseconds, ordering: .relaxed)
        if let keptBytes {
            row[3].add(1, ordering: .relaxed)
            row[4].wrappingAdd(keptBytes, ordering: .relaxed)
        }
        row[5 + GraphStatistics.Node.bucket(of: nanoseconds)].add(1, ordering: .relaxed)
    }

    var statistics: [GraphStatistics.Node] {
        names.enumerated().map { node, name in
            let row = counters + node * Self.rowCount
            func value(_ index: Int) -> Int { row[index].load(ordering: .relaxed) }
            var measured = GraphStatistics.Node(route: route, name: name)
            measured.count = value(0)
            measured.failures = value(1)
            measured.totalNanoseconds = value(2)
            measured.keptResults = value(3)
            measured.keptBytes = value(4)
            measured.histogram = (0..<GraphStatistics.Node.bucketCount).map { value(5 + $0) }
            return measured
        }
    }
}
