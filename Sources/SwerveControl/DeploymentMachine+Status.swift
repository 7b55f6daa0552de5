internal import SwerveCore

extension DeploymentMachine {
    /// - Parameter isLeaving: whether the latest spec of the application no longer has this deployment.
    func status(isLeaving: Bool) -> DeploymentStatus {
        let isDeleting = if case .retired = goal { true } else { isLeaving }
        return DeploymentStatus(
            id: id,
            state: isDeleting ? .deleting : state,
            message: failureMessage,
            targetReplicas: isDeleting ? 0 : target,
            options: spec.options,
            replicas: replicas.map(\.status)
        )
    }

    private var state: DeploymentStatus.State {
        switch goal {
        case .retired: .deleting
        case .failed: .deployFailed
        case .serve(let attempts):
            if isHealthy {
                .healthy
            } else if attempts.everReady && !attempts.lastFailure.isEmpty {
                .unhealthy
            } else {
                .updating
            }
        }
    }

    /// Empty while nothing fails.
    private var failureMessage: String {
        switch goal {
        case .retired: ""
        case .failed(let message): "\(progress); \(message)"
        case .serve(let attempts):
            attempts.lastFailure.isEmpty ? "" : "\(progress); last failure: \(attempts.lastFailure)"
        }
    }

    /// What keeps the deployment from being healthy, for the application's message.
    var shortfall: String {
        let failure = failureMessage
        return "deployment '\(id.deployment)': \(failure.isEmpty ? progress : failure)"
    }

    private var progress: String {
        let old = replicas.count { $0.standing == .old && $0.isRunning }
        let running = "\(runningCount) of \(target) replicas running"
        return old == 0 ? running : "\(running), \(old) of the previous version serving"
    }

    /// Why the deployment was given up, or `nil`.
    var deployFailure: ServeError? {
        guard case .failed(let message) = goal else { return nil }
        return ServeError(.startFailed, "deployment '\(id)': \(message)", deployment: id)
    }
}
