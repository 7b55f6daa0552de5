import SwerveControl
import SwerveCore

/// The replicas and callers that a simulated controller acts on. Throws if the controller takes an illegal action.
struct World {
    enum Phase { case starting, ready, draining, stopping }

    struct Replica {
        let spec: DeploymentSpec
        /// What it runs with; `nil` after a change that failed.
        var configuration: Configuration?
        /// The change that it was ordered to make and has not reported.
        var update: (target: Configuration, number: Int)?
        let reservation: Reservation
        var phase = Phase.starting
        var readySince: MonotonicTime?
        var probed: MonotonicTime?
        /// How many of the user's checks in a row failed.
        var failedChecks = 0
        /// Whether the controller may drain it because of its health.
        var isSick: Bool { failedChecks >= 3 || configuration == nil }
        /// How often the controller stopped it.
        var stops = 0
        var isLive: Bool { phase == .starting || phase == .ready }
        /// Whether the controller need not wait for it any longer.
        var isStuck: Bool { stops > 6 }
    }

    /// What replicas can reserve.
    var nodes: [String: NodeResources] = [:]
    /// All replicas that were started and are not gone.
    var replicas: [ReplicaID: Replica] = [:]
    var lastNumber: UInt64 = 0
    /// The replicas that callers may call. A withdrawn deployment has no entry.
    var published: [DeploymentID: [ReplicaID]] = [:]
    var routes: [RouteEntry] = []
    /// The latest accepted spec of each application that was not deleted.
    var goals: [String: ApplicationSpec] = [:]
    /// The latest spec of each deployment that was not withdrawn as deleted.
    var deployments: [DeploymentID: DeploymentSpec] = [:]
    /// How many replicas of each deployment the latest deploy, or scaling after it, wants.
    var targets: [DeploymentID: Int] = [:]
    /// For each deployment, what a failed roll-out falls back to: the last spec that was complete, or the first one
    /// that served, with its target.
    var trusted: [DeploymentID: Trusted] = [:]
    /// The deployments that run their trusted spec since the latest deploy.
    var fellBack: Set<DeploymentID> = []
    /// The deployments that an earlier controller withdrew as deleted, and that the present one may withdraw again.
    private var withdrawnBefore: Set<DeploymentID> = []
    /// For each delete that has not ended, the replicas that must be gone first.
    var deleting: [String: Set<ReplicaID>] = [:]
    /// The applications whose deploy has not been answered.
    var waiting: Set<String> = []
    var failed: Set<String> = []
    /// The rare events that happened.
    var reached: Set<Milestone> = []

    struct Trusted {
        let spec: DeploymentSpec
        var target: Int
    }

    enum Milestone: CaseIterable {
        /// A failed roll-out restarted replicas of the version before it.
        case fallback
        /// A deploy failed although some of its replicas serve.
        case partialFailure
        /// A failed deploy became complete after all.
        case lateSuccess
        /// A replica that had lasted was replaced at once.
        case replacement
        /// An application was deleted while some of its replicas were starting, or while one could not be stopped.
        case deleteWhileStarting, deleteWithoutEnd
        /// Replicas of two versions served side by side, with different limits.
        case sideBySide
        /// A roll-out left no replica to serve for a while, as its rule allows.
        case stoppedFirst
        /// The controller was lost, and another one continued.
        case newController
        /// A deployment was scaled while its replicas were being replaced.
        case scaledInRollout
        /// A replica of the version before was started to replace a lost one, while the new version was not ready.
        case healed
        /// A replica changed its configuration in place, and left the set of those that serve for that time.
        case reconfigured, reconfiguredApart
        /// A roll-out ended because a replica could not change its configuration.
        case failedReconfiguration
        /// A roll-out ended because it made no progress.
        case stalled
        /// A replica waited for resources. Old replicas had to stop before new ones could start.
        case pending, forcedToStopFirst
        /// A deploy or a scaling was refused, because not even empty nodes have enough.
        case refused
    }

    /// What a new controller finds.
    var inventory: Inventory {
        let published = Set(published.values.joined())
        let found = replicas.map { id, replica in
            let phase: Inventory.Replica.Phase =
                switch replica.phase {
                case .starting: .starting
                case .ready: .running(since: replica.readySince ?? .zero)
                case .draining: .draining
                case .stopping: .stopping
                }
            return Inventory.Replica(
                id: id,
                spec: replica.spec,
                configuration: replica.configuration,
                reservation: replica.reservation,
                phase: phase,
                isPublished: published.contains(id)
            )
        }
        return Inventory(replicas: found, routes: routes)
    }

    /// Callers who wait ask the next controller again.
    mutating func lostController() {
        waiting = Set(goals.keys)
        failed = []
        // A delete whose application was deployed again has no effect left that anybody could wait for.
        deleting = deleting.filter { goals[$0.key] == nil }
        for id in replicas.keys {
            replicas[id]?.probed = nil
            replicas[id]?.update = nil
        }
        withdrawnBefore = Set(replicas.keys.map(\.deployment)).subtracting(deployments.keys)
        reached.insert(.newController)
    }

    func live(_ deployment: DeploymentID) -> [ReplicaID] {
        replicas.filter { $0.key.deployment == deployment && $0.value.isLive }.keys.sorted()
    }

    // MARK: What the simulation does

    mutating func deployed(_ spec: ApplicationSpec) {
        goals[spec.name] = spec
        failed.remove(spec.name)
        waiting.insert(spec.name)
        for deployment in spec.deployments {
            let id = deployment.id
            if let last = effective(id), !last.isEquivalent(to: deployment) {
                let serves = !published[id, default: []].isEmpty && isCurrent(published[id, default: []], last)
                if target(of: id) == 0 {
                    trusted[id] = nil
                } else if trusted[id].map({ $0.spec.isEquivalent(to: last) }) ?? serves {
                    trusted[id] = Trusted(spec: last, target: target(of: id))
                }
            }
            deployments[id] = deployment
            targets[id] = deployment.options.numReplicas
            fellBack.remove(id)
        }
    }

    mutating func scaled(_ id: DeploymentID, to target: Int) {
        if fellBack.contains(id) { trusted[id]?.target = target } else { targets[id] = target }
        let revisions = Set(live(id).compactMap { replicas[$0]?.spec.revision })
        if revisions.count > 1 { reached.insert(.scaledInRollout) }
    }

    mutating func deleted(_ application: String) {
        guard goals.removeValue(forKey: application) != nil else { return }
        let own = replicas.filter { $0.key.deployment.application == application }
        deleting[application] = Set(own.keys)
        if own.values.contains(where: { $0.phase == .starting }) { reached.insert(.deleteWhileStarting) }
    }

    mutating func delivers(_ event: ReplicaEvent, of replica: ReplicaID, now: MonotonicTime) {
        switch event {
        case .ready:
            guard replicas[replica]?.phase == .starting else { return }
            replicas[replica]?.phase = .ready
            replicas[replica]?.readySince = now
        case .exited: replicas[replica] = nil
        case .probeAnswered: replicas[replica]?.probed = nil
        case .reconfigured(let number): replicas[replica]?.end(number, failed: false)
        case .reconfigurationFailed(let number, _): replicas[replica]?.end(number, failed: true)
        case .checkPassed: replicas[replica]?.failedChecks = 0
        case .checkFailed: replicas[replica]?.failedChecks += 1
        case .placed, .launched, .connected, .initializationFailed, .drained, .loadChanged, .modelsChanged,
            .batchesChanged:
            break
        }
    }

    /// Whether the replica has the current version and has run for a while, so that its end is not a failed start.
    func hasLasted(_ replica: ReplicaID, now: MonotonicTime) -> Bool {
        guard let known = replicas[replica], known.phase == .ready, let since = known.readySince else { return false }
        return now - since >= .seconds(10) && known.spec.revision == effective(replica.deployment)?.revision
    }

    /// - Parameter actions: the controller's actions after the end of a replica that had lasted.
    mutating func checkReplacement(of replica: ReplicaID, _ actions: [ControlAction]) throws {
        let id = replica.deployment
        guard let spec = effective(id), live(id).count < target(of: id) else { return }
        // If no replicas may exist in excess of the target, an old replica keeps its place until it is gone.
        let hasSurge = spec.options.rollout.bounds(target: target(of: id)).surge > 0 && !isLimited(spec)
        if !hasSurge, !leaving(id).isEmpty { return }
        let isStarted = actions.contains {
            if case .start(let next, _, _) = $0 { next.deployment == id } else { false }
        }
        reached.insert(.replacement)
        if !isStarted { throw illegal("\(replica) had lasted, but is not replaced at once: \(actions)") }
    }

    /// The spec that the deployment's replicas are started from.
    func effective(_ id: DeploymentID) -> DeploymentSpec? {
        fellBack.contains(id) ? trusted[id]?.spec : deployments[id]
    }

    /// How many replicas the deployment should have.
    func target(of id: DeploymentID) -> Int { (fellBack.contains(id) ? trusted[id]?.target : targets[id]) ?? 0 }

    /// The replicas that are leaving and still hold their resources.
    func leaving(_ id: DeploymentID) -> [ReplicaID] {
        replicas.filter { key, replica in
            key.deployment == id && !replica.isLive && !replica.isStuck
        }.keys.sorted()
    }

    // MARK: What the controller does

    /// - Parameters:
    ///   - fallenBack: the deployments that the controller reports as running their last good spec.
    ///   - isTick: whether time passed, the only reason to stop a running replica without draining it.
    mutating func perform(
        _ actions: [ControlAction],
        fallenBack: Set<DeploymentID>,
        now: MonotonicTime,
        isTick: Bool
    ) throws {
        let before = (published, fellBack)
        for id in fallenBack.subtracting(fellBack) {
            if trusted[id] == nil { throw illegal("\(id) fell back to nothing") }
            reached.insert(.fallback)
        }
        fellBack = fallenBack
        for action in actions {
            do { try perform(action, now: now, isTick: isTick) } catch let violation as Violation {
                throw Violation(description: "\(action): \(violation) in \(actions)")
            }
        }
        for id in fellBack.subtracting(before.1) {
            let isWanted = goals[id.application]?.deployments.contains { $0.id == id } ?? false
            if isWanted && !failed.contains(id.application) { throw illegal("\(id) fell back without a report") }
        }
        for name in failed where reached.contains(.partialFailure) && isRunning(name) { reached.insert(.lateSuccess) }
        for (id, spec) in deployments where isComplete(id, spec) {
            let target = target(of: id)
            if target > 0 {
                trusted[id] = Trusted(spec: spec, target: target)
            } else if trusted[id]?.spec.isEquivalent(to: spec) != true {
                trusted[id] = nil
            }
        }
        for (id, was) in before.0 where !was.isEmpty && published[id, default: []].isEmpty {
            guard let spec = effective(id), target(of: id) > 0 else { continue }
            let alive = was.filter { replica in
                guard let known = replicas[replica], !known.isSick else { return false }
                return known.phase == .ready || known.phase == .draining
            }
            let isLast = isLimited(spec) && was.count == 1
            if unavailable(spec) >= target(of: id) || isLast, !alive.isEmpty {
                reached.insert(.stoppedFirst)
            } else if !alive.isEmpty {
                throw Violation(description: "\(id) is out of service, but \(alive) of \(was) could serve: \(actions)")
            }
        }
        for id in deployments.keys { try checkRollout(id, actions, servedBefore: before.0[id, default: []]) }
        try check()
    }

    private mutating func perform(_ action: ControlAction, now: MonotonicTime, isTick: Bool) throws {
        switch action {
        case .waitForResources: break
        case .start(let replica, let spec, let reservation):
            try check(reservation, for: spec)
            if replica.number <= lastNumber { throw illegal("a number used before") }
            lastNumber = replica.number
            if effective(replica.deployment) != spec {
                if trusted[replica.deployment]?.spec != spec {
                    throw illegal("neither the latest spec nor the last good one")
                }
                reached.insert(.healed)
            }
            replicas[replica] = Replica(spec: spec, configuration: spec.configuration, reservation: reservation)
        case .publish(let id, let serving, let options):
            let set = serving.map(\.id)
            if let spec = effective(id), options != PoolOptions(spec.options) { throw illegal("wrong options") }
            for replica in serving {
                guard let known = replicas[replica.id], let now = known.configuration?.maxOngoingRequests else {
                    continue
                }
                // While it changes, the smaller of both limits holds. The order to change follows the publication.
                let next = known.update?.target.maxOngoingRequests ?? effective(id)?.options.maxOngoingRequests ?? now
                let isRight = replica.maxOngoingRequests == min(now, next)
                if !isRight, known.update != nil || replica.maxOngoingRequests != now {
                    throw illegal("\(replica) has the wrong limit")
                }
            }
            if replicas.contains(where: { $0.key.deployment == id && $0.value.update != nil && !set.contains($0.key) })
            {
                reached.insert(.reconfiguredApart)
            }
            if Set(serving.map(\.maxOngoingRequests)).count > 1 { reached.insert(.sideBySide) }
            if deployments[id] == nil { throw illegal("publishes a deleted deployment") }
            if set != set.sorted() { throw illegal("not sorted") }
            if !set.allSatisfy({ $0.deployment == id && replicas[$0]?.phase == .ready }) {
                throw illegal("publishes a replica that is not ready")
            }
            published[id] = set
        case .withdraw(let id, let reason):
            published[id] = nil
            if reason.code == .deleted {
                let wanted = goals[id.application]?.deployments.contains { $0.id == id } ?? false
                if goals[id.application] != nil, routes.contains(where: { $0.ingress == id }) {
                    throw illegal("a route still leads to it")
                }
                let isRepeated = withdrawnBefore.remove(id) != nil
                if wanted || (deployments.removeValue(forKey: id) == nil && !isRepeated) {
                    throw illegal("deleted without cause")
                }
                trusted[id] = nil
                targets[id] = nil
                fellBack.remove(id)
            }
        case .exposeRoutes(let table):
            if table == routes || table != table.sorted(by: { $0.prefix < $1.prefix }) { throw illegal("bad routes") }
            routes = table
        case .drain(let replica):
            try leave(replica, from: [.ready], to: .draining)
        case .stop(let replica):
            try leave(replica, from: [.starting, .draining, .stopping] + (isTick ? [.ready] : []), to: .stopping)
            replicas[replica]?.stops += 1
        case .reportSlowStart(let replica, _, _):
            if replicas[replica]?.phase != .starting { throw illegal("not starting") }
        case .probe(let replica):
            guard let known = replicas[replica], known.phase == .ready else { throw illegal("not running") }
            if let probed = known.probed, now - probed < known.spec.options.healthCheckTimeout {
                throw illegal("a probe is outstanding")
            }
            replicas[replica]?.probed = now
        case .reconfigure(let replica, let spec, let number):
            guard let known = replicas[replica], known.phase == .ready, known.update == nil else {
                throw illegal("not running, or changing already")
            }
            if effective(replica.deployment) != spec || known.spec.revision != spec.revision {
                throw illegal("a configuration of another version")
            }
            if known.configuration == spec.configuration { throw illegal("it has this configuration") }
            replicas[replica]?.update = (spec.configuration, number)
            reached.insert(.reconfigured)
        case .applicationRunning(let name):
            if waiting.remove(name) == nil { throw illegal("nobody waits") }
            if !isRunning(name) {
                let own = goals[name]?.deployments.filter { !isComplete($0.id, $0) }.map { spec in
                    "\(spec.id) \(published[spec.id] ?? []) of \(target(of: spec.id)): "
                        + "\(live(spec.id).map { ($0, replicas[$0]?.configuration?.userConfig, replicas[$0]?.update) }) "
                        + "wanted \(spec.userConfig ?? [])"
                }
                throw illegal("not running: \(own ?? []), \(deployments.keys.sorted())")
            }
        case .applicationFailed(let name, let error):
            if waiting.remove(name) == nil { throw illegal("nobody waits") }
            if error.message.contains("could not be reconfigured") { reached.insert(.failedReconfiguration) }
            if error.message.contains("no progress") { reached.insert(.stalled) }
            guard let goal = goals[name] else { return }
            failed.insert(name)
            let serves = goal.deployments.contains { spec in
                let set = published[spec.id, default: []]
                return !set.isEmpty && set.count < target(of: spec.id) && isCurrent(set, spec)
            }
            if serves { reached.insert(.partialFailure) }
        case .applicationDeleted(let name):
            let left = deleting.removeValue(forKey: name)?.first { replicas[$0].map { !$0.isStuck } ?? false }
            if let left { throw illegal("\(left) is left over") }
            if replicas.contains(where: { $0.key.deployment.application == name && $0.value.isStuck }) {
                reached.insert(.deleteWithoutEnd)
            }
        }
    }

    private mutating func leave(_ replica: ReplicaID, from phases: [Phase], to phase: Phase) throws {
        guard let known = replicas[replica], phases.contains(known.phase) else { throw illegal("in the wrong state") }
        if published[replica.deployment, default: []].contains(replica) { throw illegal("still published") }
        replicas[replica]?.phase = phase
    }

    /// Whether the application matches its spec and has no other deployments.
    func isRunning(_ name: String) -> Bool {
        guard let goal = goals[name] else { return false }
        return goal.deployments.allSatisfy { isComplete($0.id, $0) }
            && deployments.keys.allSatisfy { id in
                id.application != name || goal.deployments.contains { $0.id == id }
            }
    }

    /// Whether the deployment has exactly the replicas that `spec` wants, and no others serve.
    func isComplete(_ id: DeploymentID, _ spec: DeploymentSpec) -> Bool {
        guard let set = published[id] else { return false }
        return !fellBack.contains(id) && set.count == target(of: id) && set == live(id) && isCurrent(set, spec)
    }

    private func isCurrent(_ set: [ReplicaID], _ spec: DeploymentSpec) -> Bool {
        set.allSatisfy { replica in
            replicas[replica]?.spec.revision == spec.revision
                && replicas[replica]?.configuration == spec.configuration && replicas[replica]?.update == nil
        }
    }

    /// Checks what must hold after every step.
    private func check() throws {
        let all = Dictionary(grouping: replicas.lazy.filter(\.value.isLive).map(\.key), by: \.deployment)
        for id in Set(all.keys).union(published.keys) {
            let live = all[id, default: []]
            guard let spec = effective(id) else {
                if !live.isEmpty || published[id] != nil { throw illegal("\(id) is deleted, but has \(live)") }
                continue
            }
            let current = live.filter { replicas[$0]?.spec.revision == spec.revision }
            if current.count > target(of: id) { throw illegal("too many: \(current)") }
            let healing = live.filter { replica in
                replicas[replica]?.phase == .starting && replicas[replica]?.spec.revision == trusted[id]?.spec.revision
            }
            let idle = Set(live).subtracting(current).subtracting(published[id, default: []]).subtracting(healing)
            if published[id] == nil, live.contains(where: { replicas[$0]?.phase == .ready }) {
                throw illegal("\(id) is withdrawn, but could serve")
            }
            if !idle.isEmpty { throw illegal("old and idle: \(idle)") }
        }
        for route in routes where deployments[route.ingress] == nil || goals[route.application] == nil {
            throw illegal("\(route) leads nowhere")
        }
    }

    /// Checks a roll-out's own actions: it never leaves fewer serving replicas than its rule allows, and never starts
    /// more than its rule allows.
    private func checkRollout(_ id: DeploymentID, _ actions: [ControlAction], servedBefore: [ReplicaID]) throws {
        guard let spec = effective(id), let served = published[id] else { return }
        let target = target(of: id)
        let surge = spec.options.rollout.bounds(target: target).surge
        let unavailable = unavailable(spec)
        let dropped = servedBefore.filter { replica in
            guard let known = replicas[replica], !known.isSick, !served.contains(replica) else { return false }
            return known.phase == .ready || actions.contains(.drain(replica))
        }
        let isOneForRoom = isLimited(spec) && dropped.count == 1
        if !dropped.isEmpty, !isOneForRoom, served.count < target - unavailable {
            throw illegal("\(served) of \(target) serve after \(dropped) were dropped; \(unavailable) may be missing")
        }
        let isStarted = actions.contains {
            if case .start(let new, _, _) = $0 { new.deployment == id } else { false }
        }
        // When all new replicas start next to the old ones, there may be more old ones than the current target.
        guard isStarted, !spec.options.rollout.servesTogether else { return }
        let holding = live(id).count + (surge == 0 ? leaving(id).count : 0)
        if holding > target + surge { throw illegal("\(id) has \(holding) replicas, not \(target) + \(surge)") }
    }

    /// How many replicas may be missing during a roll-out. Resources can force one to stop one old replica at a time.
    private func unavailable(_ spec: DeploymentSpec) -> Int {
        let unavailable = spec.options.rollout.bounds(target: target(of: spec.id)).unavailable
        return isLimited(spec) ? max(unavailable, 1) : unavailable
    }

    private func illegal(_ what: String) -> Violation { Violation(description: what) }
}

extension World.Replica {
    mutating func end(_ number: Int, failed: Bool) {
        guard phase == .ready, let update, update.number == number else { return }
        configuration = failed ? nil : update.target
        self.update = nil
    }
}
