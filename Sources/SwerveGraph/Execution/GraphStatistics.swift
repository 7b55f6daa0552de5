internal import Synchronization

/// What a driver's replica has measured of its graph's nodes since it started.
public struct GraphStatistics: Codable, Hashable, Sendable {
    /// One node that calls a deployment.
    public struct Node: Codable, Hashable, Sendable {
        /// The route of the node's graph; `nil` for a driver without routes.
        public var route: String?
        public var name: String
        /// How often it was computed, failures included.
        public var count: Int = 0
        public var failures: Int = 0
        /// The sum of its latencies, from the call to the answer, waiting in the queue included, in nanoseconds.
        public var totalNanoseconds: Int = 0
        /// How many of its results stayed with the replicas that made them until others fetched them from there, because
        /// they are large and the driver only passes them on; and their bytes.
        public var keptResults: Int = 0
        public var keptBytes: Int = 0
        /// How many calls took up to 2^i microseconds and more than half of that; the last entry holds all longer ones.
        public var histogram: [Int] = [Int](repeating: 0, count: Node.bucketCount)

        public init(route: String?, name: String) {
            self.route = route
            self.name = name
        }

        /// 2^26 microseconds are 67 seconds.
        public static let bucketCount = 28

        static func bucket(of nanoseconds: Int) -> Int {
            let microseconds = UInt(max(nanoseconds, 1) - 1) / 1000
            return min(UInt.bitWidth - microseconds.leadingZeroBitCount, bucketCount - 1)
        }

        /// An upper bound of the latency that the given share of calls kept, in microseconds; 0 without calls.
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

/// Where the requests of a driver's replica note what they measure: counters that no request waits for.
final class GraphMeter: Sendable {
    /// Rows of count, failures, nanoseconds, kept results, kept bytes, and the histogram.
    private static var rowCount: Int { 5 + GraphStatistics.Node.bucketCount }

    private let names: [String]
    private let route: String?
    // Unsafe: allocated in `init`, deallocated in `deinit`, and in between touched by atomic operations only.
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
