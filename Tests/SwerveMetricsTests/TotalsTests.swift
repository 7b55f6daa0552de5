import SwerveMetrics
import Testing

@Suite struct TotalsTests {
    private static let replica = [
        MetricLabel("application", "a"), MetricLabel("deployment", "B"), MetricLabel("replica", "a/B#1"),
    ]
    private static let deployment = Array(replica.dropLast())

    private static func snapshot(_ requests: Double, replica number: Int = 1) -> MetricSnapshot {
        var snapshot = MetricSnapshot()
        let labels = deployment + [MetricLabel("replica", "a/B#\(number)")]
        snapshot.add(.number(requests), .counter, "ray_serve_deployment_request_counter", labels)
        snapshot.add(.number(9), .gauge, "ray_serve_replica_processing_queries", labels)
        snapshot.add(.number(requests), .counter, "ray_serve_handle_request_counter", [MetricLabel("handle", "main")])
        return snapshot
    }

    private static func read(_ totals: inout MetricTotals, _ seconds: Int) -> MetricSnapshot {
        var snapshot = MetricSnapshot()
        totals.read(into: &snapshot, now: .seconds(seconds))
        return snapshot
    }

    @Test func `the series of an ended replica stay until the next scrapes have seen them, without its gauges`() {
        var totals = MetricTotals()
        totals.add(Self.snapshot(5), now: .zero)
        let snapshot = Self.read(&totals, 119)
        #expect(snapshot["ray_serve_deployment_request_counter", Self.replica] == .number(5))
        #expect(snapshot.families["swerve_ended_deployment_request_counter"] == nil)
        #expect(snapshot.families["ray_serve_replica_processing_queries"] == nil)
    }

    @Test func `later, its counts are in one series of the deployment`() {
        var totals = MetricTotals()
        totals.add(Self.snapshot(5), now: .zero)
        totals.add(Self.snapshot(2, replica: 2), now: .zero)
        let snapshot = Self.read(&totals, 120)
        #expect(snapshot.families["ray_serve_deployment_request_counter"] == nil)
        #expect(snapshot["swerve_ended_deployment_request_counter", Self.deployment] == .number(7))
    }

    @Test func `series that do not name a replica go on as they were`() {
        var totals = MetricTotals()
        totals.add(Self.snapshot(5), now: .zero)
        totals.add(Self.snapshot(2, replica: 2), now: .seconds(500))
        #expect(
            Self.read(&totals, 500)["ray_serve_handle_request_counter", [MetricLabel("handle", "main")]] == .number(7)
        )
    }

    @Test func `at most so many ended replicas keep their series, and no count is lost`() {
        var totals = MetricTotals()
        for number in 0..<200 { totals.add(Self.snapshot(1, replica: number), now: .zero) }
        let snapshot = Self.read(&totals, 1)
        let series = snapshot.families["ray_serve_deployment_request_counter"]?.series.count
        #expect(series == MetricTotals.maximumLingering)
        let ended = snapshot.sum(of: "swerve_ended_deployment_request_counter")
        #expect(ended + snapshot.sum(of: "ray_serve_deployment_request_counter") == 200)
    }

    @Test func `the number of series for what has ended is limited`() {
        var totals = MetricTotals()
        for index in 0..<2 * MetricTotals.maximumSeries {
            var snapshot = MetricSnapshot()
            snapshot.add(.number(1), .counter, "c", [MetricLabel("x", "\(index)")])
            totals.add(snapshot, now: .zero)
        }
        #expect(Self.read(&totals, 0).seriesCount == MetricTotals.maximumSeries)
        #expect(totals.lost == MetricTotals.maximumSeries)
    }
}
