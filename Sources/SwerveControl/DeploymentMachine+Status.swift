internal import SwerveCore

extension DeploymentMachine {
    /// - Parameter isLeaving: whether the application is being deleted, or its latest spec no longer has this
    ///   deployment.
    func status(_ goal: Goal, isLeaving: Bool) -> DeploymentStatus {
        let isDeleting = goal.isRetired || isLeaving
        return DeploymentStatus(
            id: goal.id,
            state: isDeleting ? .deleting : state(goal),
            message: failureMessage(goal),
            target: isDeleting ? Target(replicas: 0, decidedBy: .user) : goal.target,
            options: goal.spec.options,
            autoscaling: isDeleting ? nil : scaler?.status,
            replicas: replicas.map(\.status),
            pending: pending.map { PendingReplicas(count: $0.seats.count, reason: $0.reason, since: $0.since) }
        )
    }

    private func state(_ goal: Goal) -> DeploymentStatus.State {
        switch goal.course {
        case .retired: .deleting
        case .failed, .fallenBack: .deployFailed
        case .serve:
            if isHealthy {
                .healthy
            } else if attempts.everReady && !attempts.lastFailure.isEmpty {
                .unhealthy
            } else if isUpscaling(goal) {
                .upscaling
            } else {
                .updating
            }
        }
    }

    /// Empty while nothing fails or waits for resources.
    private func failureMessage(_ goal: Goal) -> String {
        let progress = progress(goal)
        return switch goal.course {
        case .retired: ""
        case .failed(let message): "\(progress); \(message)"
        case .fallenBack(let reason):
            "\(reason); the previous version has \(progress)"
                + (attempts.lastFailure.isEmpty ? "" : "; its last failure: \(attempts.lastFailure)")
        case .serve:
            if attempts.lastFailure.isEmpty {
                pending == nil && !isForcedToStopFirst ? "" : progress
            } else {
                "\(progress); last failure: \(attempts.lastFailure)"
            }
        }
    }

    /// What keeps the deployment from being healthy, for the application's message.
    func shortfall(_ goal: Goal) -> String {
        let failure = failureMessage(goal)
        return "deployment '\(goal.id.deployment)': \(failure.isEmpty ? progress(goal) : failure)"
    }

    private func progress(_ goal: Goal) -> String {
        let old = replicas.count { $0.standing == .old && $0.isRunning }
        let running = "\(runningCount) of \(goal.target.replicas) replicas running"
        var parts = old == 0 ? running : "\(running), \(old) of the previous version serving"
        let outdated = replicas.count { $0.standing == .current && $0.isRunning && !isLatest($0, goal) }
        if outdated > 0 { parts += "; \(outdated) to be reconfigured" }
        if let pending {
            parts += "; \(pending.seats.count) pending: \(pending.reason)"
        }
        if isForcedToStopFirst { parts += "; old replicas stop first, because the new ones need what they hold" }
        return parts
    }

    /// Why the latest deploy counts as failed; `nil` while it does not.
    func deployFailure(_ goal: Goal) -> ServeError? {
        func failure(_ message: String) -> ServeError {
            ServeError(.startFailed, "deployment '\(goal.id)': \(message)", deployment: goal.id)
        }
        switch goal.course {
        case .serve where rollout.isStalled && !isHealthy:
            let time = Self.patience(goal)
            let last = attempts.lastFailure.isEmpty ? "" : "; last failure: \(attempts.lastFailure)"
            return failure("\(progress(goal)); there was no progress for \(time)\(last)")
        case .serve:
            guard !isHealthy, attempts.areExhausted(target: goal.target.replicas) else { return nil }
            return failure(
                "\(progress(goal)) after \(attempts.failures) failures; last failure: \(attempts.lastFailure)"
            )
        case .failed(let message), .fallenBack(let message): return failure(message)
        case .retired: return nil
        }
    }
}
