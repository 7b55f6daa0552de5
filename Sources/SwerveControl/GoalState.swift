package import SwerveCore

/// Everything that a controller wants, without what it observes: what a new controller needs in order to continue.
///
/// A shell can compare the goal before and after an event and, if it changed, store it before carrying out the actions.
/// The goal holds no replicas, failures or waits: a new controller observes those afresh.
package struct GoalState: Hashable, Sendable, Codable {
    /// By name. A deleted application stays until its last replica is gone.
    package internal(set) var applications: [String: Application] = [:]
    /// Gives out replica numbers, none of them twice.
    package internal(set) var numbers = ReplicaNumbers()
    /// Which percentage of their replicas autoscaled deployments have; `nil` for all.
    package internal(set) var targetCapacity: Int?

    /// The contents of the working directories in which replicas start, or may start again.
    package var workingDirectories: Set<String> {
        let deployments = applications.values.flatMap(\.deployments.values)
        let specs = deployments.map(\.spec) + deployments.compactMap { $0.fallback?.spec }
        return Set((specs + applications.values.flatMap(\.spec.deployments)).compactMap(\.workingDirectory))
    }

    /// - Parameter numbers: continue those of an earlier controller.
    package init(numbers: ReplicaNumbers = ReplicaNumbers()) {
        self.numbers = numbers
    }

    /// The goal of one application.
    package struct Application: Hashable, Sendable, Codable {
        /// The spec of the latest deploy.
        package internal(set) var spec: ApplicationSpec
        package internal(set) var isDeleting = false
        /// By name. Deployments that the spec no longer includes stay until they are gone.
        package internal(set) var deployments: [String: Deployment] = [:]

        init(spec: ApplicationSpec) {
            self.spec = spec
        }

        var wantedNames: Set<String> { Set(spec.deployments.lazy.map(\.id.deployment)) }
    }

    /// The goal of one deployment.
    package struct Deployment: Hashable, Sendable, Codable {
        /// Whether replicas are started, and from which spec.
        package enum Course: Hashable, Sendable, Codable {
            /// Replicas of the latest deploy's spec are started until the target is reached, even after the deploy has
            /// failed because some could not be started. Goes to any of the others.
            case serve
            /// The latest deploy's spec could not be started. The last good one runs instead, with its own options and
            /// target, until the next deploy. Goes to serve or retired.
            case fallenBack(because: String)
            /// The latest deploy's spec could not be started, there is none to fall back to, and no more replicas are
            /// started. Goes to serve with the next deploy, or to retired.
            case failed(message: String)
            /// All replicas are removed. Goes to serve if the deployment is deployed again before they are gone.
            case retired(reason: ServeError)
        }

        /// What a failed rollout returns to.
        package struct Fallback: Hashable, Sendable, Codable {
            package internal(set) var spec: DeploymentSpec
            package internal(set) var target: Target
        }

        /// What replicas are started from.
        package internal(set) var spec: DeploymentSpec
        /// How many replicas are wanted, as last decided.
        package internal(set) var target: Target
        package internal(set) var course = Course.serve
        /// What replaces ``spec`` if that cannot be started; `nil` once ``spec`` was healthy.
        package internal(set) var fallback: Fallback?
        /// Whether a later rollout that fails may return to this revision: the deployment was healthy with it, or it
        /// served when there was nothing better.
        package internal(set) var isTrusted = false

        init(spec: DeploymentSpec) {
            self.spec = spec
            let isDecided = spec.options.decidingAutoscaling != nil
            self.target = Target(
                replicas: spec.options.firstReplicas,
                decidedBy: isDecided ? .policy : .user,
                reason: isDecided ? "the deploy starts with them" : ""
            )
        }

        var id: DeploymentID { spec.id }
        /// Whether replicas are started.
        var startsReplicas: Bool {
            switch course {
            case .serve, .fallenBack: true
            case .failed, .retired: false
            }
        }
        var isRetired: Bool { if case .retired = course { true } else { false } }
        /// Whether replicas of the latest deploy are wanted.
        var serves: Bool { course == .serve }
    }
}
