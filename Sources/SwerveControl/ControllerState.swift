package import SwerveCore

/// The controller's whole state machine: what should run, what runs, and what to do about the difference.
///
/// A value without clock, I/O or randomness: each call is one event and returns what the shell has to do, in order.
/// Late, duplicate and unknown reports are ignored, so the shell may pass on every report.
///
/// A separate rule, ``DeploymentOptions/Rollout``, decides how a changed deployment's new replicas replace the old
/// ones; the default starts all new ones first. If the new ones cannot be started, the last healthy revision keeps
/// serving, at its own target, until the next deploy. A deploy with some replicas ready and no revision to fall back to
/// also counts as failed, but the ready replicas serve and the others are retried, so it can still succeed.
package struct ControllerState: Sendable {
    /// What is wanted.
    package internal(set) var goal: GoalState
    /// What of the goal is stored; `nil` for a controller that stores nothing.
    private var tracker: GoalTracker?
    /// What is observed of the applications in the goal.
    var machines: [String: ApplicationMachine]
    var supply: Supply
    /// The deployments that each process has reported a load on.
    var loadSources: [LoadSource: Set<DeploymentID>] = [:]
    /// The other way round: the processes that have reported a load on some deployment of each application.
    var reporters: [String: Set<LoadSource>] = [:]
    /// The routes in force, by application, as the shell was last told.
    private var routes: [String: RouteEntry] = [:]
    /// Whether the shell may know other routes.
    private var areRoutesInDoubt = false
    private var agenda = Agenda()
    /// The applications with replicas that wait for resources, and since when.
    private var waiting: [String: MonotonicTime] = [:]
    /// The applications whose status may differ from what ``takeChanged()`` last said.
    private var changed: Set<String> = []
    /// Replicas that belong to nothing in the goal, when each is told to stop (again), and how often it was.
    private var strays: [ReplicaID: (next: MonotonicTime, told: Int)] = [:]
    /// The deployments of an earlier controller that belong to nothing in the goal, but that calls go to or wait for.
    private var leftovers: [DeploymentID] = []
    private var isShutDown = false

    /// A controller without applications, or one that continues with an earlier controller's goal. In the second case
    /// the first ``tick(now:)`` starts what is missing, which is everything.
    ///
    /// - Parameters:
    ///   - nodes: what replicas can reserve, by the nodes' names.
    ///   - isStored: whether the goal is kept somewhere, as it is now, and ``unstoredChange()`` is to say how it differs
    ///     from that later.
    package init(
        goal: GoalState = GoalState(),
        nodes: [String: NodeResources] = NodeLedger.nothing,
        isStored: Bool = false
    ) {
        self.goal = goal
        self.tracker = isStored ? GoalTracker(goal) : nil
        self.supply = Supply(
            numbers: goal.numbers,
            ledger: NodeLedger(nodes),
            targetCapacity: goal.targetCapacity
        )
        self.machines = goal.applications.mapValues { ApplicationMachine($0) }
        for name in machines.keys { index(name) }
    }

    /// Takes over what an earlier controller with the same goal left running. Call it before anything else.
    package mutating func adopt(_ inventory: Inventory, now: MonotonicTime) {
        routes = Dictionary(inventory.routes.map { ($0.application, $0) }) { first, _ in first }
        areRoutesInDoubt = true
        for replica in inventory.replicas { supply.ledger.enter(replica.reservation, of: replica.id) }
        let (known, others) = inventory.replicas.parted { replica in
            goal.applications[replica.id.deployment.application]?.deployments[replica.id.deployment.deployment] != nil
        }
        for replica in others { strays[replica.id] = (now, 0) }
        leftovers = inventory.published.filter { goal.applications[$0.application]?.deployments[$0.deployment] == nil }
        let found = Dictionary(grouping: known, by: \.id.deployment.application)
        // Also those without replicas: they may have a route, as when they are scaled to zero.
        for (name, own) in goal.applications {
            machines[name]?.adopt(
                Dictionary(grouping: found[name] ?? [], by: \.id.deployment.deployment),
                route: routes[name],
                own,
                now: now,
                next: goal.numbers.next
            )
            index(name)
        }
    }

    /// Replaces the goal of the application of that name with `spec`, or adds a new application.
    ///
    /// The deploy ends with `.applicationRunning` or `.applicationFailed`. A deploy or a delete that comes earlier
    /// replaces it, and the outcome of the last one answers all waiting callers.
    ///
    /// - Throws: `invalidOptions` if the spec is not acceptable or another application has its route prefix;
    ///   `insufficientResources` if its replicas could not even run alone. Then nothing changes. `shutDown` after ``shutdown(now:)``.
    package mutating func deploy(_ spec: ApplicationSpec, now: MonotonicTime) throws(ServeError) -> [ControlAction] {
        try check(spec)
        var own = goal.applications[spec.name] ?? GoalState.Application(spec: spec)
        let actions = machines[spec.name, default: ApplicationMachine(own)]
            .deploy(spec, &own, now: now, supply: &supply)
        goal.applications[spec.name] = own
        goal.numbers = supply.numbers
        return actions + finish(spec.name, now: now)
    }

    /// Announces the outcome of the latest deploy once more, or once there is one.
    ///
    /// - Throws: `deleted` if the application is gone or being deleted.
    package mutating func announceAgain(_ name: String, now: MonotonicTime) throws(ServeError) -> [ControlAction] {
        guard let own = goal.applications[name], !own.isDeleting else {
            throw ServeError(.deleted, "the application '\(name)' was deleted before it ran")
        }
        _ = change(name) { machine, _, _ in machine.announceAgain() }
        return finish(name, now: now)
    }

    /// Sets how many replicas a deployment should have, until the next deploy. For an autoscaled deployment, it is the
    /// number from which the policy goes on; it does not fall below it before the downscale delay is over.
    ///
    /// - Throws: `invalidOptions` if the number is not from 0 to ``DeploymentOptions/maximumReplicas``, or not within the
    ///   bounds of an autoscaled deployment; `insufficientResources` if so many could never run together; `startFailed`
    ///   if its last deploy failed for good; `notFound` if there is no such deployment or it is being deleted. In all
    ///   cases nothing changes.
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
        if let own = goal.applications[deployment.application], !own.isDeleting,
            own.wantedNames.contains(deployment.deployment), let goal = own.deployments[deployment.deployment]
        {
            if case .failed(let message) = goal.course {
                let reason = "it could not be started, and is started again only by another deploy (\(message))"
                throw ServeError(
                    .startFailed,
                    "deployment '\(deployment)' cannot be scaled: \(reason)",
                    deployment: deployment
                )
            }
            try checkBounds(of: goal.spec, replicas)
            try supply.ledger.check(goal.spec, replicas: replicas)
        }
        let actions = change(deployment.application) { machine, goal, supply in
            machine.scale(deployment.deployment, to: target, &goal, now: now, supply: &supply)
        }
        guard let actions = actions ?? nil else {
            throw ServeError(.notFound, "there is no deployment '\(deployment)'", deployment: deployment)
        }
        return actions + finish(deployment.application, now: now)
    }

    /// Withdraws the application at once and lets its replicas finish their ongoing requests.
    ///
    /// `.applicationDeleted` follows when all of them are gone, even if the name was deployed again in the meantime. It
    /// does not wait for a replica that still exists after a minute of stop orders. A deploy under way fails with
    /// `deleted`.
    ///
    /// - Throws: `notFound` if there is no such application.
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

    /// Stops the replicas that still finish their requests, and stops those again that do not exit. For a shutdown
    /// whose time is over.
    package mutating func hurry(now: MonotonicTime) -> [ControlAction] {
        goal.applications.keys.sorted().flatMap { name in
            (change(name) { machine, _, _ in machine.hurry(now: now) } ?? []) + finish(name, now: now)
        }
    }

    /// Handles a replica's report.
    package mutating func handle(
        _ event: ReplicaEvent,
        of replica: ReplicaID,
        now: MonotonicTime
    ) -> [ControlAction] {
        if case .exited = event, strays.removeValue(forKey: replica) != nil {
            supply.release(replica)
            return startPending(now: now)
        }
        if case .loadChanged(let loads) = event { return report(loads, from: .replica(replica), now: now) }
        let name = replica.deployment.application
        // Here, because a replica that survived its stops can outlive all that is known of its application.
        if case .exited = event { supply.release(replica) }
        let handled = change(name) { machine, goal, supply in
            machine.handle(event, of: replica, &goal, now: now, supply: &supply)
        }
        guard let actions = handled else { return startPending(now: now) + forget(.replica(replica), now: now) }
        switch event {
        case .placed, .launched, .connected, .probeAnswered, .checkPassed, .loadChanged, .modelsChanged,
            .batchesChanged:
            return actions
        case .ready, .initializationFailed, .drained, .checkFailed, .reconfigured, .reconfigurationFailed:
            return actions + finish(name, now: now)
        case .exited: return actions + finish(name, now: now) + forget(.replica(replica), now: now)
        }
    }

    /// Acts on the time that has passed: handles timeouts, ends waits and sends probes.
    package mutating func tick(now: MonotonicTime) -> [ControlAction] {
        withdrawLeftovers() + stopStrays(now: now)
            + agenda.takeDue(now: now).flatMap { name in
                let actions = change(name) { machine, goal, supply in
                    machine.tick(&goal, now: now, supply: &supply)
                }
                return (actions ?? []) + finish(name, now: now)
            }
    }

    /// When ``tick(now:)`` is due next; `nil` when nothing depends on time.
    ///
    /// It is never too late. It is sometimes too early, and then that tick does nothing.
    package var nextWakeUp: MonotonicTime? {
        if !leftovers.isEmpty { return .zero }
        return [agenda.next, strays.values.lazy.map(\.next).min()].compactMap(\.self).min()
    }

    /// Ends what the earlier controller stored the end of, and perhaps could not tell the callers any more.
    private mutating func withdrawLeftovers() -> [ControlAction] {
        if leftovers.isEmpty { return [] }
        // One may have been deployed again by now.
        let gone = leftovers.filter { goal.applications[$0.application]?.deployments[$0.deployment] == nil }
        let withdrawals = gone.map { id in
            let error = ServeError(.deleted, "deployment '\(id)' was deleted", deployment: id)
            return ControlAction.withdraw(id, reason: error)
        }
        leftovers = []
        return withdrawals + exposeRoutes(of: [])
    }

    private mutating func stopStrays(now: MonotonicTime) -> [ControlAction] {
        let due = strays.filter { $0.value.next <= now }.keys.sorted()
        for replica in due {
            let told = (strays[replica]?.told ?? 0) + 1
            // One that survives this is left alone; what it holds stays reserved.
            strays[replica] = told > Limits.stopsUntilStuck ? nil : (now.after(Limits.stopRepeat), told)
        }
        return due.map { .stop($0) }
    }

    /// What must be stored before the actions of the last event are carried out; `nil` for nothing.
    package mutating func unstoredChange() -> GoalChange? {
        guard let change = tracker?.change(goal), !change.isEmpty else { return nil }
        return change
    }

    /// The last ``unstoredChange()`` is stored.
    package mutating func noteStored(_ change: GoalChange) { tracker?.noteStored(change) }

    package func status() -> ServeStatus {
        ServeStatus(
            applications: Dictionary(
                uniqueKeysWithValues: machines.keys.compactMap { name in
                    status(of: name).map { (name, $0) }
                }
            )
        )
    }

    /// `nil` if there is no such application.
    package func status(of application: String) -> ApplicationStatus? {
        guard let machine = machines[application] else { return nil }
        return goal.applications[application].map { machine.status($0) }
    }

    /// The applications whose status may have changed since this was last called. The status of all others is the same.
    package mutating func takeChanged() -> Set<String> {
        defer { changed = [] }
        return changed
    }

    // MARK: Shared by the entry points

    /// - Parameter leaving: applications whose route prefixes are free by then.
    /// - Throws: why the spec cannot be deployed.
    func check(_ spec: ApplicationSpec, without leaving: Set<String> = []) throws(ServeError) {
        if isShutDown {
            throw ServeError(.shutDown, "application '\(spec.name)' cannot be deployed: the instance is shutting down")
        }
        try spec.validate()
        try checkPrefix(of: spec, without: leaving)
        try supply.ledger.check(spec)
    }

    /// What replicas hold and what is free.
    var ledger: NodeLedger { supply.ledger }

    private func checkPrefix(of spec: ApplicationSpec, without leaving: Set<String>) throws(ServeError) {
        guard let prefix = spec.routePrefix else { return }
        let others = goal.applications.lazy.filter { [machines] name, other in
            // A route about to be replaced is still in force.
            name != spec.name && !other.isDeleting && !leaving.contains(name)
                && (other.spec.routePrefix == prefix || machines[name]?.route?.prefix == prefix)
        }
        guard let name = others.map(\.key).min() else { return }
        throw ServeError(
            .invalidOptions,
            "application '\(spec.name)': the route prefix '\(prefix)' is taken by application '\(name)'"
        )
    }

    private mutating func delete(_ names: [String], now: MonotonicTime) -> [ControlAction] {
        let actions = names.flatMap { name in
            change(name) { machine, goal, supply in machine.delete(&goal, now: now, supply: &supply) } ?? []
        }
        // Callers must stop sending requests before anything is drained.
        let withdrawals = actions.filter(\.isWithdrawal)
        return withdrawals + exposeRoutes(of: names) + actions.filter { !$0.isWithdrawal }
            + names.flatMap { finish($0, now: now) }
    }

    /// Works out what a change in one deployment means for the whole application.
    mutating func finish(_ name: String, now: MonotonicTime) -> [ControlAction] {
        _ = change(name) { machine, goal, _ in machine.updateRoute(goal) }
        let routes = exposeRoutes(of: [name])
        let rest = change(name) { machine, goal, supply in
            machine.retireVanished(&goal, now: now, supply: &supply) + machine.announce(&goal)
        }
        if change(name, { machine, goal, _ in machine.isGone(goal) }) == true {
            forgetLoads(of: name)
            machines[name] = nil
            goal.applications[name] = nil
            index(name)
        }
        return routes + (rest ?? []) + startPending(now: now)
    }

    /// Gives what became free to the replicas that wait for it, in the order in which they began to wait.
    private mutating func startPending(now: MonotonicTime) -> [ControlAction] {
        guard supply.hasFreed else { return [] }
        supply.hasFreed = false
        return waiting.sorted { ($0.value, $0.key) < ($1.value, $1.key) }.flatMap { name, _ in
            change(name) { machine, goal, supply in machine.startPending(&goal, now: now, supply: &supply) } ?? []
        }
    }

    /// Returns `nil` if there is no such application.
    mutating func change<Result>(
        _ name: String,
        _ change: (inout ApplicationMachine, inout GoalState.Application, inout Supply) -> Result
    ) -> Result? {
        guard machines[name] != nil, goal.applications[name] != nil else { return nil }
        tracker?.touch(name)
        defer {
            goal.numbers = supply.numbers
            index(name)
        }
        return change(&machines[name]!, &goal.applications[name]!, &supply)
    }

    /// Brings what is looked up across all applications up to date after a change in one.
    private mutating func index(_ name: String) {
        agenda.set(name, machines[name]?.wakeUp)
        waiting[name] = machines[name]?.pendingSince
        changed.insert(name)
    }

    /// Tells the shell which routes are in force if those of the given applications are not what it knows.
    private mutating func exposeRoutes(of names: [String]) -> [ControlAction] {
        guard areRoutesInDoubt || names.contains(where: { routes[$0] != machines[$0]?.route }) else { return [] }
        let before = routes
        routes = areRoutesInDoubt ? machines.compactMapValues(\.route) : routes
        for name in names { routes[name] = machines[name]?.route }
        areRoutesInDoubt = false
        return routes == before ? [] : [.exposeRoutes(routes.values.sorted { $0.prefix < $1.prefix })]
    }
}

extension ControlAction {
    fileprivate var isWithdrawal: Bool {
        if case .withdraw = self { true } else { false }
    }
}

extension Array {
    /// The elements that satisfy a condition, and the others.
    fileprivate func parted(_ condition: (Element) -> Bool) -> (those: [Element], others: [Element]) {
        (filter(condition), filter { !condition($0) })
    }
}
