import SwerveControl
import SwerveController
import SwerveCore
import SwerveTransport

/// Passes a controller's orders and the replicas' reports on, and shows them to the audit.
final class SimOrders: ReplicaLauncher, @unchecked Sendable {
    // Unchecked: a world is confined to one thread.
    private unowned let world: World
    private let launcher: any ReplicaLauncher

    init(_ world: World, _ launcher: any ReplicaLauncher) {
        self.world = world
        self.launcher = launcher
    }

    private var audit: Audit? { world.audit }

    func start(
        _ replica: ReplicaID,
        _ spec: DeploymentSpec,
        on reservation: Reservation,
        report: @escaping @Sendable (ReplicaEvent) -> Void
    ) {
        audit?.starts(replica, spec, reservation)
        launcher.start(replica, spec, on: reservation) { [weak world] event in
            world?.audit?.reported(event, of: replica)
            report(event)
        }
    }
    func drain(_ replica: ReplicaID) {
        audit?.drains(replica)
        launcher.drain(replica)
    }
    func probe(_ replica: ReplicaID) {
        audit?.ordered("probe of \(replica)")
        launcher.probe(replica)
    }
    func reconfigure(_ replica: ReplicaID, _ spec: DeploymentSpec, number: Int) {
        audit?.reconfigures(replica, spec)
        launcher.reconfigure(replica, spec, number: number)
    }
    func afterCallersKnow(_ done: @escaping @Sendable () -> Void) { launcher.afterCallersKnow(done) }
    func stop(_ replica: ReplicaID) {
        audit?.stops(replica)
        launcher.stop(replica)
    }
    func publish(_ message: ControlMessage, of deployment: DeploymentID) {
        audit?.publishes(message, of: deployment)
        launcher.publish(message, of: deployment)
    }
}
