package import NIOCore
package import SwerveControl
package import SwerveCore
package import SwerveMetrics
package import SwerveTransport

/// Counts how replicas start and what their health checks say; otherwise the launcher that it is given.
package final class MeteredLauncher: ReplicaLauncher {
    private let launcher: any ReplicaLauncher
    private let registry: MetricRegistry
    private let clock: any EventLoop

    package init(_ launcher: any ReplicaLauncher, _ registry: MetricRegistry, clock: any EventLoop) {
        self.launcher = launcher
        self.registry = registry
        self.clock = clock
    }

    package func start(
        _ replica: ReplicaID,
        _ spec: DeploymentSpec,
        on reservation: Reservation,
        report: @escaping @Sendable (ReplicaEvent) -> Void
    ) {
        let labels = replica.deployment.labels
        let (registry, clock, begun) = (registry, clock, clock.now)
        registry.counter("ray_serve_deployment_replica_starts", labels).add()
        // Defined now, so that the first failure is a step from zero.
        let failures = registry.counter("ray_serve_health_check_failures", labels)
        launcher.start(replica, spec, on: reservation) { event in
            switch event {
            case .ready:
                let time = UInt64(max(0, (clock.now - begun).nanoseconds))
                registry.histogram("ray_serve_replica_startup_latency_ms", labels, .startUp).observe(time)
            case .checkFailed: failures.add()
            default: break
            }
            report(event)
        }
    }

    package func drain(_ replica: ReplicaID) { launcher.drain(replica) }
    package func probe(_ replica: ReplicaID) { launcher.probe(replica) }
    package func reconfigure(_ replica: ReplicaID, _ spec: DeploymentSpec, number: Int) {
        launcher.reconfigure(replica, spec, number: number)
    }
    package func afterCallersKnow(_ done: @escaping @Sendable () -> Void) { launcher.afterCallersKnow(done) }
    package func stop(_ replica: ReplicaID) { launcher.stop(replica) }
    package func publish(_ message: ControlMessage, of deployment: DeploymentID) {
        launcher.publish(message, of: deployment)
    }
}
