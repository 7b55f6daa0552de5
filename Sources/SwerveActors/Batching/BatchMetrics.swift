internal import SwerveMetrics

/// What a batched method counts.
struct BatchMetrics: Sendable {
    private let size: MetricHistogram
    private let wait: MetricHistogram
    private let execution: MetricHistogram
    private let queued: MetricWord

    init(_ method: String, _ registry: MetricRegistry, _ labels: [MetricLabel]) {
        let labels = labels + [MetricLabel("function_name", method)]
        size = registry.histogram("ray_serve_actual_batch_size", labels, .batchSize)
        wait = registry.histogram("ray_serve_batch_wait_time_ms", labels, .latency)
        execution = registry.histogram("ray_serve_batch_execution_time_ms", labels, .latency)
        registry.derived(.counter, "ray_serve_batches_processed", labels, [execution.term(in: registry)])
        queued = registry.gauge("ray_serve_batch_queue_length", labels)
    }

    /// A batch begins to run.
    ///
    /// - Parameters:
    ///   - items: how many it has.
    ///   - waited: how long its first item waited, in nanoseconds.
    func began(items: Int, waited: Int64) {
        size.observe(UInt64(items))
        wait.observe(UInt64(max(0, waited)))
    }

    /// A batch has ended after so many nanoseconds.
    func ended(after nanoseconds: Int64) { execution.observe(UInt64(max(0, nanoseconds))) }

    /// So many items wait.
    func waiting(_ count: Int) { queued.store(UInt64(count)) }
}
