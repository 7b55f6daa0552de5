package import SwerveCore

/// The controller's whole state machine: what should run, what runs, and what to do about the difference.
///
/// A value without clock, I/O or randomness: each call is one event and returns what the shell has to do, in order.
/// Late, doubled and unknown reports are ignored, so the shell may pass on whatever it hears.
///
/// How the new replicas of a changed deployment take the place of the old ones is a rule of its own:
/// ``DeploymentOptions/Rollout``, of which the default starts all new ones first. When the new ones cannot be started, the last revision that was healthy serves on, and is kept at its own target,
/// until the next deploy. A deploy with nothing to fall back to, and some replicas ready, has failed as well; but those
/// serve, and the others are tried again and again, so that it can still come right.
package struct ControllerState: Sendable {
    /// What is wanted.
    package private(set) var goal: GoalState
    /// What is observed, of the applications that the goal has.
    private var machines: [String: ApplicationMachine]
    private var routes: [RouteEntry] = []
    private var isShutDown = false

    /// A controller without applications, or one that goes on with what a controller before it wanted: then the first
    /// ``tick(now:)`` starts what is missing, which is everything.
    package init(goal: GoalState = GoalState()) {
        self.goal = goal
        self.machines = goal.applications.mapValues { ApplicationMachine($0) }
    }

    /// Makes `spec` what the application of that name should be, in place of whatever it was.
    ///
    /// The call is over with `.applicationRunning` or `.applicationFailed`; a deploy or a delete that comes before that
    /// takes its place, and the answer to the last of them answers all that wait.
    ///
    /// - Throws: `invalidOptions` when the spec is not acceptable or another application has its route prefix; then
    ///   nothing changes. `shutDown` after ``shutdown(now:)``.
    package mutating func deploy(_ spec: ApplicationSpec, now: MonotonicTime) throws(ServeError) -> [ControlAction] {
        if isShutDown {
            throw ServeError(.shutDown, "application '\(spec.name)' cannot be deployed: the instance is shutting down")
        }
        try spec.validate()
        try checkPrefix(of: spec)
        var own = goal.applications[spec.name] ?? GoalState.Application(spec: spec)
        let actions = machines[spec.name, default: ApplicationMachine(own)]
            .deploy(spec, &own, now: now, numbers: &goal.numbers)
        goal.applications[spec.name] = own
        return actions + finish(spec.name, now: now)
    }

    /// Decides how many replicas a deployment should have, until the next deploy decides anew.
    ///
    /// - Throws: `invalidOptions` when the number is not from 0 to ``DeploymentOptions/maximumReplicas``; `notFound` when
    ///   there is no such deployment, or it is being deleted. Then nothing changes.
    package mutating func scale(
        _ deployment: DeploymentID,
        to replicas: Int,
        by decider: Target.Decider,
        now: MonotonicTime
    ) throws(ServeError) -> [ControlAction] {
        if !(0...DeploymentOptions.maximumReplicas).contains(replicas) {
            let range = "from 0 to \(DeploymentOptions.maximumReplicas)"
            throw ServeError(
                .invalidOptions,
                "deployment '\(deployment)' cannot be scaled to \(replicas) replicas; the number must be \(range)",
                deployment: deployment
            )
        }
        let target = Target(replicas: replicas, decidedBy: decider)
        let actions = change(deployment.application) { machine, goal, numbers in
            machine.scale(deployment.deployment, to: target, &goal, now: now, numbers: &numbers)
        }
        guard let actions = actions ?? nil else {
            throw ServeError(.notFound, "there is no deployment '\(deployment)'", deployment: deployment)
        }
        return actions + finish(deployment.application, now: now)
    }

    /// Withdraws the application at once and lets its replicas finish what they work on.
    ///
    /// `.applicationDeleted` follows when all of them are gone, also when the name was deployed again in the meantime.
    /// A replica that is still there after it was told to stop for a minute is not waited for any longer.
    /// A deploy that was under way fails with `deleted`.
    ///
    /// - Throws: `notFound` when there is no such application.
    package mutating func delete(application: String, now: MonotonicTime) throws(ServeError) -> [ControlAction] {
        guard goal.applications[application] != nil else {
            throw ServeError(.notFound, "there is no application '\(application)'")
        }
        return delete([application], now: now)
    }

    /// Deletes every application and refuses new ones from now on.
    package mutating func shutdown(now: MonotonicTime) -> [ControlAction] {
        isShutDown = true
        return delete(goal.applications.keys.sorted(), now: now)
    }

    /// Takes note of what a replica reports.
    package mutating func handle(
        _ event: ReplicaEvent,
        of replica: ReplicaID,
        now: MonotonicTime
    ) -> [ControlAction] {
        let name = replica.deployment.application
        let handled = change(name) { machine, goal, numbers in
            machine.handle(event, of: replica, &goal, now: now, numbers: &numbers)
        }
        guard let actions = handled else { return [] }
        switch event {
        case .placed, .launched, .probeAnswered: return actions
        case .ready, .initializationFailed, .exited, .drained: return actions + finish(name, now: now)
        }
    }

    /// Lets time pass: what took too long is dealt with, waits end, probes go out.
    package mutating func tick(now: MonotonicTime) -> [ControlAction] {
        let due = machines.filter { $0.value.wakeUp.map { $0 <= now } ?? false }
        return due.keys.sorted().flatMap { name in
            let actions = change(name) { machine, goal, numbers in
                machine.tick(&goal, now: now, numbers: &numbers)
            }
            return (actions ?? []) + finish(name, now: now)
        }
    }

    /// When ``tick(now:)`` is due next; `nil` when nothing waits for time to pass.
    ///
    /// Never too late, and now and then too early: then that tick does nothing.
    package var nextWakeUp: MonotonicTime? { machines.values.compactMap(\.wakeUp).min() }

    package func status() -> ServeStatus {
        var statuses: [String: ApplicationStatus] = [:]
        for (name, machine) in machines { statuses[name] = goal.applications[name].map { machine.status($0) } }
        return ServeStatus(applications: statuses)
    }

    // MARK: Shared by the entry points

    private func checkPrefix(of spec: ApplicationSpec) throws(ServeError) {
        guard let prefix = spec.routePrefix else { return }
        for (name, other) in goal.applications.sorted(by: { $0.key < $1.key })
        where name != spec.name && !other.isDeleting {
            // A route that is about to be given up is still in force.
            guard other.spec.routePrefix == prefix || machines[name]?.route?.prefix == prefix else { continue }
            throw ServeError(
                .invalidOptions,
                "application '\(spec.name)': the route prefix '\(prefix)' is taken by application '\(name)'"
            )
        }
    }

    private mutating func delete(_ names: [String], now: MonotonicTime) -> [ControlAction] {
        let actions = names.flatMap { name in
            change(name) { machine, goal, numbers in machine.delete(&goal, now: now, numbers: &numbers) } ?? []
        }
        // Nothing is drained before every caller was told to stay away.
        let withdrawals = actions.filter(\.isWithdrawal)
        return withdrawals + exposeRoutes() + actions.filter { !$0.isWithdrawal }
            + names.flatMap { finish($0, now: now) }
    }

    /// What follows for the application as a whole from a change in one of its deployments.
    private mutating func finish(_ name: String, now: MonotonicTime) -> [ControlAction] {
        _ = change(name) { machine, goal, _ in machine.updateRoute(goal) }
        let routes = exposeRoutes()
        let rest = change(name) { machine, goal, numbers in
            machine.retireVanished(&goal, now: now, numbers: &numbers) + machine.announce(&goal)
        }
        if change(name, { machine, goal, _ in machine.isGone(goal) }) == true {
            machines[name] = nil
            goal.applications[name] = nil
        }
        return routes + (rest ?? [])
    }

    /// `nil` when there is no such application.
    private mutating func change<Result>(
        _ name: String,
        _ change: (inout ApplicationMachine, inout GoalState.Application, inout ReplicaNumbers) -> Result
    ) -> Result? {
        guard machines[name] != nil, goal.applications[name] != nil else { return nil }
        return change(&machines[name]!, &goal.applications[name]!, &goal.numbers)
    }

    private mutating func exposeRoutes() -> [ControlAction] {
        let table = machines.values.compactMap(\.route).sorted { $0.prefix < $1.prefix }
        guard table != routes else { return [] }
        routes = table
        return [.exposeRoutes(table)]
    }
}

extension ControlAction {
    fileprivate var isWithdrawal: Bool {
        if case .withdraw = self { true } else { false }
    }
}
