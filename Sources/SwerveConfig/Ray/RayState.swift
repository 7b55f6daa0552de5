internal import SwerveCore

/// Ray's names of states. A state that it has no name for, and one that a later version adds, gets the nearest.
enum RayState {
    static func of(_ state: ApplicationStatus.State) -> String {
        switch state {
        case .deploying: "DEPLOYING"
        case .running: "RUNNING"
        case .unhealthy: "UNHEALTHY"
        case .deployFailed: "DEPLOY_FAILED"
        case .deleting: "DELETING"
        default: "NOT_STARTED"
        }
    }

    static func of(_ state: DeploymentStatus.State) -> String {
        switch state {
        case .upscaling: "UPSCALING"
        case .healthy: "HEALTHY"
        case .unhealthy: "UNHEALTHY"
        case .deployFailed: "DEPLOY_FAILED"
        // Ray's deployments are updating while they are deleted; the trigger tells the two apart.
        default: "UPDATING"
        }
    }

    /// What brought the deployment into its state.
    static func trigger(_ status: DeploymentStatus) -> String {
        switch status.state {
        case .updating: status.target.decidedBy == .policy ? "AUTOSCALING" : "CONFIG_UPDATE_STARTED"
        case .upscaling: "AUTOSCALING"
        case .healthy: "CONFIG_UPDATE_COMPLETED"
        case .unhealthy: "HEALTH_CHECK_FAILED"
        case .deployFailed: "REPLICA_STARTUP_FAILED"
        case .deleting: "DELETING"
        default: "UNSPECIFIED"
        }
    }

    static func of(_ state: ReplicaStatus.State) -> String {
        switch state {
        case .starting: "STARTING"
        case .running: "RUNNING"
        case .reconfiguring: "UPDATING"
        // An unhealthy replica is on its way out, like one that drains.
        case .unhealthy, .draining, .stopping: "STOPPING"
        default: "UPDATING"
        }
    }

    static func of(_ state: ProxyStatus.State) -> String {
        switch state {
        case .starting: "STARTING"
        case .serving: "HEALTHY"
        case .draining: "DRAINING"
        default: "UNHEALTHY"
        }
    }
}
