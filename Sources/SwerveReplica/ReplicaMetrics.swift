package import NIOCore
internal import SwerveActors
package import SwerveCore
package import SwerveMetrics

/// What a replica counts of its requests.
package final class ReplicaMetrics: Sendable {
    private enum Word {
        static let begun = 0
        static let errors = 1
        static let cancelled = 2
        static let count = 3
    }
    let registry: MetricRegistry
    private let labels: [MetricLabel]
    private let clock: any EventLoop
    private let words: MetricWords
    private let latency: MetricHistogram

    /// - Parameters:
    ///   - process: where it counts.
    ///   - clock: tells how long requests take.
    package init(_ replica: ReplicaID, in process: ProcessMetrics, clock: any EventLoop) {
        let registry = process.registry(of: replica)
        let labels = replica.labels
        let words = registry.words(Word.count)
        let latency = registry.histogram("ray_serve_deployment_processing_latency_ms", labels, .latency)
        let ended = latency.term(in: registry)
        registry.derived(
            .counter,
            "ray_serve_deployment_request_counter",
            labels,
            [ended, words.term(Word.errors, isNegative: true), words.term(Word.cancelled, isNegative: true)]
        )
        registry.derived(
            .gauge,
            "ray_serve_replica_processing_queries",
            labels,
            [words.term(Word.begun), latency.term(in: registry, isNegative: true)]
        )
        registry.derived(.counter, "swerve_deployment_cancelled_counter", labels, [words.term(Word.cancelled)])
        self.registry = registry
        self.labels = labels
        self.clock = clock
        self.words = words
        self.latency = latency
    }

    /// Requests begin.
    ///
    /// - Returns: the time.
    @inline(__always)
    func began(_ count: Int) -> UInt64 {
        words.add(UInt64(count), at: Word.begun)
        return clock.now.uptimeNanoseconds
    }

    /// A request that began at a time has ended.
    @inline(__always)
    func ended(_ begun: UInt64) { latency.observe(clock.now.uptimeNanoseconds &- begun) }

    /// A request will end with an error that the user's code threw, or because nobody wants its result.
    @inline(never)
    func failed(_ error: any Error, isCancelled: Bool) {
        if isCancelled { return words.add(at: Word.cancelled) }
        words.add(at: Word.errors)
        // The types are those of the program, so they are few.
        let type = MetricLabel("exception_type", "\(type(of: error))")
        registry.counter("ray_serve_deployment_error_counter", labels + [type]).add()
    }
}
