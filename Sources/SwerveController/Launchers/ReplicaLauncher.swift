package import SwerveControl
package import SwerveCore
package import SwerveTransport
internal import Synchronization

/// Starts replicas, and passes the controller's requests to them from then on. The controller does not know what kind
/// of place they run in.
///
/// The controller calls it from its loop, one call at a time. Reports come on any thread, even during `start`.
package protocol ReplicaLauncher: Sendable {
    /// Starts a replica; returns at once.
    ///
    /// - Parameters:
    ///   - reservation: what the replica holds of its node, of which the launcher tells its process.
    ///   - report: called with `placed` before `ready`, with what the replica reports, and with `exited` once,
    ///     when the replica has ended or could not be started.
    func start(
        _ replica: ReplicaID,
        _ spec: DeploymentSpec,
        on reservation: Reservation,
        report: @escaping @Sendable (ReplicaEvent) -> Void
    )

    /// Stops new requests to the replica; it reports `drained` when the ongoing ones are over. The replica is told once
    /// all callers know that they must not send it more.
    func drain(_ replica: ReplicaID)

    /// Checks the replica's health; it reports `probeAnswered` if it still runs work or is seen to be busy, and what
    /// the user's check found, if that is news.
    func probe(_ replica: ReplicaID)

    /// Gives the replica the configuration of the spec; it reports `reconfigured` or `reconfigurationFailed`.
    func reconfigure(_ replica: ReplicaID, _ spec: DeploymentSpec, number: Int)

    /// Calls `done` once every process of this launcher's replicas has acted on what was published before.
    func afterCallersKnow(_ done: @escaping @Sendable () -> Void)

    /// Ends the replica. A second call ends it by force, as does the first when the replica cannot be asked to end
    /// itself.
    func stop(_ replica: ReplicaID)

    /// Tells every process of this launcher's replicas where the replicas of a deployment are. Processes that start
    /// later get the latest message about each deployment.
    func publish(_ message: ControlMessage, of deployment: DeploymentID)
}

/// Passes each replica to the launcher for its placement.
package final class PlacementLauncher: ReplicaLauncher {
    private let inProcess: any ReplicaLauncher
    private let processes: any ReplicaLauncher
    private let callers: [any CallerGroup]
    private let places = Mutex<[ReplicaID: DeploymentOptions.Placement]>([:])

    /// - Parameter callers: the processes that call replicas besides those of replicas.
    package init(inProcess: any ReplicaLauncher, processes: any ReplicaLauncher, callers: [any CallerGroup] = []) {
        self.inProcess = inProcess
        self.processes = processes
        self.callers = callers
    }

    package func start(
        _ replica: ReplicaID,
        _ spec: DeploymentSpec,
        on reservation: Reservation,
        report: @escaping @Sendable (ReplicaEvent) -> Void
    ) {
        let placement = spec.options.placement
        places.withLock { $0[replica] = placement }
        launcher(placement).start(replica, spec, on: reservation) { event in
            if case .exited = event { self.places.withLock { $0[replica] = nil } }
            report(event)
        }
    }

    package func drain(_ replica: ReplicaID) {
        afterCallersKnow { self.launcher(of: replica)?.drain(replica) }
    }
    package func reconfigure(_ replica: ReplicaID, _ spec: DeploymentSpec, number: Int) {
        launcher(of: replica)?.reconfigure(replica, spec, number: number)
    }
    package func afterCallersKnow(_ done: @escaping @Sendable () -> Void) {
        // One group after the other.
        var next = done
        for group in callers.reversed() {
            let rest = next
            next = { group.afterCallersKnow(rest) }
        }
        let others = next
        inProcess.afterCallersKnow { self.processes.afterCallersKnow(others) }
    }
    package func probe(_ replica: ReplicaID) { launcher(of: replica)?.probe(replica) }
    package func stop(_ replica: ReplicaID) { launcher(of: replica)?.stop(replica) }
    package func publish(_ message: ControlMessage, of deployment: DeploymentID) {
        inProcess.publish(message, of: deployment)
        processes.publish(message, of: deployment)
        for group in callers { group.publish(message, of: deployment) }
    }

    private func launcher(_ placement: DeploymentOptions.Placement) -> any ReplicaLauncher {
        placement == .inProcess ? inProcess : processes
    }

    /// `nil` when the replica has exited.
    private func launcher(of replica: ReplicaID) -> (any ReplicaLauncher)? {
        places.withLock { $0[replica] }.map { launcher($0) }
    }
}
