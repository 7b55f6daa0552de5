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

        mutating func note(_ nanoseconds: Int, isFailure: Bool, keptBytes: Int?) {
            count += 1
            if let keptBytes {
                keptResults += 1
                self.keptBytes += keptBytes
            }
            if isFailure { failures += 1 }
            totalNanoseconds += nanoseconds
            let microseconds = UInt(max(nanoseconds, 1) - 1) / 1000
            histogram[min(UInt.bitWidth - microseconds.leadingZeroBitCount, Self.bucketCount - 1)] += 1
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

/// Where the requests of a driver's replica note what they measure.
final class GraphMeter: Sendable {
    private let nodes: Mutex<[GraphStatistics.Node]>

    init(_ names: [String], route: String?) {
        self.nodes = Mutex(names.map { GraphStatistics.Node(route: route, name: $0) })
    }

    func note(_ node: Int, _ nanoseconds: Int, isFailure: Bool, keptBytes: Int?) {
        nodes.withLock { $0[node].note(nanoseconds, isFailure: isFailure, keptBytes: keptBytes) }
    }

    var statistics: [GraphStatistics.Node] { nodes.withLock { $0 } }
}
