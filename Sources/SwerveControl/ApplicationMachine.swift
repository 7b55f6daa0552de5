internal import SwerveCore

/// One application: hands its spec to the deployments, and says when the whole of it runs, has failed or is gone.
///
/// After any change the controller calls ``updateRoute()``, ``retireVanished(now:numbers:)`` and ``announce()``, in
/// this order.
struct ApplicationMachine: Sendable {
    enum Phase: Sendable {
        /// The latest deploy has not been announced as running or failed. Goes to each of the others.
        case deploying
        /// Announced as running; stays so when replicas die. Goes to deploying or deleting.
        case running
        /// Announced as failed; stays so when it becomes healthy after all. Goes to deploying or deleting.
        case failed
        /// Goes to deploying when it is deployed again before all is gone.
        case deleting
    }

    private(set) var spec: ApplicationSpec
    private(set) var phase = Phase.deploying
    private(set) var deployments: [String: DeploymentMachine] = [:]
    /// The row in the table of HTTP routes that is in force, which may still be one of an earlier spec.
    private(set) var route: RouteEntry?
    /// While a delete has not been announced: replicas with lower numbers have to be gone for that.
    private var deletedBelow: UInt64?

    init(spec: ApplicationSpec) {
        self.spec = spec
    }

    var isDeleting: Bool {
        if case .deleting = phase { true } else { false }
    }

    /// Whether nothing is left of a deleted application.
    var isGone: Bool { isDeleting && deletedBelow == nil }

    var wakeUp: MonotonicTime? { deployments.values.compactMap(\.wakeUp).min() }

    mutating func deploy(
        _ new: ApplicationSpec,
        now: MonotonicTime,
        numbers: inout ReplicaNumbers
    ) -> [ControlAction] {
        spec = new
        phase = .deploying
        return new.deployments.flatMap { deployment in
            deployments[deployment.id.deployment, default: DeploymentMachine(spec: deployment)]
                .apply(deployment, now: now, numbers: &numbers)
        }
    }

    /// Retires every deployment and gives up the route. Deleting what is being deleted changes nothing.
    mutating func delete(now: MonotonicTime, numbers: inout ReplicaNumbers) -> [ControlAction] {
        if isDeleting { return [] }
        let wasDeploying = if case .deploying = phase { true } else { false }
        phase = .deleting
        route = nil
        deletedBelow = numbers.next
        let error = ServeError(.deleted, "application '\(spec.name)' was deleted")
        let actions = deployments.keys.sorted().flatMap { name in
            retire(name, because: error.message, now: now, numbers: &numbers)
        }
        return actions + (wasDeploying ? [.applicationFailed(spec.name, error)] : [])
    }

    mutating func handle(
        _ event: ReplicaEvent,
        of replica: ReplicaID,
        now: MonotonicTime,
        numbers: inout ReplicaNumbers
    ) -> [ControlAction] {
        deployments[replica.deployment.deployment]?
            .handle(event, of: replica.number, now: now, numbers: &numbers) ?? []
    }

    mutating func tick(now: MonotonicTime, numbers: inout ReplicaNumbers) -> [ControlAction] {
        deployments.keys.sorted().flatMap { deployments[$0]?.tick(now: now, numbers: &numbers) ?? [] }
    }

    // MARK: After a change

    /// Puts the latest spec's route in force once its ingress can stand in for the one before.
    ///
    /// A first route needs one replica to go to; one that takes over from another ingress needs all of them.
    mutating func updateRoute() {
        guard !isDeleting, let ingress = deployments[spec.ingress] else { return }
        let next = spec.routePrefix.map {
            RouteEntry(
                prefix: $0,
                application: spec.name,
                ingress: ingress.id,
                answersHTTP: ingress.spec.answersHTTP,
                routes: spec.routes
            )
        }
        guard next != route else { return }
        if ingress.isHealthy || (route == nil && ingress.isServing) { route = next }
    }

    /// Retires the deployments that the latest spec no longer has, once all that it has are healthy.
    mutating func retireVanished(now: MonotonicTime, numbers: inout ReplicaNumbers) -> [ControlAction] {
        guard !isDeleting, isHealthy else { return [] }
        let wanted = wantedNames
        return deployments.keys.filter { !wanted.contains($0) }.sorted().flatMap { name in
            let reason = "deployment '\(spec.name)/\(name)' was deleted: application '\(spec.name)' no longer has it"
            return retire(name, because: reason, now: now, numbers: &numbers)
        }
    }

    /// What callers that wait for a deploy or a delete are told now; forgets the deployments that are gone.
    mutating func announce() -> [ControlAction] {
        var actions: [ControlAction] = []
        if let limit = deletedBelow, !deployments.values.contains(where: { $0.hasReplica(below: limit) }) {
            deletedBelow = nil
            actions.append(.applicationDeleted(spec.name))
        }
        deployments = deployments.filter { !$0.value.isGone }
        guard case .deploying = phase else { return actions }
        let wanted = spec.deployments.lazy.compactMap { [deployments] in deployments[$0.id.deployment] }
        if let failure = wanted.compactMap(\.deployFailure).first {
            phase = .failed
            actions.append(.applicationFailed(spec.name, failure))
        } else if isHealthy {
            phase = .running
            actions.append(.applicationRunning(spec.name))
        }
        return actions
    }

    private mutating func retire(
        _ name: String,
        because reason: String,
        now: MonotonicTime,
        numbers: inout ReplicaNumbers
    ) -> [ControlAction] {
        let id = DeploymentID(application: spec.name, deployment: name)
        let error = ServeError(.deleted, reason, deployment: id)
        return deployments[name]?.retire(reason: error, now: now, numbers: &numbers) ?? []
    }

    private var wantedNames: Set<String> { Set(spec.deployments.lazy.map(\.id.deployment)) }

    private var isHealthy: Bool {
        spec.deployments.allSatisfy { deployments[$0.id.deployment]?.isHealthy ?? false }
    }
}

extension ApplicationMachine {
    var status: ApplicationStatus {
        let wanted = wantedNames
        let statuses = deployments.mapValues { $0.status(isLeaving: isDeleting || !wanted.contains($0.id.deployment)) }
        let state = overallState(of: statuses.values.map(\.state))
        return ApplicationStatus(
            name: spec.name,
            routePrefix: spec.routePrefix,
            state: state,
            message: message(in: state),
            deployments: statuses
        )
    }

    /// The worst of the deployments' states.
    private func overallState(of states: [DeploymentStatus.State]) -> ApplicationStatus.State {
        if isDeleting { return .deleting }
        if states.contains(.deployFailed) { return .deployFailed }
        if states.contains(.unhealthy) { return .unhealthy }
        return isHealthy ? .running : .deploying
    }

    private func message(in state: ApplicationStatus.State) -> String {
        switch state {
        case .running: return ""
        case .deleting:
            let count = deployments.values.reduce(0) { $0 + $1.replicas.count }
            return count == 1 ? "1 replica is still stopping" : "\(count) replicas are still stopping"
        case .deploying, .unhealthy, .deployFailed:
            let behind = spec.deployments.compactMap { deployments[$0.id.deployment] }.filter { !$0.isHealthy }
            return behind.map(\.shortfall).joined(separator: "; ")
        }
    }
}

extension DeploymentMachine {
    /// One that does not end whatever is done does not count.
    fileprivate func hasReplica(below number: UInt64) -> Bool {
        replicas.prefix { $0.id.number < number }.contains { !$0.isStuck }
    }
}
