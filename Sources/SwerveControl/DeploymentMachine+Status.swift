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
        case .failed, .fallenBack: .deployFailed
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
        case .fallenBack(let reason, let attempts):
            "\(reason); the previous version has \(progress)"
                + (attempts.lastFailure.isEmpty ? "" : "; its last failure: \(attempts.lastFailure)")
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

    /// Why a deploy of the present spec counts as failed, or `nil` while it does not.
    var deployFailure: ServeError? {
        switch goal {
        case .serve(let attempts) where !isHealthy && attempts.areExhausted(target: target):
            failure("\(progress) after \(attempts.failures) failures; last failure: \(attempts.lastFailure)")
        case .failed(let message), .fallenBack(let message, _): failure(message)
        case .serve, .retired: nil
        }
    }

    private func failure(_ message: String) -> ServeError {
        ServeError(.startFailed, "deployment '\(id)': \(message)", deployment: id)
    }
}
