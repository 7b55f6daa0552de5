import SwerveCore
import SwerveMetrics
import TestSupport
import Testing

@testable import SwerveActors

/// What a process counts of its calls, and how long the memory lives in which it does.
@Suite struct PoolMetricsTests {
    private static let id = DeploymentID(application: "a", deployment: "D")
    private static let labels = id.labels + [MetricLabel("handle", "main")]
    private let loop = ManualLoop()

    private func table(_ metrics: ProcessMetrics) -> PoolTable {
        PoolTable(InstanceID(rawValue: 1), clock: loop, seed: 1, metrics: metrics)
    }

    private func serve(_ pool: Pool) {
        pool.update([Pool.Member(Silent(1), maxOngoingRequests: 1)], options: PoolOptions())
    }

    /// Ends a lease.
    private func drop(_ lease: consuming Lease?) {}

    private func read(_ metrics: ProcessMetrics) -> MetricSnapshot {
        var snapshot = MetricSnapshot()
        metrics.read(into: &snapshot)
        return snapshot
    }

    @Test func `requests are counted when they are sent, wait, and end`() {
        let metrics = ProcessMetrics()
        let pool = table(metrics).pool(Self.id)
        serve(pool)
        let lease = pool.tryAcquire()
        let waiter = Waiter()
        _ = pool.acquire(waiter)
        var snapshot = read(metrics)
        #expect(snapshot["ray_serve_num_router_requests", Self.labels] == .number(1))
        #expect(snapshot["ray_serve_num_ongoing_requests_at_replicas", Self.labels] == .number(1))
        #expect(snapshot["ray_serve_deployment_queued_queries", Self.labels] == .number(1))
        drop(lease)
        snapshot = read(metrics)
        #expect(waiter.granted == 1)
        #expect(snapshot["ray_serve_num_router_requests", Self.labels] == .number(2))
        #expect(snapshot["ray_serve_deployment_queued_queries", Self.labels] == .number(0))
    }

    @Test func `a request that a replica refuses was sent, but is none of the deployment's`() {
        let metrics = ProcessMetrics()
        let pool = table(metrics).pool(Self.id)
        serve(pool)
        if let lease = pool.tryAcquire() { lease.refuse() }
        let snapshot = read(metrics)
        #expect(snapshot["ray_serve_num_router_requests", Self.labels] == .number(1))
        #expect(snapshot["ray_serve_handle_request_counter", Self.labels] == .number(0))
        #expect(snapshot["ray_serve_num_ongoing_requests_at_replicas", Self.labels] == .number(0))
    }

    @Test func `a pool whose table and metrics are gone counts in memory that lives as long as the pool`() throws {
        weak var gone: MetricBytes?
        var kept: Pool?
        do {
            let bytes = MetricBytes()
            gone = bytes
            let metrics = ProcessMetrics(MetricRegistry(bytes.memory), caller: "main")
            kept = table(metrics).pool(Self.id)
        }
        let pool = try #require(kept)
        let bytes = try #require(gone, "the pool holds the memory that it counts in")
        serve(pool)
        drop(pool.tryAcquire())
        var snapshot = MetricSnapshot()
        var reader = MetricReader(bytes.memory)
        reader.read(into: &snapshot)
        #expect(snapshot["ray_serve_num_router_requests", Self.labels] == .number(1))
    }

    @Test func `the memory goes with the last that counts in it`() {
        weak var gone: MetricBytes?
        do {
            let bytes = MetricBytes()
            gone = bytes
            let metrics = ProcessMetrics(MetricRegistry(bytes.memory), caller: "main")
            drop(table(metrics).pool(Self.id).tryAcquire())
        }
        #expect(gone == nil)
    }
}
