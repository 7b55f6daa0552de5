internal import SwerveCore

/// The observed state of one application. It passes the goal on to its deployments, and announces when the whole
/// application runs, has failed or is gone.
///
/// After any change the controller calls ``updateRoute(_:)``, ``retireVanished(_:now:supply:)`` and ``announce(_:)``,
/// in this order.
struct ApplicationMachine: Sendable {
    typealias Goal = GoalState.Application

    enum Phase: Sendable {
        /// The latest deploy has not been announced as running or failed yet. Goes to either of the others.
        case deploying
        /// Announced as running, and stays so when replicas die. Goes to deploying.
        case running
        /// Announced as failed, and stays so even if it becomes healthy after all. Goes to deploying.
        case failed
    }

    private(set) var phase = Phase.deploying
    private(set) var deployments: [String: DeploymentMachine]
    /// The HTTP route in force, which may still be that of an earlier spec.
    private(set) var route: RouteEntry?
    /// Set until a delete is announced, which happens once all replicas with lower numbers are gone.
    private var deletedBelow: UInt64?
    /// Whether the goal comes from an earlier controller and has not been acted on yet.
    private var isInherited: Bool
    /// Whether there was a route that this controller does not know. Then the latest spec's leads to whatever serves,
    /// also to the version that a failed rollout returned to.
    private var lacksRoute: Bool

    /// - Parameter goal: the goal of an earlier controller; for a new application it has no deployments.
    init(_ goal: Goal) {
        deployments = goal.deployments.mapValues { DeploymentMachine($0) }
        isInherited = !goal.deployments.isEmpty || goal.isDeleting
        lacksRoute = !goal.deployments.isEmpty && goal.spec.routePrefix != nil
    }

    /// Takes over what an earlier controller left running.
    ///
    /// - Parameters:
    ///   - found: the replicas of this application, by the deployments' names.
    ///   - route: the HTTP route in force.
    ///   - next: the number of the next replica.
    mutating func adopt(
        _ found: [String: [Inventory.Replica]],
        route: RouteEntry?,
        _ goal: Goal,
        now: MonotonicTime,
        next: UInt64
    ) {
        for (name, replicas) in found {
            if let own = goal.deployments[name] { deployments[name]?.adopt(replicas, own, now: now) }
        }
        if goal.isDeleting { deletedBelow = next } else { self.route = route }
        // A controller that is the first of its instance is told of nothing, either.
        if !found.isEmpty { lacksRoute = false }
    }

    /// Whether nothing is left of a deleted application.
    func isGone(_ goal: Goal) -> Bool { goal.isDeleting && deletedBelow == nil }

    var wakeUp: MonotonicTime? { isInherited ? .zero : deployments.values.lazy.compactMap(\.nextWakeUp).min() }

    mutating func deploy(
        _ new: ApplicationSpec,
        _ goal: inout Goal,
        now: MonotonicTime,
        supply: inout Supply
    ) -> [ControlAction] {
        goal.spec = new
        goal.isDeleting = false
        phase = .deploying
        var actions: [ControlAction] = []
        for spec in new.deployments {
            let name = spec.id.deployment
            var own = goal.deployments[name] ?? GoalState.Deployment(spec: spec)
            actions += deployments[name, default: DeploymentMachine(own)].apply(spec, &own, now: now, supply: &supply)
            goal.deployments[name] = own
        }
        return actions + autoscale(&goal, now: now, supply: &supply)
    }

    /// The outcome of the latest deploy is announced once more.
    mutating func announceAgain() { phase = .deploying }

    /// Retires every deployment and removes the route. A second delete changes nothing.
    mutating func delete(
        _ goal: inout Goal,
        now: MonotonicTime,
        supply: inout Supply
    ) -> [ControlAction] {
        if goal.isDeleting { return [] }
        goal.isDeleting = true
        route = nil
        deletedBelow = supply.numbers.next
        let error = ServeError(.deleted, "application '\(goal.spec.name)' was deleted")
        var actions: [ControlAction] = []
        for name in deployments.keys.sorted() {
            actions += retire(name, because: error.message, &goal, now: now, supply: &supply)
        }
        guard case .deploying = phase else { return actions }
        phase = .failed
        return actions + [.applicationFailed(goal.spec.name, error)]
    }

    /// Stops all replicas that are leaving.
    mutating func hurry(now: MonotonicTime) -> [ControlAction] {
        deployments.keys.sorted().flatMap { deployments[$0]?.hurry(now: now) ?? [] }
    }

    /// Sets another target for a deployment. Returns `nil` if no deployment of that name is wanted.
    mutating func scale(
        _ deployment: String,
        to target: Target,
        _ goal: inout Goal,
        now: MonotonicTime,
        supply: inout Supply
    ) -> [ControlAction]? {
        guard !goal.isDeleting, goal.wantedNames.contains(deployment) else { return nil }
        goal.deployments[deployment]?.target = target
        deployments[deployment]?.scaler?.targetWasSet(to: target.replicas, now: now)
        return settle(deployment, &goal, now: now, supply: &supply)
            + change(deployment, &goal) { machine, goal in machine.autoscale(&goal, now: now, supply: &supply) }
    }

    mutating func handle(
        _ event: ReplicaEvent,
        of replica: ReplicaID,
        _ goal: inout Goal,
        now: MonotonicTime,
        supply: inout Supply
    ) -> [ControlAction] {
        change(replica.deployment.deployment, &goal) { machine, goal in
            let actions = machine.handle(event, of: replica.number, &goal, now: now, supply: &supply)
            switch event {
            case .ready, .exited, .initializationFailed:
                return actions + machine.autoscale(&goal, now: now, supply: &supply)
            case .placed, .launched, .connected, .drained, .probeAnswered, .checkPassed, .checkFailed, .reconfigured,
                .reconfigurationFailed, .loadChanged, .modelsChanged, .batchesChanged:
                return actions
            }
        }
    }

    mutating func tick(
        _ goal: inout Goal,
        now: MonotonicTime,
        supply: inout Supply
    ) -> [ControlAction] {
        let wasInherited = isInherited
        isInherited = false
        var actions: [ControlAction] = []
        for name in deployments.keys.sorted() {
            actions += change(name, &goal) { machine, goal in
                let actions =
                    wasInherited
                    ? machine.settle(&goal, now: now, supply: &supply)
                    : machine.tick(&goal, now: now, supply: &supply)
                return actions
                    + (wasInherited
                        ? machine.autoscale(&goal, now: now, supply: &supply)
                        : machine.autoscaleIfDue(&goal, now: now, supply: &supply))
            }
        }
        return actions
    }

    /// When the first of its deployments began to wait for resources; `nil` if none waits.
    var pendingSince: MonotonicTime? { deployments.values.lazy.compactMap(\.waitsSince).min() }

    /// Starts replicas that waited for resources, as far as there are enough now.
    mutating func startPending(_ goal: inout Goal, now: MonotonicTime, supply: inout Supply) -> [ControlAction] {
        let waiting = deployments.compactMap { name, machine in machine.waitsSince.map { (since: $0, name: name) } }
        return waiting.sorted { ($0.since, $0.name) < ($1.since, $1.name) }.flatMap { _, name in
            settle(name, &goal, now: now, supply: &supply)
        }
    }

    // MARK: After a change

    /// Puts the latest spec's route in force once its ingress can replace the previous one.
    ///
    /// A first route needs one ready replica; a route that replaces another needs all of them.
    mutating func updateRoute(_ goal: Goal) {
        let spec = goal.spec
        guard !goal.isDeleting, let ingress = deployments[spec.ingress], let wanted = goal.deployments[spec.ingress]
        else { return }
        let next = spec.routePrefix.map {
            RouteEntry(
                prefix: $0,
                application: spec.name,
                ingress: wanted.id,
                answersHTTP: wanted.spec.answersHTTP,
                routes: spec.routes,
                cors: spec.cors
            )
        }
        guard next != route else { return }
        let isFirst = route == nil && (ingress.isServing(wanted) || (lacksRoute && ingress.hasServing))
        if ingress.isHealthy || isFirst { route = next }
    }

    /// Retires the deployments that the latest spec no longer includes: once all that it includes are healthy, or when
    /// those wait for what the others hold, and nothing of an earlier version is left that could call the others.
    mutating func retireVanished(
        _ goal: inout Goal,
        now: MonotonicTime,
        supply: inout Supply
    ) -> [ControlAction] {
        let wanted = goal.wantedNames
        guard !goal.isDeleting, deployments.count > wanted.count else { return [] }
        let vanished = deployments.keys.filter { !wanted.contains($0) }.sorted()
        guard isHealthy(goal) || hold(vanished, whatIsMissingFor: wanted, goal, supply) else { return [] }
        var actions: [ControlAction] = []
        for name in vanished {
            let own = goal.spec.name
            let reason = "deployment '\(own)/\(name)' was deleted: application '\(own)' no longer has it"
            actions += retire(name, because: reason, &goal, now: now, supply: &supply)
        }
        return actions
    }

    /// Whether a wanted deployment waits for resources that it would get if the vanished ones had no replicas.
    private func hold(
        _ vanished: [String],
        whatIsMissingFor wanted: Set<String>,
        _ goal: Goal,
        _ supply: Supply
    ) -> Bool {
        if let route, vanished.contains(route.ingress.deployment) { return false }
        let machines = wanted.compactMap { deployments[$0] }
        guard machines.contains(where: { $0.pending != nil }), !machines.contains(where: \.isMoving) else {
            return false
        }
        var ledger = supply.ledger
        for name in vanished { for replica in deployments[name]?.replicas ?? [] { _ = ledger.release(replica.id) } }
        return wanted.contains { name in
            guard let own = goal.deployments[name], deployments[name]?.pending != nil else { return false }
            return ledger.hasRoom(for: own.spec)
        }
    }

    /// Returns what callers waiting for a deploy or a delete are told now, and forgets the deployments that are gone.
    mutating func announce(_ goal: inout Goal) -> [ControlAction] {
        // What an earlier controller ended may not have been withdrawn yet; the first tick does that.
        if isInherited { return [] }
        var actions: [ControlAction] = []
        if let limit = deletedBelow, !deployments.values.contains(where: { $0.hasReplica(below: limit) }) {
            deletedBelow = nil
            actions.append(.applicationDeleted(goal.spec.name))
        }
        for (name, own) in goal.deployments where deployments[name]?.isGone(own) ?? true {
            deployments[name] = nil
            goal.deployments[name] = nil
        }
        guard !goal.isDeleting, case .deploying = phase else { return actions }
        let failures = goal.spec.deployments.lazy.compactMap { [deployments, goal] spec in
            goal.deployments[spec.id.deployment].flatMap { deployments[spec.id.deployment]?.deployFailure($0) }
        }
        if let failure = failures.first {
            phase = .failed
            actions.append(.applicationFailed(goal.spec.name, failure))
        } else if isHealthy(goal) {
            phase = .running
            actions.append(.applicationRunning(goal.spec.name))
        }
        return actions
    }

    // MARK: Shared

    mutating func change(
        _ name: String,
        _ goal: inout Goal,
        _ change: (inout DeploymentMachine, inout GoalState.Deployment) -> [ControlAction]
    ) -> [ControlAction] {
        guard deployments[name] != nil, goal.deployments[name] != nil else { return [] }
        return change(&deployments[name]!, &goal.deployments[name]!)
    }

    private mutating func settle(
        _ name: String,
        _ goal: inout Goal,
        now: MonotonicTime,
        supply: inout Supply
    ) -> [ControlAction] {
        change(name, &goal) { machine, goal in machine.settle(&goal, now: now, supply: &supply) }
    }

    private mutating func retire(
        _ name: String,
        because reason: String,
        _ goal: inout Goal,
        now: MonotonicTime,
        supply: inout Supply
    ) -> [ControlAction] {
        let id = DeploymentID(application: goal.spec.name, deployment: name)
        let error = ServeError(.deleted, reason, deployment: id)
        return change(name, &goal) { machine, goal in
            machine.retire(reason: error, &goal, now: now, supply: &supply)
        }
    }

    private func isHealthy(_ goal: Goal) -> Bool {
        goal.spec.deployments.allSatisfy { deployments[$0.id.deployment]?.isHealthy ?? false }
    }
}

extension ApplicationMachine {
    func status(_ goal: Goal) -> ApplicationStatus {
        let wanted = goal.wantedNames
        var statuses: [String: DeploymentStatus] = [:]
        for (name, own) in goal.deployments {
            statuses[name] = deployments[name]?.status(own, isLeaving: goal.isDeleting || !wanted.contains(name))
        }
        let state = overallState(goal, of: statuses.values.map(\.state))
        return ApplicationStatus(
            name: goal.spec.name,
            routePrefix: goal.spec.routePrefix,
            state: state,
            message: message(goal, in: state),
            deployments: statuses
        )
    }

    /// The worst of the deployments' states.
    private func overallState(_ goal: Goal, of states: [DeploymentStatus.State]) -> ApplicationStatus.State {
        if goal.isDeleting { return .deleting }
        if states.contains(.deployFailed) { return .deployFailed }
        if states.contains(.unhealthy) { return .unhealthy }
        return isHealthyOrUpscaling(goal) ? .running : .deploying
    }

    private func message(_ goal: Goal, in state: ApplicationStatus.State) -> String {
        if state == .running { return "" }
        if state == .deleting {
            let count = deployments.values.reduce(0) { $0 + $1.replicas.count }
            return count == 1 ? "1 replica is still stopping" : "\(count) replicas are still stopping"
        }
        let shortfalls = goal.spec.deployments.compactMap { spec -> String? in
            let name = spec.id.deployment
            guard let machine = deployments[name], !machine.isHealthy else { return nil }
            return goal.deployments[name].map { machine.shortfall($0) }
        }
        return shortfalls.joined(separator: "; ")
    }
}

extension DeploymentMachine {
    /// When its first replica began to wait for resources; `nil` if none waits.
    fileprivate var waitsSince: MonotonicTime? {
        guard let since = pending?.since else { return rollout.healingWaitsSince }
        return rollout.healingWaitsSince.map { min($0, since) } ?? since
    }

    /// A stuck replica, which survives every stop, does not count.
    fileprivate func hasReplica(below number: UInt64) -> Bool {
        replicas.prefix { $0.id.number < number }.contains { !$0.isStuck }
    }
}
