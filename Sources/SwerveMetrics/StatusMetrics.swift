package import SwerveCore

extension MetricSnapshot {
    /// Adds the gauges that follow from the status of what runs.
    package mutating func add(_ status: ServeStatus) {
        for application in status.applications.values {
            gauge(
                "ray_serve_application_status",
                [MetricLabel("application", application.name)],
                application.state.number
            )
            for deployment in application.deployments.values { add(deployment) }
        }
    }

    private mutating func add(_ deployment: DeploymentStatus) {
        let labels = deployment.id.labels
        gauge("ray_serve_deployment_status", labels, deployment.state.number)
        gauge("ray_serve_autoscaling_target_replicas", labels, Double(deployment.target.replicas))
        if let scaling = deployment.autoscaling {
            gauge("ray_serve_autoscaling_desired_replicas", labels, Double(scaling.wanted))
            gauge("ray_serve_autoscaling_total_requests", labels, Double(scaling.load.total))
        }
        if let target = deployment.options.autoscaling?.targetOngoingRequests {
            gauge("ray_serve_autoscaling_target_ongoing_requests", labels, target)
        }
        for replica in deployment.replicas {
            let labels = labels + [MetricLabel("replica", "\(replica.id)")]
            let isHealthy = replica.state == .running || replica.state == .reconfiguring
            gauge("ray_serve_deployment_replica_healthy", labels, isHealthy ? 1 : 0)
            guard let models = replica.models else { continue }
            let loaded = models.models.filter { $0.state == .loaded }
            gauge("ray_serve_num_multiplexed_models", labels, Double(loaded.count))
            for model in loaded {
                let id = MetricLabel("model_id", MetricNames.value(model.id))
                gauge("ray_serve_registered_multiplexed_model_id", labels + [id], 1)
            }
        }
    }

    /// Adds what is known of the proxies.
    ///
    /// - Parameter proxies: none for a proxy in the instance's process.
    package mutating func add(_ proxies: [ProxyStatus], isListening: Bool) {
        for proxy in proxies {
            let number = MetricLabel("proxy", "\(proxy.number)")
            gauge("ray_serve_proxy_status", [number], proxy.state.metric)
        }
        if proxies.isEmpty, isListening { gauge("ray_serve_proxy_status", [MetricLabel("proxy", "main")], 2) }
    }
}

extension DeploymentID {
    /// The labels of a deployment's metrics.
    package var labels: [MetricLabel] {
        [MetricLabel("application", application), MetricLabel("deployment", deployment)]
    }
}

extension ReplicaID {
    /// The labels of a replica's metrics.
    package var labels: [MetricLabel] { deployment.labels + [MetricLabel("replica", "\(self)")] }
}

// Numbers that Ray Serve gives the same states; those that it does not have get the nearest.

extension ApplicationStatus.State {
    fileprivate var number: Double {
        switch self {
        case .deployFailed: 1
        case .unhealthy: 2
        case .deleting: 4
        case .deploying: 5
        case .running: 6
        default: 0
        }
    }
}

extension DeploymentStatus.State {
    fileprivate var number: Double {
        switch self {
        case .deployFailed: 1
        case .unhealthy: 2
        case .updating: 3
        case .upscaling: 4
        case .healthy: 6
        default: 0
        }
    }
}

extension ProxyStatus.State {
    fileprivate var metric: Double {
        switch self {
        case .starting: 1
        case .serving: 2
        case .draining: 4
        default: 0
        }
    }
}
