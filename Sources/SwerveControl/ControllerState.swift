package import SwerveCore

/// The controller's whole state machine: what should run, what runs, and what to do about the difference.
///
/// A value without clock, I/O or randomness: each call is one event and returns what the shell has to do, in order.
/// Late, doubled and unknown reports are ignored, so the shell may pass on whatever it hears.
///
/// Start-first: a changed deployment keeps serving with its old replicas until the target count of new ones is ready.
/// When the new ones cannot be started, the last revision that was healthy serves on, and is kept at its own target,
/// until the next deploy. A deploy with nothing to fall back to, and some replicas ready, has failed as well; but those
/// serve, and the others are tried again and again, so that it can still come right.
package struct ControllerState: Sendable {
    private var applications: [String: ApplicationMachine] = [:]
    private var numbers = ReplicaNumbers()
    private var routes: [RouteEntry] = []
    private var isShutDown = false

    package init() {}

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
        let actions = applications[spec.name, default: ApplicationMachine(spec: spec)]
            .deploy(spec, now: now, numbers: &numbers)
        return actions + finish(spec.name, now: now)
    }

    /// Withdraws the application at once and lets its replicas finish what they work on.
    ///
    /// `.applicationDeleted` follows when all of them are gone, also when the name was deployed again in the meantime.
    /// A replica that is still there after it was told to stop for a minute is not waited for any longer.
    /// A deploy that was under way fails with `deleted`.
    ///
    /// - Throws: `notFound` when there is no such application.
    package mutating func delete(application: String, now: MonotonicTime) throws(ServeError) -> [ControlAction] {
        guard applications[application] != nil else {
            throw ServeError(.notFound, "there is no application '\(application)'")
        }
        return delete([application], now: now)
    }

    /// Deletes every application and refuses new ones from now on.
    package mutating func shutdown(now: MonotonicTime) -> [ControlAction] {
        isShutDown = true
        return delete(applications.keys.sorted(), now: now)
    }

    /// Takes note of what a replica reports.
    package mutating func handle(
        _ event: ReplicaEvent,
        of replica: ReplicaID,
        now: MonotonicTime
    ) -> [ControlAction] {
        let name = replica.deployment.application
        guard applications[name] != nil else { return [] }
        let actions = applications[name]?.handle(event, of: replica, now: now, numbers: &numbers) ?? []
        switch event {
        case .placed, .launched, .probeAnswered: return actions
        case .ready, .initializationFailed, .exited, .drained: return actions + finish(name, now: now)
        }
    }

    /// Lets time pass: what took too long is dealt with, waits end, probes go out.
    package mutating func tick(now: MonotonicTime) -> [ControlAction] {
        let due = applications.filter { $0.value.wakeUp.map { $0 <= now } ?? false }
        return due.keys.sorted().flatMap { name in
            let actions = applications[name]?.tick(now: now, numbers: &numbers) ?? []
            return actions + finish(name, now: now)
        }
    }

    /// When ``tick(now:)`` is due next; `nil` when nothing waits for time to pass.
    ///
    /// Never too late, and now and then too early: then that tick does nothing.
    package var nextWakeUp: MonotonicTime? { applications.values.compactMap(\.wakeUp).min() }

    package func status() -> ServeStatus {
        ServeStatus(applications: applications.mapValues(\.status))
    }

    // MARK: Shared by the entry points

    private func checkPrefix(of spec: ApplicationSpec) throws(ServeError) {
        guard let prefix = spec.routePrefix else { return }
        for (name, other) in applications.sorted(by: { $0.key < $1.key }) where name != spec.name && !other.isDeleting {
            // A route that is about to be given up is still in force.
            guard other.spec.routePrefix == prefix || other.route?.prefix == prefix else { continue }
            throw ServeError(
                .invalidOptions,
                "application '\(spec.name)': the route prefix '\(prefix)' is taken by application '\(name)'"
            )
        }
    }

    private mutating func delete(_ names: [String], now: MonotonicTime) -> [ControlAction] {
        let actions = names.flatMap { applications[$0]?.delete(now: now, numbers: &numbers) ?? [] }
        // Nothing is drained before every caller was told to stay away.
        let withdrawals = actions.filter(\.isWithdrawal)
        return withdrawals + exposeRoutes() + actions.filter { !$0.isWithdrawal }
            + names.flatMap { finish($0, now: now) }
    }

    /// What follows for the application as a whole from a change in one of its deployments.
    private mutating func finish(_ name: String, now: MonotonicTime) -> [ControlAction] {
        applications[name]?.updateRoute()
        let routes = exposeRoutes()
        let retired = applications[name]?.retireVanished(now: now, numbers: &numbers) ?? []
        let announced = applications[name]?.announce() ?? []
        if applications[name]?.isGone == true { applications[name] = nil }
        return routes + retired + announced
    }

    private mutating func exposeRoutes() -> [ControlAction] {
        let table = applications.values.compactMap(\.route).sorted { $0.prefix < $1.prefix }
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
