package import SwerveCore

/// All that a controller wants, apart from what it observes: what a new controller needs in order to go on.
///
/// A shell can compare it before and after an event, and store it before it carries out the actions when it differs.
/// Replicas are not in here, and neither are failures and waits: those are seen anew.
package struct GoalState: Hashable, Sendable, Codable {
    /// By name; an application that was deleted stays until its last replica is gone.
    package internal(set) var applications: [String: Application] = [:]
    /// What is next among the numbers of replicas: none is given out twice.
    package internal(set) var numbers = ReplicaNumbers()

    package init() {}

    /// What is wanted of one application.
    package struct Application: Hashable, Sendable, Codable {
        /// Of the latest deploy.
        package internal(set) var spec: ApplicationSpec
        package internal(set) var isDeleting = false
        /// By name; also those that the spec no longer has, until they are gone.
        package internal(set) var deployments: [String: Deployment] = [:]

        init(spec: ApplicationSpec) {
            self.spec = spec
        }

        var wantedNames: Set<String> { Set(spec.deployments.lazy.map(\.id.deployment)) }
    }

    /// What is wanted of one deployment.
    package struct Deployment: Hashable, Sendable, Codable {
        /// Which specification the replicas are started from, and whether any are.
        package enum Course: Hashable, Sendable, Codable {
            /// Replicas of the latest deploy's spec are started until the target is reached, also after the deploy counts
            /// as failed because some cannot be. Goes to each of the others.
            case serve
            /// The latest deploy's spec could not be started. The last one that was good runs instead, with its own options
            /// and target, until the next deploy. Goes to serve or retired.
            case fallenBack(because: String)
            /// The latest deploy's spec could not be started, there is none to fall back to, and no more replicas are
            /// tried. Goes to serve with the next deploy, or to retired.
            case failed(message: String)
            /// All replicas go. Goes to serve when the deployment comes back before they are gone.
            case retired(reason: ServeError)
        }

        /// What a failed roll-out goes back to.
        package struct Fallback: Hashable, Sendable, Codable {
            package internal(set) var spec: DeploymentSpec
            package internal(set) var target: Target
        }

        /// What replicas are started from.
        package internal(set) var spec: DeploymentSpec
        /// How many, as it was last decided.
        package internal(set) var target: Target
        package internal(set) var course = Course.serve
        /// What takes the place of ``spec`` when that cannot be started; `nil` once it was healthy.
        package internal(set) var fallback: Fallback?
        /// Whether a roll-out that fails goes back to this revision: the deployment was healthy with it, or it served when
        /// there was nothing better.
        package internal(set) var isTrusted = false

        init(spec: DeploymentSpec) {
            self.spec = spec
            self.target = Self.target(of: spec)
        }

        /// What a deploy of `spec` decides.
        static func target(of spec: DeploymentSpec) -> Target {
            Target(replicas: spec.options.numReplicas, decidedBy: .user)
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
