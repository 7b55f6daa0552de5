import SwerveCore
import SwerveMetrics
import Testing

@Suite struct ProcessMetricsTests {
    private static let deployment = DeploymentID(application: "a", deployment: "B")
    private static let first = ReplicaID(deployment: deployment, number: 1)
    private static let second = ReplicaID(deployment: deployment, number: 2)

    private func read(_ metrics: ProcessMetrics) -> MetricSnapshot {
        var snapshot = MetricSnapshot()
        metrics.read(into: &snapshot)
        return snapshot
    }

    @Test func `each replica of a process with several has series that end with it, and its counts are handed over`() {
        let metrics = ProcessMetrics()
        for (replica, count) in [(Self.first, UInt64(3)), (Self.second, 4)] {
            metrics.registry(of: replica).counter("requests", replica.labels).add(count)
        }
        metrics.registry.counter("own").add()
        #expect(read(metrics).sum(of: "requests") == 7)
        metrics.ended(Self.first)
        #expect(read(metrics).sum(of: "requests") == 4)
        #expect(read(metrics).sum(of: "own") == 1)
        #expect(metrics.takeEnded().map { $0["requests", Self.first.labels] } == [.number(3)])
        #expect(metrics.takeEnded().isEmpty)
    }

    @Test func `a replica's own process counts in its one memory`() {
        let registry = MetricRegistry(.own())
        let metrics = ProcessMetrics(registry, caller: "a/B", replica: Self.first)
        #expect(metrics.registry(of: Self.first) === registry)
        metrics.ended(Self.first)
        #expect(metrics.takeEnded().isEmpty)
    }

    @Test func `who calls is a replica's deployment, one object for all its replicas`() {
        let metrics = ProcessMetrics()
        #expect(metrics.caller.name == "main")
        #expect(metrics.caller(of: Self.first).name == "a/B")
        #expect(metrics.caller(of: Self.first) === metrics.caller(of: Self.second))
        let own = ProcessMetrics(MetricRegistry(.own()), caller: "a/B", replica: Self.first)
        #expect(own.caller(of: Self.first) === own.caller)
    }

    @Test func `what found no room is counted`() {
        let metrics = ProcessMetrics(MetricRegistry(.own(), limit: 1), caller: "main")
        for index in 0..<3 { metrics.registry.counter("c", [MetricLabel("i", "\(index)")]).add() }
        #expect(read(metrics)["swerve_metrics_refused", []] == .number(2))
    }

    @Test func `the status gives gauges with Ray Serve's numbers`() {
        var deployment = DeploymentStatus(
            id: Self.deployment,
            state: .upscaling,
            message: "",
            target: Target(replicas: 3),
            options: DeploymentOptions(),
            autoscaling: AutoscalingStatus(
                policy: "p",
                minReplicas: 1,
                maxReplicas: 9,
                load: Load(queued: 2, ongoing: 5),
                wanted: 4
            ),
            replicas: [
                ReplicaStatus(
                    id: Self.first,
                    state: .running,
                    processID: nil,
                    models: ReplicaModels(
                        maxModels: 3,
                        models: [ModelStatus(id: "m", state: .loaded), ModelStatus(id: "n", state: .loading)]
                    )
                ), ReplicaStatus(id: Self.second, state: .starting, processID: nil),
            ]
        )
        deployment.options.autoscaling = Autoscaling(targetOngoingRequests: 2.5)
        let application = ApplicationStatus(
            name: "a",
            routePrefix: "/",
            state: .deploying,
            message: "",
            deployments: ["B": deployment]
        )
        var snapshot = MetricSnapshot()
        snapshot.add(ServeStatus(applications: ["a": application]))
        let labels = Self.deployment.labels
        #expect(snapshot["ray_serve_application_status", [MetricLabel("application", "a")]] == .number(5))
        #expect(snapshot["ray_serve_deployment_status", labels] == .number(4))
        #expect(snapshot["ray_serve_autoscaling_target_replicas", labels] == .number(3))
        #expect(snapshot["ray_serve_autoscaling_desired_replicas", labels] == .number(4))
        #expect(snapshot["ray_serve_autoscaling_total_requests", labels] == .number(7))
        #expect(snapshot["ray_serve_autoscaling_target_ongoing_requests", labels] == .number(2.5))
        #expect(snapshot["ray_serve_deployment_replica_healthy", Self.first.labels] == .number(1))
        #expect(snapshot["ray_serve_deployment_replica_healthy", Self.second.labels] == .number(0))
        #expect(snapshot["ray_serve_num_multiplexed_models", Self.first.labels] == .number(1))
        let models = snapshot.families["ray_serve_registered_multiplexed_model_id"]?.series.keys.map { $0 }
        #expect(models == [(Self.first.labels + [MetricLabel("model_id", "m")]).sorted()])
    }

    @Test func `deployments have a series as long as the status has them, with what their ended replicas counted`() {
        func distribution(_ count: UInt64) -> MetricValue {
            .histogram(MetricDistribution(bounds: [1], counts: [count, 0], sum: 0))
        }
        var snapshot = MetricSnapshot()
        let latency = "ray_serve_deployment_processing_latency_ms"
        snapshot.add(distribution(5), .histogram, latency, Self.first.labels)
        snapshot.add(distribution(2), .histogram, latency, Self.second.labels)
        snapshot.add(distribution(9), .histogram, MetricTotals.name(of: latency), Self.deployment.labels)
        let gone = DeploymentID(application: "old", deployment: "X")
        snapshot.add(distribution(9), .histogram, MetricTotals.name(of: latency), gone.labels)
        for (status, count) in [("200", UInt64(7)), ("404", 3)] {
            let labels = [MetricLabel("route", "/r"), MetricLabel("status_code", status)]
            snapshot.add(distribution(count), .histogram, "ray_serve_http_request_latency_ms", labels)
        }
        let deployment = DeploymentStatus(
            id: Self.deployment,
            state: .healthy,
            message: "",
            target: Target(replicas: 2),
            options: DeploymentOptions(),
            replicas: []
        )
        let application = ApplicationStatus(
            name: "a",
            routePrefix: nil,
            state: .running,
            message: "",
            deployments: ["B": deployment]
        )
        let readings = TimeSeries.readings(snapshot, ServeStatus(applications: ["a": application]))
        #expect(readings.count == 2)
        #expect(readings[TimeSeries.Subject(.deployment, "a/B")]?.requests == 16)
        #expect(readings[TimeSeries.Subject(.deployment, "a/B")]?.latency.counts == [16, 0])
        #expect(readings[TimeSeries.Subject(.route, "/r")]?.requests == 10)
        #expect(readings[TimeSeries.Subject(.route, "/r")]?.errors == 3)
    }

    @Test func `edges have the calls and errors of one caller to one deployment, as long as the status has both`() {
        func application(_ name: String, _ deployments: String...) -> ApplicationStatus {
            let statuses = deployments.map { deployment in
                DeploymentStatus(
                    id: DeploymentID(application: name, deployment: deployment),
                    state: .healthy,
                    message: "",
                    target: Target(replicas: 1),
                    options: DeploymentOptions(),
                    replicas: []
                )
            }
            return ApplicationStatus(
                name: name,
                routePrefix: nil,
                state: .running,
                message: "",
                deployments: Dictionary(uniqueKeysWithValues: statuses.map { ($0.id.deployment, $0) })
            )
        }
        var snapshot = MetricSnapshot()
        func calls(_ caller: String, _ deployment: String, _ count: UInt64, errors: Double = 0) {
            let labels =
                (DeploymentID(application: "a", deployment: deployment).labels + [MetricLabel("caller", caller)])
                .sorted()
            let distribution = MetricDistribution(bounds: [1], counts: [count, 0], sum: 0)
            snapshot.add(.histogram(distribution), .histogram, "swerve_handle_latency_ms", labels)
            snapshot.add(.number(errors), .counter, "swerve_handle_error_counter", labels)
        }
        calls("a/A", "B", 5, errors: 2)
        calls("main", "B", 3)
        calls("b/A", "B", 1)
        calls("a/Gone", "B", 9)
        calls("a/A", "Gone", 9, errors: 9)
        calls("overflow", "B", 9)
        let status = ServeStatus(applications: ["a": application("a", "A", "B"), "b": application("b", "A")])
        let edges = TimeSeries.readings(snapshot, status).filter { $0.key.kind == .edge }
        #expect(
            edges.mapValues(\.requests) == [
                TimeSeries.Subject(edgeFrom: "a/A", to: "a/B"): 5, TimeSeries.Subject(edgeFrom: "main", to: "a/B"): 3,
                TimeSeries.Subject(edgeFrom: "b/A", to: "a/B"): 1,
            ]
        )
        let edge = edges[TimeSeries.Subject(edgeFrom: "a/A", to: "a/B")]
        #expect(edge?.errors == 2)
        #expect(edge?.latency.counts == [5, 0])
    }
}
