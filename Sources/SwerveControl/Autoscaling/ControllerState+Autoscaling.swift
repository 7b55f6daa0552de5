package import SwerveCore

extension ControllerState {
    /// A process reports its present load on some deployments. What it does not mention has not changed.
    package mutating func report(
        _ loads: [DeploymentID: Load],
        from source: LoadSource,
        now: MonotonicTime
    ) -> [ControlAction] {
        // A late report of a replica that is gone would never be taken back.
        if case .replica(let replica) = source, !knows(replica) { return [] }
        // Only deployments that exist, whatever a process says.
        let loads = loads.filter { id, _ in machines[id.application]?.deployments[id.deployment]?.scaler != nil }
        if loads.isEmpty { return [] }
        loadSources[source, default: []].formUnion(loads.keys)
        for id in loads.keys { reporters[id.application, default: []].insert(source) }
        return loads.sorted { $0.key < $1.key }.flatMap { id, load in
            note(load, of: source, on: id, now: now)
        }
    }

    /// A process that reported its load is gone, and its load with it.
    mutating func forget(_ source: LoadSource, now: MonotonicTime) -> [ControlAction] {
        guard let deployments = loadSources.removeValue(forKey: source) else { return [] }
        for id in deployments { reporters[id.application]?.remove(source) }
        return deployments.sorted().flatMap { note(nil, of: source, on: $0, now: now) }
    }

    /// Sets which share of its replicas each autoscaled deployment has: its bounds become this percentage of what its
    /// options say, at least 1 unless 0 %.
    ///
    /// - Parameter percent: from 0 to 100; `nil` for no change of the bounds.
    /// - Throws: `invalidOptions` for another number.
    package mutating func setTargetCapacity(
        _ percent: Int?,
        now: MonotonicTime
    ) throws(ServeError) -> [ControlAction] {
        if let percent, !(0...100).contains(percent) {
            throw ServeError(.invalidOptions, "the target capacity is \(percent) %; it must be from 0 to 100")
        }
        goal.targetCapacity = percent
        supply.targetCapacity = percent
        return goal.applications.keys.sorted().flatMap { name in
            let actions = change(name) { machine, goal, supply in machine.autoscale(&goal, now: now, supply: &supply) }
            return (actions ?? []) + finish(name, now: now)
        }
    }

    /// - Throws: `invalidOptions` if the deployment is autoscaled and the number is out of its bounds.
    func checkBounds(of spec: DeploymentSpec, _ replicas: Int) throws(ServeError) {
        guard let bounds = spec.options.decidingAutoscaling.map({ supply.bounds(of: $0) }), !bounds.contains(replicas)
        else { return }
        throw ServeError(
            .invalidOptions,
            "deployment '\(spec.id)' cannot be scaled to \(replicas) replicas; it is autoscaled and must have from "
                + "\(bounds.lowerBound) to \(bounds.upperBound)",
            deployment: spec.id
        )
    }

    /// An application is gone.
    mutating func forgetLoads(of application: String) {
        for source in reporters.removeValue(forKey: application) ?? [] {
            let others = (loadSources[source] ?? []).filter { $0.application != application }
            loadSources[source] = others.isEmpty ? nil : others
        }
    }

    private func knows(_ replica: ReplicaID) -> Bool {
        machines[replica.deployment.application]?.knows(replica) ?? false
    }

    private mutating func note(
        _ load: Load?,
        of source: LoadSource,
        on id: DeploymentID,
        now: MonotonicTime
    ) -> [ControlAction] {
        let actions = change(id.application) { machine, goal, supply in
            machine.note(load, of: source, on: id.deployment, &goal, now: now, supply: &supply)
        }
        guard let actions, !actions.isEmpty else { return [] }
        return actions + finish(id.application, now: now)
    }
}
