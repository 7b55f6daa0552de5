internal import SwerveCore
internal import SwerveMetrics

/// What a process counts of its calls to one deployment. The words are written under the pool's lock.
struct PoolMetrics: Sendable {
    private enum Word {
        /// Leases that were given out, that ended, and those of them whose replica had refused the request.
        static let leased = 0
        static let ended = 1
        static let refused = 2
        /// Requests that wait.
        static let queued = 3
        static let count = 4
    }
    private let words: MetricWords
    /// Its calls by handle, by who makes them.
    let calls: CallTable

    init(_ deployment: DeploymentID, _ process: ProcessMetrics) {
        let registry = process.registry
        let words = registry.words(Word.count)
        let labels = deployment.labels + [MetricLabel("handle", process.caller.name)]
        let leased = words.term(Word.leased)
        let refused = words.term(Word.refused, isNegative: true)
        registry.derived(.counter, "ray_serve_num_router_requests", labels, [leased])
        registry.derived(.counter, "ray_serve_handle_request_counter", labels, [leased, refused])
        registry.derived(
            .gauge,
            "ray_serve_num_ongoing_requests_at_replicas",
            labels,
            [leased, words.term(Word.ended, isNegative: true)]
        )
        registry.derived(.gauge, "ray_serve_deployment_queued_queries", labels, [words.term(Word.queued)])
        self.words = words
        self.calls = CallTable(deployment, process)
    }

    @inline(__always)
    func leased() { words.addAlone(at: Word.leased) }
    @inline(__always)
    func ended() { words.addAlone(at: Word.ended) }
    func refused() {
        words.addAlone(at: Word.refused)
        words.addAlone(at: Word.ended)
    }
    func queued(_ count: Int) { words.store(UInt64(count), at: Word.queued) }
}
