internal import SwerveCore

extension ApplicationMachine {
    /// A process's load on a deployment changed; `nil` if the process is gone.
    mutating func note(
        _ load: Load?,
        of source: LoadSource,
        on deployment: String,
        _ goal: inout Goal,
        now: MonotonicTime,
        supply: inout Supply
    ) -> [ControlAction] {
        change(deployment, &goal) { machine, goal in
            machine.note(load, of: source, &goal, now: now, supply: &supply)
        }
    }

    /// Lets the policies of all its deployments decide.
    mutating func autoscale(_ goal: inout Goal, now: MonotonicTime, supply: inout Supply) -> [ControlAction] {
        deployments.keys.sorted().flatMap { name in
            change(name, &goal) { machine, goal in machine.autoscale(&goal, now: now, supply: &supply) }
        }
    }

    func knows(_ replica: ReplicaID) -> Bool {
        deployments[replica.deployment.deployment]?.index(of: replica.number) != nil
    }

    /// Whether nothing is missing, except replicas for a load that grew.
    func isHealthyOrUpscaling(_ goal: Goal) -> Bool {
        goal.spec.deployments.allSatisfy { spec in
            guard let machine = deployments[spec.id.deployment], let own = goal.deployments[spec.id.deployment] else {
                return false
            }
            return machine.isHealthy || machine.isUpscaling(own)
        }
    }
}
