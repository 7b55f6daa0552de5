internal import SwerveCore
internal import SwerveMetrics

/// What a multiplexed loader counts.
struct ModelMetrics: Sendable {
    private let calls: MetricWord
    private let load: MetricHistogram
    private let unloads: MetricWord

    init(_ registry: MetricRegistry, _ labels: [MetricLabel]) {
        calls = registry.counter("ray_serve_multiplexed_get_model_requests_counter", labels)
        load = registry.histogram("ray_serve_multiplexed_model_load_latency_ms", labels, .latency)
        registry.derived(
            .counter,
            "ray_serve_multiplexed_models_load_counter",
            labels,
            [load.term(in: registry)]
        )
        unloads = registry.counter("ray_serve_multiplexed_models_unload_counter", labels)
    }

    func called() { calls.add() }
    func loaded(in time: Duration) { load.observe(UInt64(max(0, time.nanoseconds))) }
    func unloaded(_ count: Int) { unloads.add(UInt64(count)) }
}
