extension DeploymentOptions {
    /// How the deployment is autoscaled; `nil` if it has a fixed number of replicas.
    package var scaling: Autoscaling? { autoscaling ?? (numReplicas == .auto ? .auto : nil) }

    /// The settings that decide the number of replicas; `nil` if that is fixed, also for a dry run.
    package var decidingAutoscaling: Autoscaling? { scaling.flatMap { $0.isDryRun ? nil : $0 } }

    /// How many replicas the first deploy starts.
    package var firstReplicas: Int {
        decidingAutoscaling.map { $0.initialReplicas ?? $0.minReplicas } ?? numReplicas
    }

    /// What is wrong with the number of replicas, or `nil`.
    func replicasProblem() -> String? {
        if let autoscaling, autoscaling.isDryRun {
            if numReplicas == .auto { return "autoscaling is a dry run, so numReplicas must be a number, not .auto" }
        } else if let autoscaling, numReplicas != 1, numReplicas != .auto {
            let bound = "minReplicas, initialReplicas and maxReplicas of autoscaling decide"
            return "numReplicas is \(numReplicas), but \(bound); leave numReplicas out (\(autoscaling.bounds))"
        }
        if numReplicas != .auto, !(0...Self.maximumReplicas).contains(numReplicas) {
            return "numReplicas is \(numReplicas); it must be from 0 to \(Self.maximumReplicas)"
        }
        return autoscaling?.problem().map { "autoscaling: \($0)" }
    }
}

extension DeploymentOverrides {
    /// Drops what an override of the number of replicas contradicts: a fixed number ends autoscaling, and autoscaling
    /// a fixed number. With both, and with a dry run, nothing is dropped.
    func withoutOverridden(_ options: DeploymentOptions) -> DeploymentOptions {
        var options = options
        switch (numReplicas, autoscaling) {
        case (let number?, nil) where number != .auto && options.autoscaling?.isDryRun != true:
            options.autoscaling = nil
        case (nil, let autoscaling?) where !autoscaling.isDryRun: options.numReplicas = 1
        default: break
        }
        return options
    }
}

extension Autoscaling {
    fileprivate var bounds: String { "it has \(minReplicas) to \(maxReplicas)" }
}
