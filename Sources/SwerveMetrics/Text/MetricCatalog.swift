/// The metrics that Swerve itself has.
package enum MetricCatalog {
    package struct Entry: Sendable {
        package let name: String
        package let kind: MetricKind
        package let help: String

        fileprivate init(_ kind: MetricKind, _ name: String, _ help: String) {
            self.name = name
            self.kind = kind
            self.help = help
        }
    }

    /// What a metric is; `nil` for those of user code.
    package static func help(_ name: String) -> String? { byName[name] }

    private static let byName = Dictionary(uniqueKeysWithValues: entries.map { ($0.name, $0.help) })

    package static let entries: [Entry] = http + deployments + callers + batches + models + control + processes

    private static let http = [
        Entry(.counter, "ray_serve_num_http_requests", "HTTP requests that were answered."),
        Entry(.counter, "ray_serve_num_http_error_requests", "HTTP requests whose status was 400 or more."),
        Entry(
            .counter,
            "ray_serve_num_deployment_http_error_requests",
            "HTTP requests whose status was 400 or more, by the deployment that they went to."
        ),
        Entry(
            .histogram,
            "ray_serve_http_request_latency_ms",
            "Milliseconds from a request's head to its answer's end."
        ),
        Entry(.gauge, "ray_serve_num_ongoing_http_requests", "HTTP requests that have no whole answer yet."),
        Entry(.gauge, "ray_serve_proxy_status", "1 starting, 2 healthy, 4 draining."),
    ]

    private static let deployments = [
        Entry(
            .counter,
            "ray_serve_deployment_request_counter",
            "Requests that a replica has worked on without an error."
        ),
        Entry(.counter, "ray_serve_deployment_error_counter", "Requests whose method threw an error."),
        Entry(.counter, "swerve_deployment_cancelled_counter", "Requests that were cancelled in a replica."),
        Entry(
            .histogram,
            "ray_serve_deployment_processing_latency_ms",
            "Milliseconds from a request's arrival in a replica to its answer's end."
        ),
        Entry(.gauge, "ray_serve_replica_processing_queries", "Requests that a replica works on."),
        Entry(.gauge, "ray_serve_deployment_replica_healthy", "1 for a replica that runs, 0 for any other."),
        Entry(.counter, "ray_serve_deployment_replica_starts", "Replicas that were started."),
        Entry(.histogram, "ray_serve_replica_startup_latency_ms", "Milliseconds from a start to a ready replica."),
        Entry(.counter, "ray_serve_health_check_failures", "Health checks of a user's code that failed."),
    ]

    private static let callers = [
        Entry(.counter, "ray_serve_handle_request_counter", "Requests that a caller had answered or lost."),
        Entry(
            .counter,
            "ray_serve_num_router_requests",
            "Requests that a caller sent to a replica, repetitions included."
        ),
        Entry(.gauge, "ray_serve_deployment_queued_queries", "Requests that wait for a replica in a caller's process."),
        Entry(.gauge, "ray_serve_num_ongoing_requests_at_replicas", "Requests of a caller that replicas have."),
        Entry(
            .histogram,
            "swerve_handle_latency_ms",
            "Milliseconds from a call by handle to its answer, with the wait for a replica, by caller."
        ),
        Entry(.counter, "swerve_handle_error_counter", "Calls by handle that failed, by caller."),
    ]

    private static let batches = [
        Entry(.histogram, "ray_serve_actual_batch_size", "Items in a batch."),
        Entry(
            .histogram,
            "ray_serve_batch_wait_time_ms",
            "Milliseconds that a batch's first item waited for it to begin."
        ),
        Entry(.histogram, "ray_serve_batch_execution_time_ms", "Milliseconds that a batch took."),
        Entry(.counter, "ray_serve_batches_processed", "Batches that have ended."),
        Entry(.gauge, "ray_serve_batch_queue_length", "Items that wait for a batch."),
    ]

    private static let models = [
        Entry(.counter, "ray_serve_multiplexed_get_model_requests_counter", "Calls that asked for a model."),
        Entry(.counter, "ray_serve_multiplexed_models_load_counter", "Models that were loaded."),
        Entry(.counter, "ray_serve_multiplexed_models_unload_counter", "Models that were given up."),
        Entry(.histogram, "ray_serve_multiplexed_model_load_latency_ms", "Milliseconds that a load took."),
        Entry(.gauge, "ray_serve_num_multiplexed_models", "Models that a replica has loaded."),
        Entry(.gauge, "ray_serve_registered_multiplexed_model_id", "1 for each model that a replica has loaded."),
    ]

    private static let control = [
        Entry(
            .gauge,
            "ray_serve_deployment_status",
            "0 deleting or unknown, 1 deploy failed, 2 unhealthy, 3 updating, 4 upscaling, 6 healthy."
        ),
        Entry(
            .gauge,
            "ray_serve_application_status",
            "0 unknown, 1 deploy failed, 2 unhealthy, 4 deleting, 5 deploying, 6 running."
        ),
        Entry(.gauge, "ray_serve_autoscaling_target_replicas", "Replicas that a deployment should have."),
        Entry(.gauge, "ray_serve_autoscaling_desired_replicas", "Replicas that the load asks for, before delays."),
        Entry(.gauge, "ray_serve_autoscaling_target_ongoing_requests", "Ongoing requests that a replica should have."),
        Entry(
            .gauge,
            "ray_serve_autoscaling_total_requests",
            "Requests that wait or are ongoing, as the autoscaler sees."
        ),
    ]

    private static let processes = [
        Entry(.counter, "swerve_process_cpu_seconds", "Processor time of a process."),
        Entry(
            .gauge,
            "swerve_process_resident_memory_bytes",
            "Memory of a process, what it shares with others included."
        ),
        Entry(.counter, "swerve_metrics_refused", "Definitions of series that found no room in their process."),
    ]
}
