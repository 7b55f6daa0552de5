package import SwerveControl
package import SwerveCore
package import SwerveTransport
internal import Synchronization

/// Gives replicas places to run, and is the way to them from then on. The controller does not know what kind of place
/// that is.
///
/// The controller calls it from its loop, one call after the other. Reports come on any thread, also during `start`.
package protocol ReplicaLauncher: Sendable {
    /// Starts a replica; returns at once.
    ///
    /// - Parameter report: called with `placed` before `ready`, with what the replica does, and with `exited` once, when it
    ///   is gone or could not be started.
    func start(_ replica: ReplicaID, _ spec: DeploymentSpec, report: @escaping @Sendable (ReplicaEvent) -> Void)

    /// No new requests for the replica; it reports `drained` when the ongoing ones are over.
    func drain(_ replica: ReplicaID)

    /// Asks whether the replica still runs work; it reports `probeAnswered`.
    func probe(_ replica: ReplicaID)

    /// Ends the replica; asked for again, or when it cannot be asked to end itself, by force.
    func stop(_ replica: ReplicaID)

    /// Tells every process of this launcher's replicas where the replicas of a deployment are; those that start later
    /// are told the last word on each deployment.
    func publish(_ message: ControlMessage, of deployment: DeploymentID)
}

/// A launcher for each placement.
package final class PlacementLauncher: ReplicaLauncher {
    private let inProcess: any ReplicaLauncher
    private let processes: any ReplicaLauncher
    private let places = Mutex<[ReplicaID: DeploymentOptions.Placement]>([:])

    package init(inProcess: any ReplicaLauncher, processes: any ReplicaLauncher) {
        self.inProcess = inProcess
        self.processes = processes
    }

    package func start(
        _ replica: ReplicaID,
        _ spec: DeploymentSpec,
        report: @escaping @Sendable (ReplicaEvent) -> Void
    ) {
        let placement = spec.options.placement
        places.withLock { $0[replica] = placement }
        launcher(placement).start(replica, spec) { event in
            if case .exited = event { self.places.withLock { $0[replica] = nil } }
            report(event)
        }
    }

    package func drain(_ replica: ReplicaID) { launcher(of: replica)?.drain(replica) }
    package func probe(_ replica: ReplicaID) { launcher(of: replica)?.probe(replica) }
    package func stop(_ replica: ReplicaID) { launcher(of: replica)?.stop(replica) }
    package func publish(_ message: ControlMessage, of deployment: DeploymentID) {
        inProcess.publish(message, of: deployment)
        processes.publish(message, of: deployment)
    }

    private func launcher(_ placement: DeploymentOptions.Placement) -> any ReplicaLauncher {
        placement == .inProcess ? inProcess : processes
    }

    /// `nil` when it has exited.
    private func launcher(of replica: ReplicaID) -> (any ReplicaLauncher)? {
        places.withLock { $0[replica] }.map { launcher($0) }
    }
}
