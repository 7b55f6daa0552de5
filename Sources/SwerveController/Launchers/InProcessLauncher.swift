internal import SwerveActors
package import SwerveControl
package import SwerveCore
package import SwerveReplica
package import SwerveTransport
internal import Synchronization

/// Runs replicas in this process.
package final class InProcessLauncher: ReplicaLauncher {
    private let factory: ReplicaFactory
    private let hosted: HostedReplicas
    private let address: String
    private let processID: Int32
    private let replicas = Mutex<[ReplicaID: Replica]>([:])

    private struct Replica {
        let report: @Sendable (ReplicaEvent) -> Void
        var initializer: Task<Void, Never>?
    }

    /// - Parameters:
    ///   - factory: makes the replicas.
    ///   - hosted: where the replicas are entered once they are made.
    ///   - address: where other processes reach this one.
    package init(factory: ReplicaFactory, hosted: HostedReplicas, address: String, processID: Int32) {
        self.factory = factory
        self.hosted = hosted
        self.address = address
        self.processID = processID
        hosted.batches.report { [weak self] replica, batches in self?.report(.batchesChanged(batches), of: replica) }
        hosted.models.tell { [weak self] replica, models in self?.report(.modelsChanged(models), of: replica) }
    }

    package func start(
        _ replica: ReplicaID,
        _ spec: DeploymentSpec,
        on reservation: Reservation,
        report: @escaping @Sendable (ReplicaEvent) -> Void
    ) {
        replicas.withLock { $0[replica] = Replica(report: report) }
        let memory = reservation.resources.memory
        let limit = MemoryLimit(bytes: memory, enforcement: .none, reason: "it shares a process with others")
        report(.placed(ReplicaPlace(address: address, memoryLimit: memory > 0 ? limit : nil)))
        report(.launched(processID: processID))
        report(.connected)
        let initializer = factory.make(replica, spec, gpus: reservation.gpus) { result in self.made(replica, result) }
        replicas.withLock { $0[replica]?.initializer = initializer }
    }

    private func made(_ replica: ReplicaID, _ result: Result<HostedReplica, any Error>) {
        let report = replicas.withLock { replicas -> (@Sendable (ReplicaEvent) -> Void)? in
            // A replica that was stopped in the meantime is not kept.
            guard let entry = replicas[replica] else { return nil }
            if case .success(let made) = result { hosted.add(made) }
            return entry.report
        }
        // Its initialiser may have counted after it was stopped.
        guard let report else { return hosted.remove(replica) }
        switch result {
        case .success: report(.ready)
        case .failure(let error): report(.initializationFailed(message: "\(error)"))
        }
    }

    private func report(_ event: ReplicaEvent, of replica: ReplicaID) {
        replicas.withLock { $0[replica]?.report }?(event)
    }

    package func drain(_ replica: ReplicaID) {
        guard let made = hosted[replica] else { return report(.drained, of: replica) }
        made.drain { self.report(.drained, of: replica) }
    }

    package func probe(_ replica: ReplicaID) {
        hosted[replica]?.probe { result in
            switch result {
            case .alive: self.report(.probeAnswered, of: replica)
            case .passed: self.report(.checkPassed, of: replica)
            case .failed(let message): self.report(.checkFailed(message: message), of: replica)
            }
        }
    }

    package func reconfigure(_ replica: ReplicaID, _ spec: DeploymentSpec, number: Int) {
        hosted[replica]?.reconfigure(spec) { error in
            let event: ReplicaEvent =
                error.map { .reconfigurationFailed(number: number, message: "\($0)") } ?? .reconfigured(number: number)
            self.report(event, of: replica)
        }
    }

    /// The controller tells this process directly.
    package func afterCallersKnow(_ done: @escaping @Sendable () -> Void) { done() }

    package func stop(_ replica: ReplicaID) {
        guard let entry = replicas.withLock({ $0.removeValue(forKey: replica) }) else { return }
        // The replica may still be in its initialiser, or have failed in it; then only the initialiser needs ending.
        entry.initializer?.cancel()
        hosted[replica]?.drain {}
        hosted.remove(replica)
        entry.report(.exited(reason: "it was stopped"))
    }

    /// The controller tells this process directly.
    package func publish(_ message: ControlMessage, of deployment: DeploymentID) {}
}
