package import SwerveCore

extension TimeSeries {
    /// The names of metrics that the series are made from.
    package static let metrics: Set<String> = {
        let replicas = [
            "ray_serve_deployment_error_counter", "ray_serve_deployment_processing_latency_ms",
            "ray_serve_actual_batch_size",
        ]
        let others = [
            "ray_serve_deployment_queued_queries", "ray_serve_replica_processing_queries",
            "ray_serve_http_request_latency_ms", "swerve_handle_latency_ms", "swerve_handle_error_counter",
        ]
        return Set(replicas + replicas.map(MetricTotals.name) + others)
    }()

    /// What was counted of the deployments, the routes and the edges so far.
    ///
    /// - Parameter status: which deployments there are, with their replicas.
    package static func readings(_ snapshot: MetricSnapshot, _ status: ServeStatus) -> [Subject: SeriesReading] {
        var readings: [Subject: SeriesReading] = [:]
        for application in status.applications.values {
            for deployment in application.deployments.values {
                var reading = SeriesReading()
                reading.replicas = Float(deployment.replicas.count { $0.state == .running })
                reading.target = Float(deployment.target.replicas)
                (reading.queued, reading.ongoing) = (0, 0)
                readings[Subject(.deployment, "\(deployment.id)")] = reading
            }
        }
        func each(_ name: String, _ change: (inout SeriesReading, MetricValue) -> Void) {
            for (labels, value) in snapshot.families[name]?.series ?? [:] {
                guard let subject = subject(labels), readings[subject] != nil else { continue }
                change(&readings[subject]!, value)
            }
        }
        for name in ["ray_serve_deployment_processing_latency_ms", "swerve_ended_deployment_processing_latency_ms"] {
            each(name) { reading, value in
                guard case .histogram(let distribution) = value else { return }
                reading.requests += Double(distribution.count)
                reading.add(distribution)
            }
        }
        for name in ["ray_serve_deployment_error_counter", "swerve_ended_deployment_error_counter"] {
            each(name) { $0.errors += $1.number }
        }
        for name in ["ray_serve_actual_batch_size", "swerve_ended_actual_batch_size"] {
            each(name) { reading, value in
                guard case .histogram(let distribution) = value else { return }
                reading.batches += Double(distribution.count)
                reading.batchItems += distribution.sum
            }
        }
        each("ray_serve_deployment_queued_queries") { $0.queued = ($0.queued ?? 0) + Float($1.number) }
        each("ray_serve_replica_processing_queries") { $0.ongoing = ($0.ongoing ?? 0) + Float($1.number) }
        addRoutes(snapshot, to: &readings)
        addEdges(snapshot, to: &readings)
        return readings
    }

    private static func addRoutes(_ snapshot: MetricSnapshot, to readings: inout [Subject: SeriesReading]) {
        for (labels, value) in snapshot.families["ray_serve_http_request_latency_ms"]?.series ?? [:] {
            guard case .histogram(let distribution) = value, let route = Self.value("route", labels), !route.isEmpty,
                let status = Self.value("status_code", labels)
            else { continue }
            var reading = readings[Subject(.route, route)] ?? SeriesReading()
            reading.requests += Double(distribution.count)
            if Int(status) ?? 0 >= 400 { reading.errors += Double(distribution.count) }
            reading.add(distribution)
            readings[Subject(.route, route)] = reading
        }
    }

    /// Calls by handle. Those from and to deployments that are gone are left out.
    private static func addEdges(_ snapshot: MetricSnapshot, to readings: inout [Subject: SeriesReading]) {
        func each(_ name: String, _ change: (inout SeriesReading, MetricValue) -> Void) {
            for (labels, value) in snapshot.families[name]?.series ?? [:] {
                guard let callee = subject(labels), readings[callee] != nil, let caller = Self.value("caller", labels),
                    caller == "main" || readings[Subject(.deployment, caller)] != nil
                else { continue }
                change(&readings[Subject(edgeFrom: caller, to: callee.name), default: SeriesReading()], value)
            }
        }
        each("swerve_handle_latency_ms") { reading, value in
            guard case .histogram(let distribution) = value else { return }
            reading.requests += Double(distribution.count)
            reading.add(distribution)
        }
        each("swerve_handle_error_counter") { $0.errors += $1.number }
    }

    private static func subject(_ labels: [MetricLabel]) -> Subject? {
        guard let application = value("application", labels), let deployment = value("deployment", labels) else {
            return nil
        }
        return Subject(.deployment, "\(application)/\(deployment)")
    }

    private static func value(_ name: String, _ labels: [MetricLabel]) -> String? {
        labels.first { $0.name == name }?.value
    }
}
