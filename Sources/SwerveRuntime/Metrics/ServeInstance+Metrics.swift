internal import SwerveController
internal import SwerveMetrics

extension ServeInstance {
    /// The metrics of all processes of the instance as text: in Prometheus' format 0.0.4, or as OpenMetrics 1.0, which
    /// also has the ids of some requests as examples of their latencies. `docs/METRICS.md` lists them.
    ///
    /// - Returns: `nil` while the instance does not run.
    package func metricsText(openMetrics: Bool = false) async -> String? {
        guard let running else { return nil }
        let status = await running.controller.status()
        return running.metrics.text(
            openMetrics ? .openMetrics : .prometheus,
            status,
            running.fleet?.status ?? [],
            isListening: port != nil
        )
    }

    /// What the deployments and routes did in the last hour, as JSON: see `docs/METRICS.md`.
    ///
    /// - Returns: `nil` while the instance does not run.
    package func series() -> String? { running?.metrics.seriesJSON }
}
